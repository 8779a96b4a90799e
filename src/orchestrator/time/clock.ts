// The only access to time and randomness: code that waits, measures or jitters receives a Clock or
// a Random, so that a test can control both. Owns no loops and no retries.

export interface Clock {
  /** Milliseconds since the epoch; may jump when the host's clock is set. */
  now (): number
  /** Milliseconds since an arbitrary start; never goes back. Measure durations with this one. */
  monotonic (): number
  /** Resolves after `ms`; rejects with the signal's reason as soon as the signal is aborted. */
  sleep (ms: number, signal?: AbortSignal): Promise<void>
}

/** A number in [0, 1). */
export type Random = () => number

/** setTimeout fires at once beyond this (a signed 32-bit count), so longer waits are split. */
const timerMsMax = 2 ** 31 - 1

export const systemRandom: Random = () => Math.random()

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep (ms, signal) {
    let leftMs = Math.max(0, ms)
    do {
      const partMs = Math.min(leftMs, timerMsMax)
      await sleepOnce(partMs, signal)
      leftMs -= partMs
    } while (leftMs > 0)
  }
}

/** CLOCK_MONOTONIC in microseconds, for programs that compare it with their own. */
export function systemMonotonicUsec (): bigint { return process.hrtime.bigint() / 1000n }

function sleepOnce (ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    // Remove the listener: a long-lived signal would otherwise collect one for each sleep.
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
