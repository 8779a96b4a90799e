// Partitions of slots whose progress has not been read, or cannot be read.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { shownOf } from '../../../src/orchestrator/partitions/shown-state.ts'
import { createPartitions, orders, positionsOf, progressRecord } from './partitions-fixture.ts'

// Regression: a slot whose progress partition has no leader was only in readiness: its partitions
// were absent from the metrics.
describe('a partition of a slot whose progress cannot be read', () => {
  const leaderless = new ReplicatorError('PROGRESS_UNREADABLE', 'slot 0 has no leader')

  test('waits, with the reason', async () => {
    const { assigned, lines, partition, partitions, store } = createPartitions()
    await partitions.setTopics(orders)
    store.readError = () => leaderless
    await assert.rejects(partitions.acquire([0]), leaderless)
    await partitions.beginDue()
    const { error, state } = shownOf(partition(), false)
    assert.deepEqual([state, error, assigned, lines], ['waiting', leaderless, [], []])
    assert.equal(partitions.isRead(partition()), false)
  })

  test('begins at its progress once that can be read', async () => {
    const { assigned, partition, partitions, store } = createPartitions()
    store.append(progressRecord(10n, 12n))
    await partitions.setTopics(orders)
    store.readError = () => leaderless
    await assert.rejects(partitions.acquire([0]), leaderless)
    store.readError = undefined
    await partitions.acquire([0])
    assert.deepEqual(positionsOf(assigned), [[10n, 12n, 10]])
    assert.equal(partition().trouble, undefined)
  })

  test('leaves with the slot, and no progress of it is written', async () => {
    const { partitions, store } = createPartitions()
    await partitions.setTopics(orders)
    store.readError = () => leaderless
    await assert.rejects(partitions.acquire([0]), leaderless)
    assert.deepEqual(await partitions.release([0], 1_000, false), [])
    await partitions.setTopics(orders)
    assert.equal(partitions.table.size, 0)
    assert.deepEqual(store.written, [])
  })
})
