// Bounded exponential back-off with jitter. Knows nothing of which errors are retriable: the
// caller asks the error table and hands the answer in.
import { systemRandom, type Clock, type Random } from './clock.ts'

export interface Backoff {
  readonly initialMs: number
  readonly maxMs: number
  /** Growth a failure; 2 unless told otherwise. */
  readonly multiplier?: number
  /** Share of the wait that is left to chance, 0..1; 0.2 unless told otherwise. */
  readonly jitter?: number
}

export interface RetryOptions {
  readonly clock: Clock
  readonly backoff: Backoff
  /** Attempts in all, the first one included; at least 1. */
  readonly attemptsMax: number
  readonly isRetriable: (error: unknown) => boolean
  /** Called before each wait. `failures` counts from 1. */
  readonly onRetry?: (error: unknown, failures: number, delayMs: number) => void
  readonly random?: Random
  readonly signal?: AbortSignal
}

/**
 * The wait after the n-th failure in a row (n >= 1). Jitter only shortens, so `maxMs` is a true
 * bound, and lanes that lost the same broker at the same moment do not come back together.
 */
export function backoffDelayMs (backoff: Backoff, failures: number, random: Random): number {
  const multiplier = backoff.multiplier ?? 2
  const jitter = backoff.jitter ?? 0.2
  // Infinity (a very long row of failures) is brought back by the minimum.
  const fullMs = Math.min(backoff.maxMs, backoff.initialMs * multiplier ** (failures - 1))
  return fullMs * (1 - jitter * random())
}

/** Throws the last error once it is final or attempts are used up; the reason of an abort. */
export async function retry<T> (
  options: RetryOptions,
  attempt: (number: number) => Promise<T>
): Promise<T> {
  const { attemptsMax, backoff, clock, isRetriable, onRetry, signal } = options
  const random = options.random ?? systemRandom
  for (let failures = 1; ; failures++) {
    signal?.throwIfAborted()
    try {
      return await attempt(failures)
    } catch (error) {
      if (failures >= attemptsMax || !isRetriable(error)) throw error
      const delayMs = backoffDelayMs(backoff, failures, random)
      onRetry?.(error, failures, delayMs)
      await clock.sleep(delayMs, signal)
    }
  }
}
