// Where a partition of an acquired slot begins, and when its start is looked up again.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  createPartitions, orders, ordersWith, positionsOf, progressRecord
} from './partitions-fixture.ts'

describe('where a partition of an acquired slot begins', () => {
  test('at its progress, if it has any', async () => {
    const { partitions, store, assigned } = createPartitions()
    store.append(progressRecord(10n, 12n))
    await partitions.setTopics(orders)
    await partitions.acquire([0])
    assert.deepEqual(positionsOf(assigned), [[10n, 12n, 10]])
    assert.equal(store.written.length, 1)
  })

  test('at the start, which is recorded before anything is assigned', async () => {
    const { partitions, store, assigned } = createPartitions()
    await partitions.setTopics(orders)
    store.beforeWrite = () => { assert.equal(assigned.length, 0) }
    await partitions.acquire([0])
    assert.equal(store.written.length, 1)
    assert.deepEqual(positionsOf(assigned), [[0n, 0n, 0]])
  })

  test('at the end with auto.offset.reset=latest', async () => {
    const { partitions, source, assigned } = createPartitions('skip',
      { of: topic => topic === 'orders' ? 'latest' : 'earliest', isRelative: true })
    source.ends.set('orders/0', 7n)
    await partitions.setTopics(orders)
    await partitions.acquire([0])
    assert.deepEqual(positionsOf(assigned), [[7n, 0n, 0]])
  })

  // Two processes start at once: the first owns every slot, the group assigns one of them to the
  // second, which reads the slot while it is empty. The first then begins and sends a hundred
  // records. If the second began at the end of the target, it would look for records of the flow
  // after all sent ones, find none, and send them again with sequences that the broker has
  // forgotten.
  test('where another process began it while this one asked for the end', async () => {
    const { partitions, target, store, assigned } = createPartitions()
    await partitions.setTopics(orders)
    const listOffsets = target.listOffsets.bind(target)
    target.listOffsets = async wanted => {
      if (wanted.some(({ topic }) => topic === 'east.orders')) {
        store.append(progressRecord(0n, 0n))
        target.ends.set('east.orders/0', 100n)
      }
      return await listOffsets(wanted)
    }
    await partitions.acquire([0])
    assert.deepEqual(positionsOf(assigned), [[0n, 0n, 0]])
    assert.equal(store.written.length, 1, 'its record must not be overwritten')
  })

  // Regression: only the refresh of the topics looked it up again, ten minutes later by default.
  test('is looked up again within seconds if a cluster did not answer', async () => {
    const { assigned, clock, partition, partitions, source } = createPartitions()
    source.error = new ReplicatorError('_TRANSPORT', 'east')
    await partitions.setTopics(orders)
    await partitions.acquire([0])
    assert.equal(partition().state, 'positioning')
    assert.equal(partition().trouble?.error.errorName, '_TRANSPORT')
    source.error = undefined
    clock.skip(1_000)
    await partitions.beginDue()
    assert.equal(assigned.length, 1)
    assert.equal(partition().trouble, undefined)
  })

  // A broker creates the logs of many new topics one after another, and answers until then that it
  // is not their leader. Regression: the wait doubled with each answer, to half a minute:
  // partitions with a leader by then continued to wait.
  test('is looked up every few seconds as long as it has no leader', async () => {
    const { assigned, clock, partitions, target } = createPartitions()
    target.error = new ReplicatorError('NOT_LEADER_OR_FOLLOWER', 'east.orders-0')
    await partitions.setTopics(orders)
    await partitions.acquire([0])
    for (let round = 0; round < 20; round++) {
      clock.skip(3_000)
      await partitions.beginDue()
    }
    target.error = undefined
    clock.skip(3_000)
    await partitions.beginDue()
    assert.equal(assigned.length, 1)
  })

  // Regression: `faulted` fell to 0 during the two requests of every refresh.
  test('remains a fault while it is looked up again', async () => {
    const { clock, partition, partitions, target } = createPartitions()
    target.ends.set('east.orders/0', 5n)
    await partitions.setTopics(orders)
    await partitions.acquire([0])
    const isRefused = (): boolean => partition().trouble?.error.errorName === 'TARGET_NOT_EMPTY'
    assert.ok(isRefused())
    const listOffsets = target.listOffsets.bind(target)
    const shown: boolean[] = []
    target.listOffsets = async wanted => {
      shown.push(isRefused())
      return await listOffsets(wanted)
    }
    clock.skip(60_000)
    await partitions.beginDue()
    assert.ok(shown.length > 0 && shown.every(Boolean), shown.join())
  })

  test('is not looked up while the whole topic cannot be mirrored', async () => {
    const { assigned, clock, lines, partition, partitions } = createPartitions()
    const error = new ReplicatorError('TOPIC_CREATE_FAILED', 'east.orders on west')
    await partitions.acquire([0])
    await partitions.setTopics(ordersWith(error))
    clock.skip(600_000)
    await partitions.beginDue()
    assert.equal(partition().trouble?.error, error)
    assert.deepEqual(lines, [])
    await partitions.setTopics(orders)
    assert.equal(assigned.length, 1)
  })
})
