// A clock that moves only when a test moves it.
import type { Clock } from '../../../src/orchestrator/time/clock.ts'

interface Sleeper {
  readonly wakeMs: number
  readonly wake: () => void
}

export class ManualClock implements Clock {
  #ms = 0
  readonly #epochMs: number
  #sleepers: Sleeper[] = []

  constructor (epochMs = Date.UTC(2025, 0, 1)) {
    this.#epochMs = epochMs
  }

  /** How many sleepers wait: shows a sleeper that a test forgot to wake. */
  get sleeping (): number {
    return this.#sleepers.length
  }

  now (): number {
    return this.#epochMs + this.#ms
  }

  monotonic (): number {
    return this.#ms
  }

  sleep (ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason)
        return
      }
      const onAbort = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
        reject(signal?.reason)
      }
      const wake = (): void => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      const sleeper = { wakeMs: this.#ms + ms, wake }
      this.#sleepers.push(sleeper)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Moves time forward, waking sleepers in order and letting each run before the next wakes. */
  async advance (ms: number): Promise<void> {
    const endMs = this.#ms + ms
    await settle()
    for (;;) {
      const next = this.#sleepers
        .filter((sleeper) => sleeper.wakeMs <= endMs)
        .sort((a, b) => a.wakeMs - b.wakeMs)[0]
      if (next === undefined) break
      this.#ms = next.wakeMs
      this.#sleepers = this.#sleepers.filter((other) => other !== next)
      next.wake()
      await settle()
    }
    this.#ms = endMs
  }

  /** Moves time without waking sleepers, as during a long synchronous run. */
  skip (ms: number): void {
    this.#ms += ms
  }
}

/** Lets every resolved promise run; an immediate runs after all microtasks. */
export function settle (): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve) })
}
