// Which producers the progress topics of a cluster name: all that were ever recorded, each once.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TakeRecord } from '../../../src/orchestrator/cluster/topic-reader.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { InboundTopics } from '../../../src/orchestrator/inbound/inbound-topics.ts'
import {
  encodeMissing, encodeProducer, type EncodedRecord, type FlowProducer
} from '../../../src/orchestrator/progress/progress-record.ts'
import { FakeCluster } from '../flow/fake-cluster.ts'
import { ManualClock } from '../time/manual-clock.ts'

const topic = 'longhaul-progress.east.internal'

interface InboundReader {
  read (slot: number, from: bigint | undefined, take: TakeRecord): Promise<bigint>
  close (): Promise<void>
}

class FakeTopics extends FakeCluster {
  readonly logs = new Map<string, EncodedRecord[]>()
  readonly readings: Array<readonly [topic: string, from: bigint | undefined]> = []
  readonly closed: string[] = []
  readError: ReplicatorError | undefined
  /** The topics that the principal may describe; undefined: all. */
  visible: ReadonlySet<string> | undefined

  async listTopics (): Promise<ReadonlyArray<{ readonly name: string }>> {
    return [...this.topics.keys()].filter(name => this.visible?.has(name) ?? true)
      .map(name => ({ name }))
  }

  override async describeTopics (
    names: readonly string[]
  ): ReturnType<FakeCluster['describeTopics']> {
    return (await super.describeTopics(names)).map(topic => this.visible?.has(topic.name) ?? true
      ? topic
      : { ...topic, error: new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', topic.name) })
  }

  append (name: string, ...records: readonly EncodedRecord[]): void {
    if (!this.topics.has(name)) this.addTopic(name, 4)
    this.logs.set(name, [...this.logs.get(name) ?? [], ...records])
  }

  open (name: string): InboundReader {
    return {
      read: async (slot, from, take) => {
        assert.equal(slot, 0)
        this.readings.push([name, from])
        if (this.readError !== undefined) throw this.readError
        const log = this.logs.get(name) ?? []
        for (const [i, { key, value }] of log.entries()) {
          if (BigInt(i) >= (from ?? 0n)) take(key, value, BigInt(i), undefined)
        }
        return BigInt(log.length)
      },
      close: async () => { this.closed.push(name) }
    }
  }
}

function createTopics (): { readonly cluster: FakeTopics, readonly topics: InboundTopics } {
  const cluster = new FakeTopics()
  const topics = new InboundTopics({
    admin: cluster as unknown as ConstructorParameters<typeof InboundTopics>[0]['admin'],
    client: { cluster: 'west', properties: {} },
    group: 'longhaul.A->B',
    timeoutMs: 1_000,
    clock: new ManualClock(),
    openReader: name => cluster.open(name)
  })
  return { cluster, topics }
}

const producer = (producerId: bigint, more: Partial<FlowProducer> = {}): FlowProducer =>
  ({ producerId, producerEpoch: 0, sourceClusterId: 'cluster-1', ...more })

describe('producers of inbound flows', () => {
  test('none if no flow writes into the cluster, and no topic is read', async () => {
    const { cluster, topics } = createTopics()
    cluster.addTopic('orders', 3)
    assert.deepEqual(await topics.read(), [])
    assert.deepEqual(cluster.readings, [])
  })

  test('are found among other records, also in topics that appear later', async () => {
    const { cluster, topics } = createTopics()
    const missing = { source: { topic: 'orders', partition: 0 }, sinceMs: 5 }
    cluster.append(topic, encodeMissing(missing), encodeProducer(producer(7n)))
    cluster.append(topic, { key: Buffer.from('{"later":1}'), value: Buffer.from('{"version":9}') })
    assert.deepEqual(await topics.read(), [producer(7n)])
    cluster.append('longhaul-progress.north.internal', encodeProducer(producer(8n)))
    assert.deepEqual(await topics.read(), [producer(7n), producer(8n)])
    // The reading of the first topic continues at the end of the last reading.
    assert.deepEqual(cluster.readings.filter(([name]) => name === topic),
      [[topic, undefined], [topic, 3n]])
  })

  test('that were replaced stay known, and so do those of a deleted topic', async () => {
    const { cluster, topics } = createTopics()
    cluster.append(topic, encodeProducer(producer(7n)))
    await topics.read()
    cluster.topics.delete(topic)
    cluster.logs.delete(topic)
    assert.deepEqual(await topics.read(), [producer(7n)])
    assert.deepEqual(cluster.closed, [topic])
    cluster.append(topic, encodeProducer(producer(9n)))
    assert.deepEqual(await topics.read(), [producer(7n), producer(9n)])
  })

  // It ends after the last offset of the earlier reading, and its id is before that.
  test('of a topic that was recreated between two readings are read from its start', async () => {
    const { cluster, topics } = createTopics()
    cluster.append(topic, encodeProducer(producer(7n)))
    await topics.read()
    cluster.addTopic(topic, 4)
    const missing = { source: { topic: 'orders', partition: 0 }, sinceMs: 5 }
    cluster.logs.set(topic, [encodeProducer(producer(9n)), encodeMissing(missing)])
    assert.deepEqual(await topics.read(), [producer(7n), producer(9n)])
  })

  test('carry all clusters that were ever recorded', async () => {
    const { cluster, topics } = createTopics()
    cluster.append(topic,
      encodeProducer(producer(7n, { keepsNames: true, carried: ['cluster-1', 'cluster-2'] })),
      encodeProducer(producer(7n, { keepsNames: false, carried: ['cluster-1'] })),
      encodeProducer(producer(7n)))
    assert.deepEqual(await topics.read(),
      [producer(7n, { keepsNames: true, carried: ['cluster-1', 'cluster-2'] })])
  })

  // A list leaves out topics that the principal may not describe: if such a topic counted as
  // absent, the records of its flow would circulate.
  test('cannot be read if progress topics may be hidden, even if some are visible', async () => {
    const { cluster, topics } = createTopics()
    const other = 'longhaul-progress.north.internal'
    cluster.append(topic, encodeProducer(producer(7n)))
    cluster.append(other, encodeProducer(producer(8n)))
    for (const visible of [[], ['orders'], [other], [topic, other]]) {
      cluster.visible = new Set(visible)
      await assert.rejects(topics.read(), { errorName: 'INBOUND_UNREADABLE' }, visible.join())
    }
    cluster.visible = undefined
    assert.equal((await topics.read()).length, 2)
  })

  test('cannot be read without READ on a topic, which the error names', async () => {
    const { cluster, topics } = createTopics()
    cluster.append(topic, encodeProducer(producer(7n)))
    cluster.readError = new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', topic)
    await assert.rejects(topics.read(), (error: ReplicatorError) =>
      error.errorName === 'INBOUND_UNREADABLE' && error.detail.includes(topic))
    cluster.readError = undefined
    assert.deepEqual(await topics.read(), [producer(7n)])
  })
})
