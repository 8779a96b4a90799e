// The real clock; all other tests use ManualClock.
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'

test('sleep resolves after its time and removes its listener from the signal', async () => {
  const { signal } = new AbortController()
  const startMs = systemClock.monotonic()
  await systemClock.sleep(5, signal)
  assert.ok(systemClock.monotonic() - startMs >= 4)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

test('sleep rejects with the reason as soon as its signal is aborted', async () => {
  const abort = new AbortController()
  const sleeping = systemClock.sleep(60_000, abort.signal)
  abort.abort(new Error('closing'))
  await assert.rejects(sleeping, /closing/)
  await assert.rejects(systemClock.sleep(60_000, abort.signal), /closing/)
})

// setTimeout treats more than 2^31-1 ms as 1 ms: a sleep of a month would spin.
test('a sleep longer than the limit of a timer does not end at once', async () => {
  const abort = new AbortController()
  let woke = false
  const sleeping = systemClock.sleep(2 ** 32, abort.signal).then(() => { woke = true }, () => {})
  await systemClock.sleep(10)
  assert.equal(woke, false)
  abort.abort()
  await sleeping
})
