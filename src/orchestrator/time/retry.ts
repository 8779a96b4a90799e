// Bounded exponential backoff with jitter. Does not decide which errors are retriable: the caller
// asks the error table and passes the answer.
import { systemRandom, type Clock, type Random } from './clock.ts'

export interface Backoff {
  readonly initialMs: number
  readonly maxMs: number
  /** Growth with each failure; 2 by default. */
  readonly multiplier?: number
  /** Random share of the wait, 0..1; 0.2 by default. */
  readonly jitter?: number
}

export interface RetryOptions {
  readonly clock: Clock
  readonly backoff: Backoff
  /** Number of attempts, the first included; at least 1. */
  readonly attemptsMax: number
  readonly isRetriable: (error: unknown) => boolean
  /** Called before each wait. `failures` counts from 1. */
  readonly onRetry?: (error: unknown, failures: number, delayMs: number) => void
  readonly random?: Random
  readonly signal?: AbortSignal
}

/**
 * The wait after the n-th failure in a row (n >= 1). Jitter only shortens it, so `maxMs` is a true
 * bound, and lanes that lost the same broker at the same moment do not reconnect together.
 */
export function backoffDelayMs (backoff: Backoff, failures: number, random: Random): number {
  const multiplier = backoff.multiplier ?? 2
  const jitter = backoff.jitter ?? 0.2
  // After very many failures the product is Infinity; the minimum bounds it.
  const fullMs = Math.min(backoff.maxMs, backoff.initialMs * multiplier ** (failures - 1))
  return fullMs * (1 - jitter * random())
}

/**
 * Rejects with the last error once it is final or no attempt is left, or with an abort's reason.
 */
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
