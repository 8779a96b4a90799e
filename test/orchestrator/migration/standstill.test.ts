// When MirrorMaker 2 counts as stopped.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { untilStandstill } from '../../../src/orchestrator/migration/standstill.ts'
import type { Clock } from '../../../src/orchestrator/time/clock.ts'

const never = new AbortController().signal

/** A MirrorMaker 2 that commits until a time, and whose workers leave at a time. */
function createMirrorMaker (commitsUntilMs: number, leavesAtMs: number) {
  let nowMs = 0
  const said: string[] = []
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    sleep: async ms => { nowMs += ms }
  }
  const lastCommitMs = (): number => Math.min(nowMs, commitsUntilMs)
  const options = {
    mark: async () => String(lastCommitMs()),
    hasCommitSince: async (sinceMs: number) => lastCommitMs() >= sinceMs,
    workers: async () => nowMs < leavesAtMs ? 2 : 0,
    quietMs: 65_000,
    timeoutMs: 300_000,
    clock,
    onWait: (text: string) => { said.push(text) }
  }
  return { options, said, now: () => nowMs }
}

test('MirrorMaker 2 has stopped once its group is empty and its last commit is old', async () => {
  const { now, options, said } = createMirrorMaker(20_000, 40_000)
  await untilStandstill(options, never)
  assert.ok(now() > 85_000 && now() < 90_000, String(now()))
  assert.deepEqual(said,
    ['its group has 2 workers', 'its newest commit is less than 65 s old'])
})

test('commits that continue end the wait with an error', async () => {
  const { options } = createMirrorMaker(1_000_000, 0)
  await assert.rejects(untilStandstill(options, never),
    { errorName: 'MIRROR_MAKER_RUNS', detail: 'its newest commit is less than 65 s old' })
})

// Its commits have the timestamps of another clock, an hour behind: none looks recent.
test('commits with old timestamps are detected by the ends of the offsets topic', async () => {
  const { now, options } = createMirrorMaker(10_000, 0)
  await untilStandstill({ ...options, hasCommitSince: async () => false }, never)
  assert.equal(now(), 11_000)
})
