// One producer id a flow, whoever starts first; and progress that counts for that id only.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import type { SlotRecord } from '../../../src/orchestrator/progress/progress-store.ts'
import {
  agreeOnProducer, ensureProgressTopic, progressTopicOf, restoreSlots, type ProgressTopicOptions
} from '../../../src/orchestrator/progress/progress-topic.ts'
import { FakeCluster, FakeProgressStore } from '../flow/fake-cluster.ts'

const topic = progressTopicOf('east')

function createTopic (slots = 4): {
  readonly cluster: FakeCluster
  readonly store: FakeProgressStore
  readonly options: ProgressTopicOptions
} {
  const cluster = new FakeCluster()
  const store = new FakeProgressStore(cluster, topic)
  const options = {
    target: cluster.admin(), store: store.store(), topic, slots, replicationFactor: 3,
    othersRun: async () => false
  }
  return { cluster, store, options }
}

function producerRecord (producerId: bigint): SlotRecord {
  return { slot: 0, record: { kind: 'producer', producer: { producerId, producerEpoch: 0 } } }
}

function partitionRecord (slot: number, upstream: bigint, producerId: bigint): SlotRecord {
  const progress = { upstream, downstream: upstream, sequence: Number(upstream) }
  const source = { topic: 'orders', partition: slot }
  return { slot, record: { kind: 'partition', source, progress, producerId } }
}

describe('the progress topic', () => {
  test('is made compacted, with a partition a slot, by whoever comes first', async () => {
    const { cluster, options } = createTopic()
    assert.equal(await ensureProgressTopic(options), true)
    assert.deepEqual(cluster.created, [{
      name: 'longhaul-progress.east.internal',
      partitions: 4,
      replicationFactor: 3,
      configs: { 'cleanup.policy': 'compact' }
    }])
    assert.equal(await ensureProgressTopic(options), false)
    assert.equal(cluster.created.length, 1)
  })

  test('of another number of slots is refused: partitions would change owners', async () => {
    const { cluster, options } = createTopic()
    cluster.topics.set(topic, 32)
    await assert.rejects(ensureProgressTopic(options),
      (error: ReplicatorError) => error.errorName === 'PROGRESS_SLOTS_CHANGED')
  })

  test('made by another process in the meantime is taken as it is', async () => {
    const { cluster, options } = createTopic()
    cluster.createError = new ReplicatorError('TOPIC_ALREADY_EXISTS', topic)
    assert.equal(await ensureProgressTopic(options), false)
  })

  test('that cannot be made fails with the setting that may be the reason', async () => {
    const { cluster, options } = createTopic()
    cluster.createError = new ReplicatorError('INVALID_REPLICATION_FACTOR', 'one broker')
    await assert.rejects(ensureProgressTopic(options), (error: ReplicatorError) =>
      error.setting === 'progress.topic.replication.factor')
  })
})

describe('the producer id of a flow (invariant A)', () => {
  test('is allocated once and found again', async () => {
    const { cluster, options } = createTopic()
    cluster.topics.set(topic, 4)
    const first = await agreeOnProducer(options)
    assert.deepEqual(await agreeOnProducer(options), first)
    assert.equal(first.producerId, 1000n)
  })

  test('is the one kept first, when another process keeps one at the same time', async () => {
    const { cluster, store, options } = createTopic()
    cluster.topics.set(topic, 4)
    store.beforeWrite = () => {
      store.beforeWrite = () => {}
      store.append(producerRecord(77n))
    }
    assert.equal((await agreeOnProducer(options)).producerId, 77n)
    // What compaction will leave is the newest record: it must name the same id.
    const last = store.written.at(-1)?.record
    assert.ok(last?.kind === 'producer')
    assert.equal(last.producer.producerId, 77n)
  })
})

describe('the producer id of a flow, when its records are compacted', () => {
  // A process that came second wrote its own id and died before it could write the first again.
  test('is put behind one that came later', async () => {
    const { cluster, store, options } = createTopic()
    cluster.topics.set(topic, 4)
    store.append(producerRecord(77n), producerRecord(78n))
    assert.equal((await agreeOnProducer(options)).producerId, 77n)
    assert.deepEqual(store.written.at(-1), producerRecord(77n))
    assert.equal((await agreeOnProducer(options)).producerId, 77n)
    assert.equal(store.written.length, 3)
  })

  // A process that runs has it in memory: an id of our own would make it count from nothing.
  test('is waited for where processes run that had one, and never allocated beside them',
    async () => {
      const { options, store } = createTopic()
      await ensureProgressTopic(options)
      let looks = 0
      const othersRun = async (): Promise<boolean> => {
        if (++looks === 2) store.append(producerRecord(77n))
        return true
      }
      assert.equal((await agreeOnProducer({ ...options, othersRun })).producerId, 77n)
    })

  test('that those do not write again is an error after a while, not a wait for ever', async () => {
    const { options, store } = createTopic()
    await ensureProgressTopic(options)
    await assert.rejects(
      agreeOnProducer({ ...options, othersRun: async () => true, othersMsMax: -1 }),
      (error: ReplicatorError) => error.errorName === 'PROGRESS_UNREADABLE')
    assert.deepEqual(store.written, [])
  })
})

describe('progress of slots', () => {
  test('is what was written last, of the slots asked for', async () => {
    const { cluster, store, options } = createTopic()
    cluster.topics.set(topic, 4)
    store.append(partitionRecord(1, 5n, 7n), partitionRecord(2, 6n, 7n), partitionRecord(1, 9n, 7n))
    const restored = await restoreSlots(options, [1], { producerId: 7n, producerEpoch: 0 })
    assert.deepEqual([...restored],
      [['orders/1', { upstream: 9n, downstream: 9n, sequence: 9 }]])
  })

  test('of another producer id is left out: its sequences count other records', async () => {
    const { cluster, store, options } = createTopic()
    cluster.topics.set(topic, 4)
    store.append(partitionRecord(1, 5n, 6n))
    const restored = await restoreSlots(options, [1], { producerId: 7n, producerEpoch: 0 })
    assert.equal(restored.size, 0)
  })

  test('whose end nobody knows is not taken for none', async () => {
    const { cluster, store, options } = createTopic()
    cluster.topics.set(topic, 4)
    store.append(partitionRecord(1, 5n, 7n))
    cluster.ends.set(`${topic}/1`, -1n)
    await assert.rejects(restoreSlots(options, [1], { producerId: 7n, producerEpoch: 0 }),
      (error: ReplicatorError) => error.errorName === 'PROGRESS_UNREADABLE')
  })

  test('that cannot be located fails as a whole: none is not the same as unknown', async () => {
    const { options } = createTopic()
    await assert.rejects(restoreSlots(options, [1], { producerId: 7n, producerEpoch: 0 }))
  })
})
