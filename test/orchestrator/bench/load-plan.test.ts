// When batches are due: a steady rate that a slow source does not slow down.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseBenchSettings } from '../../../src/orchestrator/bench/bench-table.ts'
import { planLoad, Schedule } from '../../../src/orchestrator/bench/load-plan.ts'

function planOf (options: Readonly<Record<string, string>>) {
  const parsed = parseBenchSettings(options)
  assert.ok(parsed.ok)
  return planLoad(parsed.settings)
}

describe('the plan of a load', () => {
  test('fills batches when the rate has no limit', () => {
    const { intervalMs, spec } = planOf({ recordSize: '1000', batchSize: '16KiB' })
    assert.deepEqual([spec.records, spec.spanMs, intervalMs], [16, 0, 0])
  })

  test('makes batches of what the linger of a partition collects', () => {
    const { intervalMs, spec } =
      planOf({ rate: '8000', partitions: '4', batchLinger: '5ms', recordSize: '100' })
    assert.deepEqual([spec.records, spec.spanMs, intervalMs], [11, 5, 5.5])
    const slow = planOf({ rate: '500', partitions: '4', batchLinger: '5ms' })
    assert.deepEqual([slow.spec.records, slow.spec.spanMs, slow.intervalMs], [1, 0, 8])
  })

  test('counts a rate in bytes by values', () => {
    const { intervalMs, spec } =
      planOf({ rate: '1MB/s', recordSize: '1000', partitions: '1', batchLinger: '0' })
    assert.deepEqual([spec.records, intervalMs], [1, 1])
  })

  test('refuses what is no rate, and names the option', () => {
    for (const rate of ['fast', '-1', '0', '10 records']) {
      const parsed = parseBenchSettings({ rate })
      assert.ok(!parsed.ok && parsed.problems.some(each => each.startsWith('--rate')), rate)
    }
  })
})

describe('a schedule', () => {
  test('keeps the times of batches that could not be sent in time', () => {
    // A stall of 100 ms: the batches are then sent at once, with the times at which they were due.
    const schedule = new Schedule(1, 10, 1_000)
    const taken: number[] = []
    for (;;) {
      const [batch] = schedule.take([0], 10, 1_100)
      if (batch === undefined) break
      taken.push(batch.dueMs)
    }
    assert.deepEqual(taken, Array.from({ length: 10 }, (_, i) => 1_010 + i * 10))
    assert.equal(schedule.firstMs(), 1_110)
  })

  test('returns whole milliseconds, none of them early, at any interval', () => {
    const schedule = new Schedule(3, 7 / 3, 1_000)
    for (let nowMs = 1_000; nowMs < 1_100; nowMs++) {
      for (const { dueMs } of schedule.take([0, 1, 2], 3, nowMs)) {
        assert.ok(Number.isInteger(dueMs) && dueMs <= nowMs)
      }
    }
    const taken = Math.round(100 / (7 / 3))
    assert.ok(Math.abs(schedule.firstMs() - 1_100) <= 3, `${taken}`)
  })

  test('serves partitions in turn without a rate', () => {
    const schedule = new Schedule(3, 0, 0)
    const order: number[] = []
    for (let nowMs = 1; nowMs <= 6; nowMs++) {
      const first = schedule.first()
      order.push(first)
      assert.deepEqual(schedule.take([first], 1, nowMs), [{ partition: first, dueMs: nowMs }])
    }
    assert.deepEqual(order, [0, 1, 2, 0, 1, 2])
  })
})
