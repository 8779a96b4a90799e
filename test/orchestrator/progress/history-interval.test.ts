// When the history of a partition is written: seldom, and always before a position that would not
// match the recorded history.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HistoryInterval } from '../../../src/orchestrator/progress/history-interval.ts'
import { withPoint, withoutHistory } from '../../../src/orchestrator/progress/progress-history.ts'
import type { Progress } from '../../../src/orchestrator/progress/progress.ts'
import { ManualClock } from '../time/manual-clock.ts'

const source = { topic: 'orders', partition: 0 }
const begun: Progress = withPoint({ upstream: 5n, downstream: 0n, sequence: 0 })

function moved (progress: Progress, records: number): Progress {
  return withPoint({
    ...progress,
    upstream: progress.upstream + BigInt(records),
    downstream: progress.downstream + BigInt(records),
    sequence: progress.sequence + records
  })
}

test('the history of a partition is written with its first records, then once a minute', () => {
  const clock = new ManualClock()
  const interval = new HistoryInterval(clock, () => 0)
  assert.equal(interval.isDue(source, begun), false)
  const first = moved(begun, 10)
  assert.equal(interval.isDue(source, first), true)
  interval.written(source, first)
  const second = moved(first, 10)
  clock.skip(59_000)
  assert.equal(interval.isDue(source, second), false)
  clock.skip(1_000)
  assert.equal(interval.isDue(source, second), true)
})

test('a new leader epoch and a new era do not wait', () => {
  const interval = new HistoryInterval(new ManualClock(), () => 0)
  const progress = moved({ ...begun, leaderEpoch: 3 }, 10)
  interval.written(source, progress)
  assert.equal(interval.isDue(source, moved(progress, 1)), false)
  assert.equal(interval.isDue(source, { ...progress, leaderEpoch: 4 }), true)
  assert.equal(interval.isDue(source, withoutHistory(progress)), true)
})

test('partitions that begin together are later written at different times', () => {
  const clock = new ManualClock()
  const chances = [0, 0.9]
  const interval = new HistoryInterval(clock, () => chances.shift() ?? 0)
  const other = { topic: 'orders', partition: 1 }
  const progress = moved(begun, 10)
  interval.written(source, progress)
  interval.written(other, progress)
  clock.skip(40_000)
  assert.equal(interval.isDue(source, progress), false)
  assert.equal(interval.isDue(other, progress), true)
})
