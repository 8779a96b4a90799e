// How often a failure is retried, after which wait, and when not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoffDelayMs, retry, type RetryOptions } from '../../../src/orchestrator/time/retry.ts'
import { ManualClock, settle } from './manual-clock.ts'

const backoff = { initialMs: 100, maxMs: 1000, jitter: 0.5 }

function createRetry (options: Partial<RetryOptions> = {}) {
  const clock = new ManualClock()
  const delays: number[] = []
  return {
    clock,
    delays,
    options: {
      clock,
      backoff,
      attemptsMax: 5,
      isRetriable: () => true,
      onRetry: (_error, _failures, delayMs) => { delays.push(delayMs) },
      random: () => 0,
      ...options
    } satisfies RetryOptions
  }
}

test('the wait doubles up to its bound, and jitter only shortens it', () => {
  const longest = [1, 2, 3, 4, 5, 6].map((failures) => backoffDelayMs(backoff, failures, () => 0))
  assert.deepEqual(longest, [100, 200, 400, 800, 1000, 1000])
  assert.equal(backoffDelayMs(backoff, 1, () => 0.999), 100 * (1 - 0.5 * 0.999))
  assert.equal(backoffDelayMs(backoff, 5000, () => 0), 1000)
})

test('a retriable failure is retried until it succeeds', async () => {
  const { clock, delays, options } = createRetry()
  const result = retry(options, async (number) => {
    if (number < 3) throw new Error('not yet')
    return number
  })
  await clock.advance(300)
  assert.equal(await result, 3)
  assert.deepEqual(delays, [100, 200])
})

test('the last error is thrown once attempts are used up', async () => {
  const { clock, delays, options } = createRetry({ attemptsMax: 3 })
  const result = retry(options, async (number) => { throw new Error(`attempt ${number}`) })
  const rejected = assert.rejects(result, /attempt 3/)
  await clock.advance(10_000)
  await rejected
  assert.equal(delays.length, 2)
})

test('an error that is not retriable is thrown at once', async () => {
  const { delays, options } = createRetry({ isRetriable: () => false })
  await assert.rejects(retry(options, async () => { throw new Error('refused') }), /refused/)
  assert.deepEqual(delays, [])
})

test('an abort ends the wait', async () => {
  const abort = new AbortController()
  const { clock, options } = createRetry({ signal: abort.signal })
  const rejected = assert.rejects(
    retry(options, async () => { throw new Error('not yet') }), /closing/)
  await settle()
  abort.abort(new Error('closing'))
  await rejected
  assert.equal(clock.sleeping, 0)
})
