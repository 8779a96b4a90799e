// The progress store on a real broker: a slot is read to its end in all cases, a second reading
// begins at the end of the first one, and one slot without a leader fails alone.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { TopicReader } from '../../../src/orchestrator/cluster/topic-reader.ts'
import type {
  ClientProperties, ClusterClient
} from '../../../src/orchestrator/config/client-properties.ts'
import type { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  ProgressStore, type SlotRecord
} from '../../../src/orchestrator/progress/progress-store.ts'
import type { Progress } from '../../../src/orchestrator/progress/progress.ts'
import { systemClock } from '../../../src/orchestrator/time/clock.ts'
import { startKafkaCluster, type KafkaCluster } from '../../kafka/cluster.ts'
import { eventually } from '../../kafka/eventually.ts'
import { produce } from '../../kafka/kafka-producer.ts'
import { readRawLog } from '../../kafka/raw-log.ts'
import { apiKeyOf } from '../../kafka/request-heads.ts'
import { silentLog } from '../observability/silent-log.ts'

const fetchKey = 1

interface CleanUp {
  after (hook: () => Promise<void>): void
}

function clientOf (servers: string, more: ClientProperties = {}): ClusterClient {
  return { cluster: 'west', properties: { 'bootstrap.servers': servers, ...more } }
}

function record (
  slot: number, topic: string, at: bigint, more: Partial<Progress> = {}
): SlotRecord {
  const progress = { upstream: at, downstream: at, sequence: Number(at), ...more }
  const source = { topic, partition: slot }
  return { slot, record: { kind: 'partition', source, progress, producerId: 7n } }
}

