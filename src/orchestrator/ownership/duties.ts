// Work of a flow that one process does for all: each duty is bound to slots, and the owner of a
// slot does the duties of that slot. A duty begins when the slot is acquired and is aborted when
// the slot is released; then the next owner does it. A duty that fails is retried with a growing
// wait, and delays no other duty.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import { IntervalLoop } from '../time/interval-loop.ts'

export interface Duty {
  readonly name: string
  /** A function is asked before each wait. */
  readonly intervalMs: number | (() => number)
  /** When the first run begins after the slot was acquired; 'delayed' by default. */
  readonly first?: 'immediate' | 'delayed'
  /** The slot whose owner has the duty; undefined: the owner of each slot has it for that slot. */
  readonly slot?: number
  readonly run: (slot: number, signal: AbortSignal) => Promise<void>
  /** Runs after the last run for the slot: closes what the runs have opened. Must be bounded. */
  readonly end?: (slot: number) => Promise<void>
}

/** A duty of this process, with its last result; times in epoch ms. */
export interface DutyStatus {
  readonly name: string
  readonly slot: number
  readonly lastSuccessMs: number | undefined
  /** The duration of the last successful run. */
  readonly durationMs: number | undefined
  /** The error of the last run; undefined: the last run succeeded, or no run has ended. */
  readonly error: ReplicatorError | undefined
}

export interface DutiesOptions {
  readonly duties: readonly Duty[]
  /** Receives the failure of a run, unless the run before it failed with the same text. */
  readonly onError: (error: ReplicatorError) => void
  readonly clock: Clock
}

interface Running {
  readonly duty: Duty
  readonly loop: IntervalLoop
  status: DutyStatus
}

const backoffMaxMs = 60_000

export class Duties {
  readonly #options: DutiesOptions
  readonly #slots = new Map<number, readonly Running[]>()

  constructor (options: DutiesOptions) {
    this.#options = options
  }

  get statuses (): readonly DutyStatus[] {
    return [...this.#slots.values()].flat().map(({ status }) => status)
  }

  /** The last success of each duty, in the slot where that success is the oldest; epoch ms. */
  get lastSuccesses (): ReadonlyMap<string, number> {
    const oldest = new Map<string, number>()
    for (const { lastSuccessMs, name } of this.statuses) {
      if (lastSuccessMs === undefined) continue
      oldest.set(name, Math.min(oldest.get(name) ?? Infinity, lastSuccessMs))
    }
    return oldest
  }

  /** This process owns the slot from now on. */
  begin (slot: number): void {
    if (this.#slots.has(slot)) return
    const mine = this.#options.duties.filter(duty => (duty.slot ?? slot) === slot)
    const started = mine.map(duty => this.#start(duty, slot))
    this.#slots.set(slot, started)
  }

  /** Settings have changed: every duty runs now, and then at its interval. */
  wake (): void {
    for (const { loop } of [...this.#slots.values()].flat()) loop.wake()
  }

  /** This process is about to release the slots. Resolves once no duty runs for them any more. */
  async end (slots: readonly number[]): Promise<void> {
    const ending = slots.flatMap(slot => this.#slots.get(slot) ?? [])
    for (const slot of slots) this.#slots.delete(slot)
    await Promise.all(ending.map(async ({ duty, loop, status }) => {
      await loop.stop()
      await duty.end?.(status.slot)
    }))
  }

  #start (duty: Duty, slot: number): Running {
    const { first = 'delayed', intervalMs, name, run } = duty
    const { clock, onError } = this.#options
    const loop = new IntervalLoop({
      intervalMs,
      clock,
      first,
      backoff: { initialMs: 1_000, maxMs: backoffMaxMs },
      run: async signal => {
        const startedMs = clock.monotonic()
        await run(slot, signal)
        running.status = {
          name,
          slot,
          lastSuccessMs: clock.now(),
          durationMs: clock.monotonic() - startedMs,
          error: undefined
        }
      },
      onError: thrown => {
        const error = ReplicatorError.from(thrown)
        const isKnown = running.status.error?.message === error.message
        running.status = { ...running.status, error }
        if (!isKnown) onError(error)
      }
    })
    const running: Running = {
      duty,
      loop,
      status: { name, slot, lastSuccessMs: undefined, durationMs: undefined, error: undefined }
    }
    loop.start()
    return running
  }
}
