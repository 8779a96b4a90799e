// The progress of a running flow after its topic was deleted: each process notices it by reading
// the control records, and writes its progress again.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { ProgressKeeper } from '../../../src/orchestrator/progress/progress-keeper.ts'
import type { SlotRecord } from '../../../src/orchestrator/progress/progress-store.ts'
import { FakeCluster, FakeProgressStore } from '../flow/fake-cluster.ts'
import { agreementOptions, topic } from './agreement-options.ts'

const producer = { producerId: 7n, producerEpoch: 0 }
const signal = new AbortController().signal
const missing = new ReplicatorError('PROGRESS_UNREADABLE', topic, {
  cause: new ReplicatorError('UNKNOWN_TOPIC_OR_PARTITION', `${topic}-0`)
})

const position: SlotRecord = {
  slot: 1,
  record: {
    kind: 'partition', source: { topic: 'orders', partition: 0 },
    progress: { upstream: 5n, downstream: 5n, sequence: 5 }, producerId: producer.producerId
  }
}

/** A store whose next readings fail, or show another topic. */
class ReadStore extends FakeProgressStore {
  readErrors: ReplicatorError[] = []
  isRecreated = false

  async readOthers (): Promise<readonly []> {
    const error = this.readErrors.shift()
    if (error !== undefined) throw error
    return []
  }

  takeRecreated (): boolean {
    const { isRecreated } = this
    this.isRecreated = false
    return isRecreated
  }
}

async function createKeeper () {
  const cluster = new FakeCluster()
  cluster.addTopic(topic, 4)
  const store = new ReadStore()
  const reports: string[] = []
  const warnings: string[] = []
  const [described] = await cluster.describeTopics([topic])
  const keeper = new ProgressKeeper({
    agreement: agreementOptions(cluster, store, error => { warnings.push(error.errorName) }),
    store: store.store(),
    producer,
    topicId: described?.topicId ?? null,
    everything: () => [position],
    onRewritten: error => { reports.push(error.errorName) }
  })
  const isRewritten = (): boolean => store.written.includes(position)
  return { cluster, store, keeper, reports, warnings, isRewritten }
}

describe('a process that reads the control records', () => {
  // Regression: only a write noticed the deletion. librdkafka holds a write to a topic that it has
  // known for less than half a minute back until then, and an idle process writes nothing.
  test('writes its progress again if the topic is missing', async () => {
    const { cluster, isRewritten, keeper, reports, store } = await createKeeper()
    cluster.topics.delete(topic)
    store.readErrors = [missing]
    assert.deepEqual(await keeper.readOthers(0, signal), [])
    assert.deepEqual(cluster.created.map(({ name }) => name), [topic])
    assert.ok(isRewritten())
    assert.deepEqual(reports, ['PROGRESS_DELETED'])
  })

  test('writes its progress again if another process has recreated the topic', async () => {
    const { cluster, isRewritten, keeper, reports, store } = await createKeeper()
    cluster.addTopic(topic, 4)
    store.isRecreated = true
    await keeper.readOthers(0, signal)
    assert.ok(isRewritten())
    await keeper.readOthers(0, signal)
    assert.deepEqual(reports, ['PROGRESS_DELETED'])
  })

  test('tries that again if it fails, and returns the records all the same', async () => {
    const { cluster, isRewritten, keeper, store, warnings } = await createKeeper()
    cluster.addTopic(topic, 4)
    store.isRecreated = true
    cluster.error = new ReplicatorError('_TIMED_OUT', 'west')
    assert.deepEqual(await keeper.readOthers(0, signal), [])
    assert.deepEqual(warnings, ['_TIMED_OUT'])
    cluster.error = undefined
    await keeper.readOthers(0, signal)
    assert.ok(isRewritten())
  })

  // A leader that was just elected may report fewer records than were acknowledged (KIP-207).
  test('writes nothing if the topic is the same', async () => {
    const { isRewritten, keeper, reports, store } = await createKeeper()
    store.isRecreated = true
    await keeper.readOthers(0, signal)
    assert.deepEqual([isRewritten(), reports], [false, []])
  })

  test('reports any other error, and a missing topic that is there again', async () => {
    const { keeper, store } = await createKeeper()
    const stalled = new ReplicatorError('PROGRESS_UNREADABLE', 'slot 0 has no leader')
    store.readErrors = [stalled]
    await assert.rejects(keeper.readOthers(0, signal), stalled)
    store.readErrors = [missing]
    await assert.rejects(keeper.readOthers(0, signal), missing)
  })
})
