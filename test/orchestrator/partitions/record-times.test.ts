// The search for the timestamp of the first record that the target lacks.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { recordTimes } from '../../../src/orchestrator/partitions/record-times.ts'
import { FakeCluster } from '../flow/fake-cluster.ts'

const nowMs = Date.UTC(2026, 0, 1)
const minuteMs = 60_000
const yearMs = 365 * 24 * 60 * minuteMs

/** `records`: age and offset. */
async function ageOf (
  records: ReadonlyArray<readonly [ageMs: number, offset: bigint]>, from: bigint
): Promise<number | undefined> {
  const source = new FakeCluster()
  source.addTopic('orders', 1)
  source.times.set('orders/0', records.map(([ageMs, offset]) => [BigInt(nowMs - ageMs), offset]))
  const [found] = await recordTimes(
    source.admin(), [{ partition: { topic: 'orders', partition: 0 }, from }], nowMs)
  assert.ok(found)
  return found.timestampMs === undefined ? undefined : nowMs - found.timestampMs
}

describe('the first record after a position', () => {
  test('is found among older and newer ones', async () => {
    const log = [[yearMs, 0n], [50 * minuteMs, 7n], [3 * minuteMs, 8n], [minuteMs, 9n]] as const
    assert.equal(await ageOf(log, 8n), 3 * minuteMs)
    assert.equal(await ageOf(log, 7n), 50 * minuteMs)
    assert.equal(await ageOf(log, 0n), yearMs)
  })

  // The position of a partition is often after the marker of a transaction, or in a gap from
  // compaction. The record before it must not count: the source may have been idle for a day.
  test('is the next one if the position has none', async () => {
    assert.equal(await ageOf([[yearMs, 0n], [5 * minuteMs, 12n], [0, 13n]], 10n), 5 * minuteMs)
  })

  test('that is younger than a second is found', async () => {
    assert.equal(await ageOf([[yearMs, 4n], [200, 5n]], 5n), 200)
  })

  test('is not known after a record of the future', async () => {
    assert.equal(await ageOf([[-yearMs, 4n], [minuteMs, 5n]], 5n), undefined)
  })

  test('of the future has no age', async () => {
    assert.equal(await ageOf([[yearMs, 4n], [-yearMs, 5n]], 5n), undefined)
  })
})

test('a partition without an answer of the source is left out', async () => {
  const source = new FakeCluster()
  const wanted = [{ partition: { topic: 'unknown', partition: 0 }, from: 3n }]
  assert.deepEqual(await recordTimes(source.admin(), wanted, nowMs), [])
  source.error = new ReplicatorError('_TRANSPORT', 'east')
  await assert.rejects(recordTimes(source.admin(), wanted, nowMs))
})
