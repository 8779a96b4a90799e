// Bounds the wait for work: by a moment in time, or by a signal. Neither ends the work itself: the
// work must honour the signal.
import type { Clock } from './clock.ts'

export class Deadline {
  readonly #clock: Clock
  readonly #endMs: number
  readonly #passed = new AbortController()
  readonly #cancelled = new AbortController()

  /** Passes in `ms` milliseconds. cancel() frees the timer. */
  constructor (clock: Clock, ms: number) {
    this.#clock = clock
    this.#endMs = clock.monotonic() + ms
    clock.sleep(ms, this.#cancelled.signal).then(() => { this.#passed.abort() }, () => {})
  }

  /** Aborted when the deadline passes. */
  get signal (): AbortSignal { return this.#passed.signal }

  remainingMs (): number { return Math.max(0, this.#endMs - this.#clock.monotonic()) }

  /**
   * The result of the work, or undefined when the deadline passes first. The work then continues,
   * and its later failure is ignored.
   */
  async bound<T> (work: Promise<T>): Promise<T | undefined> {
    try {
      return await unlessAborted(this.signal, work)
    } catch (thrown) {
      if (this.signal.aborted) return undefined
      throw thrown
    }
  }

  cancel (): void { this.#cancelled.abort() }
}

/** Like `work`, but rejects with the signal's reason as soon as the signal is aborted. */
export async function unlessAborted<T> (signal: AbortSignal, work: Promise<T>): Promise<T> {
  work.catch(() => {}) // after an abort nobody handles its failure
  signal.throwIfAborted()
  let onAbort = (): void => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => { reject(signal.reason as Error) }
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    // Remove the listener: a long-lived signal would otherwise collect one for each wait.
    signal.removeEventListener('abort', onAbort)
  }
}

/**
 * The result of work that ends with its signal: `ms` after the begin, or when `signal` is aborted.
 * The reason after `ms` is a TimeoutError.
 */
export async function withinMs<T> (
  ms: number, signal: AbortSignal, work: (bound: AbortSignal) => Promise<T>
): Promise<T> {
  // Not AbortSignal.any() of AbortSignal.timeout(): Node 20 may collect a timeout that only a
  // combined signal refers to, and the work would have no end.
  const ended = new AbortController()
  const timer = setTimeout(() => {
    ended.abort(new DOMException(`no answer within ${ms} ms`, 'TimeoutError'))
  }, ms)
  const onAbort = (): void => { ended.abort(signal.reason) }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await work(ended.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}
