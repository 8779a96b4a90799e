// Which progress is removed, and when: only of topics that the source has reported as missing, at
// the first look, at every later one and for the whole retention.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  retainProgressOnce, retentionLookMs
} from '../../../src/orchestrator/progress/progress-retention.ts'
import { partitionKey } from '../../../src/orchestrator/progress/progress.ts'
import { FakeCluster, FakeProgressStore } from '../flow/fake-cluster.ts'
import { ManualClock } from '../time/manual-clock.ts'

const day = 24 * 3_600_000
const retentionMs = 7 * day

function createRetention () {
  const clock = new ManualClock()
  const cluster = new FakeCluster()
  const store = new FakeProgressStore()
  const mirrored = new Set<string>()
  cluster.addTopic('orders', 1)
  for (const topic of ['orders', 'deleted']) {
    const progress = { upstream: 10n, downstream: 10n, sequence: 10 }
    const source = { topic, partition: 0 }
    store.append({ slot: 2, record: { kind: 'partition', source, progress, producerId: 1000n } })
  }
  const look = async (): Promise<string[]> => {
    const removed = await retainProgressOnce(2, {
      source: cluster.admin(),
      store,
      retentionMs,
      isMirrored: source => mirrored.has(partitionKey(source)),
      onRemoved: () => {},
      clock
    }, new AbortController().signal)
    return removed.map(partitionKey)
  }
  const onRecord = async (): Promise<string[]> => [...(await store.read(2)).partitions.keys()]
  const lookFor = async (ms: number): Promise<string[]> => {
    const removed: string[] = []
    for (let passed = 0; passed < ms; passed += day) {
      removed.push(...await look())
      await clock.advance(day)
    }
    return [...removed, ...await look()]
  }
  return { clock, cluster, look, lookFor, mirrored, onRecord, store }
}

describe('progress of a topic', () => {
  test('that the source has not had for the retention is removed, and of no other', async () => {
    const { lookFor, onRecord, store } = createRetention()
    assert.deepEqual(await lookFor(6 * day), [])
    assert.deepEqual(await onRecord(), ['orders/0', 'deleted/0'])
    assert.deepEqual(await lookFor(day), ['deleted/0'])
    assert.deepEqual(await onRecord(), ['orders/0'])
    assert.deepEqual((await store.read(2)).missing, [])
  })

  test('is not removed after one look, however old the mark', async () => {
    const { clock, cluster, look, lookFor, onRecord } = createRetention()
    await look()
    await clock.advance(30 * day)
    // A filter, or a restore of the source: the topic exists again before the second look.
    cluster.addTopic('deleted', 1)
    assert.deepEqual(await look(), [])
    cluster.topics.delete('deleted')
    assert.deepEqual(await lookFor(6 * day), [], 'the retention begins anew')
    assert.deepEqual(await onRecord(), ['orders/0', 'deleted/0'])
  })

  test('is kept while the source does not report the topic as missing', async () => {
    // Without permission to describe a topic a broker does not show whether the topic exists.
    const { cluster, lookFor } = createRetention()
    const describeTopics = cluster.describeTopics.bind(cluster)
    cluster.describeTopics = async names => (await describeTopics(names)).map(each =>
      each.error === undefined
        ? each
        : { ...each, error: new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', each.name) })
    assert.deepEqual(await lookFor(30 * day), [])
    cluster.error = new ReplicatorError('TIMED_OUT', 'no answer')
    await assert.rejects(lookFor(day), /TIMED_OUT/)
  })

  test('is kept while this process mirrors the partition', async () => {
    const { lookFor, mirrored } = createRetention()
    mirrored.add('deleted/0')
    assert.deepEqual(await lookFor(30 * day), [])
  })

  test('is removed of partitions that a smaller topic of the same name lacks', async () => {
    const { cluster, lookFor, store } = createRetention()
    const source = { topic: 'orders', partition: 4 }
    const progress = { upstream: 1n, downstream: 1n, sequence: 1 }
    store.append({ slot: 2, record: { kind: 'partition', source, progress, producerId: 1000n } })
    cluster.addTopic('deleted', 1)
    assert.deepEqual(await lookFor(7 * day), ['orders/4'])
  })
})

test('a source is asked several times within any retention, and each hour at most', () => {
  assert.equal(retentionLookMs(7 * day), 3_600_000)
  assert.equal(retentionLookMs(1000), 250)
})
