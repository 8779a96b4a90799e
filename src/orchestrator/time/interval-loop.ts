// Runs one asynchronous piece of work repeatedly: one run at a time, and an error does not stop the
// loop. One promise and one timer exist at a time, whatever the work does.
import { systemRandom, type Clock, type Random } from './clock.ts'
import { backoffDelayMs, type Backoff } from './retry.ts'

export interface IntervalLoopOptions {
  /** A function is asked before each wait. */
  readonly intervalMs: number | (() => number)
  readonly clock: Clock
  /** The work. stop() aborts its signal; stop() is quick if the work honours the signal. */
  readonly run: (signal: AbortSignal) => Promise<void>
  /** Must count or log; the loop continues after the backoff. `failures` in a row, from 1. */
  readonly onError: (error: unknown, failures: number) => void
  /** When the first run begins; 'immediate' by default. */
  readonly first?: 'immediate' | 'delayed'
  /** The waits after failures. Without it a failed run is followed by the next tick. */
  readonly backoff?: Backoff
  readonly random?: Random
  /** An abort has the effect of stop(), for owners that end many things with one signal. */
  readonly signal?: AbortSignal
}

/** Legal moves: idle -> looping -> stopping -> stopped, and idle -> stopped. */
export type IntervalLoopState = 'idle' | 'looping' | 'stopping' | 'stopped'

export class IntervalLoop {
  readonly #options: IntervalLoopOptions
  readonly #abort = new AbortController()
  #waiting = new AbortController()
  #isWoken = false
  #state: IntervalLoopState = 'idle'
  #done: Promise<void> = Promise.resolve()

  constructor (options: IntervalLoopOptions) {
    this.#options = options
    if (!(this.#intervalMs > 0)) throw new RangeError('intervalMs must be above 0')
  }

  get #intervalMs (): number {
    const { intervalMs } = this.#options
    return typeof intervalMs === 'number' ? intervalMs : intervalMs()
  }

  get state (): IntervalLoopState {
    return this.#state
  }

  /** Starts the loop; a second call, or a call after stop(), has no effect. */
  start (): void {
    if (this.#state !== 'idle') return
    this.#state = 'looping'
    const { signal } = this.#options
    const onAbort = (): void => { this.#beginStop() }
    if (signal?.aborted === true) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#done = this.#loop().finally(() => {
      this.#state = 'stopped'
      signal?.removeEventListener('abort', onAbort)
    })
  }

  /** Ends the wait: the next run begins now, or as soon as the current one has ended. */
  wake (): void {
    this.#isWoken = true
    this.#waiting.abort()
  }

  /** Resolves once the current run has ended. Idempotent, legal in every state. */
  async stop (): Promise<void> {
    this.#beginStop()
    await this.#done
  }

  #beginStop (): void {
    if (this.#state === 'idle') this.#state = 'stopped'
    if (this.#state === 'looping') this.#state = 'stopping'
    this.#abort.abort()
    this.#waiting.abort()
  }

  async #loop (): Promise<void> {
    const { clock, first } = this.#options
    let failures = 0
    if (first === 'delayed') await this.#sleep(this.#intervalMs)
    while (!this.#abort.signal.aborted) {
      const startedMs = clock.monotonic()
      failures = await this.#runOnce(failures)
      if (this.#abort.signal.aborted) return
      await this.#sleep(this.#waitMs(clock.monotonic() - startedMs, failures))
    }
  }

  /** The number of failures in a row after this run. */
  async #runOnce (failures: number): Promise<number> {
    const { onError, run } = this.#options
    try {
      await run(this.#abort.signal)
      return 0
    } catch (error) {
      // A run that ended because of stop() has not failed.
      if (!this.#abort.signal.aborted) onError(error, failures + 1)
      return failures + 1
    }
  }

  /** Ticks are multiples of the interval; ticks that passed during a long run are skipped. */
  #waitMs (tookMs: number, failures: number): number {
    const { backoff, random } = this.#options
    const intervalMs = this.#intervalMs
    if (failures > 0 && backoff !== undefined) {
      return backoffDelayMs(backoff, failures, random ?? systemRandom)
    }
    return intervalMs - tookMs % intervalMs
  }

  async #sleep (ms: number): Promise<void> {
    if (!this.#isWoken && !this.#abort.signal.aborted) {
      const { signal } = this.#waiting = new AbortController()
      try {
        await this.#options.clock.sleep(ms, signal)
      } catch (error) {
        if (!signal.aborted) throw error
      }
    }
    this.#isWoken = false
  }
}
