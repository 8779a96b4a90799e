// A wall clock that does not jump: the time of the start, and what the monotonic clock has counted
// since. It has fractions of a millisecond; timestamps of records are whole milliseconds.
import type { Clock } from '../time/clock.ts'

export class BenchClock {
  readonly #clock: Clock
  readonly #offsetMs: number

  constructor (clock: Clock) {
    this.#clock = clock
    this.#offsetMs = clock.now() - clock.monotonic()
  }

  now (): number { return this.#clock.monotonic() + this.#offsetMs }

  /** Resolves early, and without an error, when the signal is aborted. */
  async sleepUntil (atMs: number, stopped: AbortSignal): Promise<void> {
    const waitMs = atMs - this.now()
    if (waitMs > 0) await this.#clock.sleep(waitMs, stopped).catch(() => {})
  }
}