describe('the progress store', { timeout: 120_000 }, () => {
  let cluster: KafkaCluster
  before(async () => { cluster = await startKafkaCluster(undefined, { proxied: true }) })
  after(async () => { await cluster.close() })

  const createStore = async (
    t: CleanUp, topic: string, { slots = 4, timeoutMs = 20_000 } = {}
  ): Promise<ProgressStore> => {
    const configs = { 'cleanup.policy': 'compact' }
    await cluster.createTopic(topic, { partitions: slots, configs })
    return openStore(t, topic, timeoutMs)
  }

  const openStore = (t: CleanUp, topic: string, timeoutMs = 20_000): ProgressStore => {
    const store = new ProgressStore({
      topic,
      client: clientOf(cluster.bootstrapServers),
      group: 'longhaul.test',
      timeoutMs,
      log: silentLog,
      clock: systemClock
    })
    t.after(async () => { await store.close() })
    return store
  }

  const upstreamOf = async (
    store: ProgressStore, slot: number, topic: string
  ): Promise<bigint | undefined> =>
    (await store.read(slot)).partitions.get(`${topic}/${slot}`)?.progress.upstream

  test('reads its own writes and those of others, and an empty slot as empty', async t => {
    const store = await createStore(t, 'written')
    assert.equal((await store.read(3)).partitions.size, 0)
    await store.write([record(0, 'orders', 5n), record(1, 'orders', 6n)])
    await store.write([record(0, 'orders', 7n)])
    assert.equal(await upstreamOf(store, 0, 'orders'), 7n)
    const other = openStore(t, 'written')
    const slots = await Promise.all([0, 1, 2].map(async slot => await other.read(slot)))
    assert.deepEqual(slots.map(({ partitions }) => [...partitions.keys()]),
      [['orders/0'], ['orders/1'], []])
    await other.write([record(0, 'orders', 9n)])
    assert.equal(await upstreamOf(store, 0, 'orders'), 9n)
    assert.equal(await upstreamOf(other, 0, 'orders'), 9n)
  })

  test('keeps history and position together over a restart', async t => {
    const store = await createStore(t, 'kept')
    const history = [1n, 4n].map(at => ({ upstream: at, downstream: at, sequence: Number(at) }))
    const full = { history, leaderEpoch: 3, earlierEpochs: [{ epoch: -1, end: 1n }], era: 2 }
    await store.write([record(0, 'orders', 5n, full)])
    await store.write([record(0, 'orders', 8n, { ...full, history: [...history] })])
    // The history is written once a minute, the position each time.
    const written = readRawLog(cluster.broker(1).logDir, 'kept', 0)
      .reduce((sum, { recordCount }) => sum + recordCount, 0)
    assert.equal(written, 3)
    const restored = (await openStore(t, 'kept').read(0)).partitions.get('orders/0')
    assert.deepEqual(restored?.progress, { upstream: 8n, downstream: 8n, sequence: 8, ...full })
  })

  // Regression: to read whole slots for each new topic took as long as a restart, every time.
  test('is read from the position of the caller to the present end', async t => {
    const store = await createStore(t, 'again', { slots: 1 })
    const reader = new TopicReader({
      topic: 'again',
      client: clientOf(cluster.bootstrapServers),
      group: 'longhaul.test',
      standstillMs: 20_000,
      clock: systemClock
    })
    t.after(async () => { await reader.close() })
    const offsets: bigint[] = []
    const readFrom = async (from: bigint | undefined): Promise<bigint> => {
      offsets.length = 0
      return await reader.read(0, from, (_key, _value, offset) => { offsets.push(offset) })
    }
    assert.equal(await readFrom(undefined), 0n)
    await store.write(Array.from({ length: 5 }, (_, i) => record(0, `topic-${i}`, 1n)))
    assert.equal(await readFrom(undefined), 5n)
    assert.deepEqual(offsets, [0n, 1n, 2n, 3n, 4n])
    assert.equal(await readFrom(3n), 5n)
    assert.deepEqual(offsets, [3n, 4n])
    assert.equal(await readFrom(5n), 5n)
    assert.deepEqual(offsets, [])
    // Of a recreated topic: it ends before the last read offset.
    assert.equal(await readFrom(9n), 5n)
    assert.equal(offsets.length, 5)
  })

  test('keeps the contents of a slot while it is read and written at the same time', async t => {
    const store = await createStore(t, 'busy', { slots: 1 })
    await store.write([record(0, 'orders', 5n)])
    for (let at = 1n; at <= 20n; at++) {
      await Promise.all([store.read(0), store.write([record(0, 'other', at)]), store.read(0)])
      assert.equal(await upstreamOf(store, 0, 'orders'), 5n)
      assert.equal(await upstreamOf(store, 0, 'other'), at)
    }
  })

  test('forgets a slot that others own meanwhile, and later reads it completely', async t => {
    const store = await createStore(t, 'forgotten', { slots: 1 })
    await store.write([record(0, 'orders', 5n)])
    await store.read(0)
    store.forget(0)
    const other = openStore(t, 'forgotten')
    const source = { topic: 'orders', partition: 0 }
    await other.write([{ slot: 0, record: { kind: 'gone', source } }])
    assert.equal((await store.read(0)).partitions.size, 0)
  })

  test('refuses a record of a later version by topic, slot, offset and version', async t => {
    const store = await createStore(t, 'later')
    await produce(cluster.bootstrapServers, 'later', [{
      key: '{"topic":"orders","partition":1}', value: '{"version":3,"upstream":"1"}', partition: 1
    }])
    await assert.rejects(store.read(1), (error: ReplicatorError) =>
      error.errorName === 'PROGRESS_VERSION_UNKNOWN' &&
      /later: slot 1, offset 0: .*has version 3/.test(error.message))
    assert.equal((await store.read(0)).partitions.size, 0)
  })

  test('names slot, offset and key of a damaged record, which a tombstone repairs', async t => {
    const store = await createStore(t, 'damaged')
    const key = '{"topic":"orders","partition":1}'
    const { bootstrapServers } = cluster
    await produce(bootstrapServers, 'damaged', [{ key, value: '{"version":2,', partition: 1 }])
    await assert.rejects(store.read(1), (error: ReplicatorError) =>
      error.errorName === 'PROGRESS_UNREADABLE' &&
      /damaged: slot 1, offset 0: .*"orders","partition":1\} is damaged/.test(error.message) &&
      error.action.startsWith('Write a tombstone'))
    await produce(bootstrapServers, 'damaged', [{ key, value: null, partition: 1 }])
    assert.equal((await store.read(1)).partitions.size, 0)
  })

  test('fails alone for a partition that does not answer, after a while', async t => {
    const store = await createStore(t, 'missing', { slots: 2, timeoutMs: 3_000 })
    await store.write([record(0, 'orders', 5n)])
    const [there, missing] = await Promise.allSettled([store.read(0), store.read(7)])
    assert.equal(there.status, 'fulfilled')
    assert.ok(missing.status === 'rejected')
    assert.match(String(missing.reason), /missing-7: nothing arrived for 3000 ms/)
  })

  test('ends a reading when the slot is revoked, and all readings when it is closed', async t => {
    const store = await createStore(t, 'aborted', { slots: 2 })
    const taken = new AbortController()
    const reading = store.read(7, taken.signal)
    taken.abort(new Error('taken away'))
    await assert.rejects(reading, /taken away/)
    const other = store.read(7)
    other.catch(() => {})
    await store.close()
    await assert.rejects(other, (error: ReplicatorError) =>
      error.message.includes('closed'))
    await store.close()
  })

  test('continues to read after its topic was recreated', async t => {
    const store = await createStore(t, 'recreated', { slots: 1 })
    await store.write([record(0, 'orders', 5n), record(0, 'other', 6n)])
    await store.read(0)
    await cluster.admin.deleteTopic('recreated')
    await cluster.createTopic('recreated', { partitions: 1 })
    store.reset()
    await store.write([record(0, 'orders', 8n)])
    assert.deepEqual([...(await store.read(0)).partitions.keys()], ['orders/0'])
  })

  // By default librdkafka reports a missing topic after 30 s.
  const standstillMs = 25_000
  /**
   * Reads six records, one a Fetch. The second Fetch reaches the broker once `meanwhile` has ended,
   * so that most records are not read before.
   */
  const readInterrupted = async (
    t: CleanUp, topic: string, meanwhile: () => Promise<void>
  ): Promise<{ readonly end: bigint, readonly offsets: readonly bigint[] }> => {
    const store = await createStore(t, topic, { slots: 1 })
    for (let at = 0n; at < 6n; at++) await store.write([record(0, `topic-${at}`, at)])
    const reader = new TopicReader({
      topic,
      client: clientOf(cluster.proxiedBootstrapServers,
        { 'fetch.message.max.bytes': '1', 'queued.min.messages': '1' }),
      group: 'longhaul.test',
      standstillMs,
      clock: systemClock
    })
    t.after(async () => { await reader.close() })
    const [proxy] = cluster.proxies
    assert.ok(proxy)
    let fetches = 0
    proxy.hold(head => apiKeyOf(head) === fetchKey && ++fetches > 1)
    const interrupt = async (): Promise<void> => {
      await eventually('the second Fetch', () => proxy.heldCount > 0)
      await meanwhile()
      await proxy.release()
    }
    const offsets: bigint[] = []
    const [reading, interruption] = await Promise.allSettled([
      reader.read(0, undefined, (_key, _value, offset) => { offsets.push(offset) }),
      interrupt()
    ])
    if (interruption.status === 'rejected') throw interruption.reason
    if (reading.status === 'rejected') throw reading.reason
    return { end: reading.value, offsets }
  }

  // Regression: the end of the deleted topic was awaited in the new one, until the reading
  // had not progressed for a minute.
  test('ends a reading during which its topic was recreated at the end of the new one', async t => {
    const topic = 'recreated-meanwhile'
    const { end, offsets } = await readInterrupted(t, topic, async () => {
      await cluster.admin.deleteTopic(topic)
      await cluster.createTopic(topic, { partitions: 1 })
      await produce(cluster.bootstrapServers, topic, [{ key: null, value: 'new', partition: 0 }])
    })
    assert.equal(end, 1n)
    assert.ok(offsets.length < 6, `the topic was not recreated in time: ${offsets.join()}`)
    assert.equal(offsets.at(-1), 0n)
  })

  // Regression: librdkafka reports once that a topic does not exist any more, then waits for the
  // topic without an end, and the reading with it for a minute.
  test('fails within seconds if its topic is deleted during a reading', async t => {
    const topic = 'deleted-meanwhile'
    await assert.rejects(readInterrupted(t, topic, async () => {
      await cluster.admin.deleteTopic(topic)
    }), (error: ReplicatorError) => error.errorName === 'UNKNOWN_TOPIC_OR_PARTITION')
  })
})
