// The native client over real brokers: requests that the mock brokers cannot answer, and logins.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { ClusterAdmin } from '../../../src/orchestrator/cluster/cluster-admin.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import { startKafkaCluster } from '../../kafka/cluster.ts'
import { eventually } from '../../kafka/eventually.ts'
import { produce, TestProducer } from '../../kafka/kafka-producer.ts'
import { createAdmin } from './create-admin.ts'

function plainLogin (username: string, password: string): Record<string, string> {
  return {
    'security.protocol': 'SASL_PLAINTEXT',
    'sasl.mechanism': 'PLAIN',
    'sasl.username': username,
    'sasl.password': password
  }
}

async function untilDescribed (admin: ClusterAdmin, name: string, partitions: number) {
  return await eventually(`${name} has ${partitions} leaders`, async () => {
    const [topic] = await admin.describeTopics([name])
    return topic?.partitions.filter(({ leader }) => leader > 0).length === partitions && topic
  })
}

describe('on a real cluster of one broker', () => {
  test('topics are created, described, given partitions and deleted', async t => {
    const cluster = await startKafkaCluster(t)
    const admin = createAdmin(t, cluster.bootstrapServers)
    const described = await admin.describeCluster()
    assert.equal(described.clusterId, cluster.id)
    assert.deepEqual(described.brokers.map(({ id }) => id), [1])

    const wanted = [
      {
        name: 'orders',
        partitions: 3,
        replicationFactor: 1,
        configs: { 'cleanup.policy': 'compact' }
      },
      { name: 'too-many-replicas', partitions: 1, replicationFactor: 3 },
      {
        name: 'bad-config',
        partitions: 1,
        replicationFactor: 1,
        configs: { 'retention.ms': 'soon' }
      }
    ]
    for (const validateOnly of [true, false]) {
      const made = await admin.createTopics(wanted, { validateOnly })
      assert.deepEqual(made.map(({ name, error }) => [name, error?.errorName]), [
        ['orders', undefined],
        ['too-many-replicas', 'INVALID_REPLICATION_FACTOR'],
        ['bad-config', 'INVALID_CONFIG']
      ])
      assert.match(made[2]?.error?.detail ?? '', /cluster A: topic bad-config: .*retention\.ms/)
    }
    const orders = await untilDescribed(admin, 'orders', 3)
    assert.match(orders.topicId ?? '', /^[\w-]{22}$/)
    assert.deepEqual(orders.partitions.map(({ partition, leader }) => [partition, leader]),
      [[0, 1], [1, 1], [2, 1]])
    assert.deepEqual(orders.partitions[0]?.isr, [1])
    const [again] = await admin.createTopics(wanted.slice(0, 1))
    assert.equal(again?.error?.errorName, 'TOPIC_ALREADY_EXISTS')

    const widened = await admin.createPartitions(
      [{ name: 'orders', partitions: 5 }, { name: 'missing', partitions: 5 }])
    assert.deepEqual(widened.map(({ error }) => error?.errorName),
      [undefined, 'UNKNOWN_TOPIC_OR_PARTITION'])
    await untilDescribed(admin, 'orders', 5)
    const [narrowed] = await admin.createPartitions([{ name: 'orders', partitions: 2 }])
    assert.equal(narrowed?.error?.errorName, 'INVALID_PARTITIONS')

    assert.deepEqual((await admin.listTopics()).map(({ name }) => name), ['orders'])
    const deleted = await admin.deleteTopics(['orders', 'missing'])
    assert.deepEqual(deleted.map(({ error }) => error?.errorName),
      [undefined, 'UNKNOWN_TOPIC_OR_PARTITION'])
    await eventually('the topic is gone', async () => (await admin.listTopics()).length === 0)
  })

  test('configs are described with their source and altered singly', async t => {
    const cluster = await startKafkaCluster(t)
    const admin = createAdmin(t, cluster.bootstrapServers)
    await cluster.createTopic('orders', { configs: { 'retention.ms': '1000' } })
    const topic = { type: 'topic', name: 'orders' } as const
    const altered = await admin.incrementalAlterConfigs([{
      ...topic,
      changes: [
        { operation: 'set', name: 'max.message.bytes', value: '4242' },
        { operation: 'append', name: 'cleanup.policy', value: 'compact' },
        { operation: 'delete', name: 'retention.ms' }
      ]
    }])
    assert.deepEqual(altered, [{ ...topic, error: undefined }])
    const ownEntries = async (): Promise<Record<string, string | null>> => {
      const [config] = await admin.describeConfigs([topic])
      assert.equal(config?.error, undefined)
      return Object.fromEntries((config?.entries ?? [])
        .filter(({ source }) => source === 'DYNAMIC_TOPIC_CONFIG')
        .map(({ name, value }) => [name, value]))
    }
    await eventually('the change has arrived', async () => isDeepStrictEqual(await ownEntries(),
      { 'max.message.bytes': '4242', 'cleanup.policy': 'delete,compact' }))

    const mixed = await admin.describeConfigs(
      [topic, { type: 'broker', name: '1' }, { type: 'topic', name: 'missing' }])
    assert.deepEqual(mixed.map(({ type, name, error }) => [type, name, error?.errorName]), [
      ['topic', 'orders', undefined],
      ['broker', '1', undefined],
      ['topic', 'missing', 'UNKNOWN_TOPIC_OR_PARTITION']
    ])
    const nodeId = mixed[1]?.entries.find(({ name }) => name === 'node.id')
    assert.deepEqual(nodeId, {
      name: 'node.id', value: '1', source: 'STATIC_BROKER_CONFIG', readOnly: true, sensitive: false
    })
    const [refused] = await admin.incrementalAlterConfigs([{
      ...topic, changes: [{ operation: 'set', name: 'no.such.config', value: '1' }]
    }])
    assert.equal(refused?.error?.errorName, 'INVALID_CONFIG')
  })

  test('offsets are listed by position and time, and move when records are deleted', async t => {
    const cluster = await startKafkaCluster(t)
    const admin = createAdmin(t, cluster.bootstrapServers)
    await cluster.createTopic('orders', { partitions: 2 })
    const firstMs = 1_700_000_000_000
    await produce(cluster.bootstrapServers, 'orders', Array.from({ length: 10 }, (_, index) =>
      ({ value: `${index}`, partition: 0, timestamp: firstMs + index * 1_000 })))
    const listed = await admin.listOffsets([
      { topic: 'orders', partition: 0, at: 'latest' },
      { topic: 'orders', partition: 1, at: 'latest' }
    ], 'read_committed')
    assert.deepEqual(listed.map(({ offset, leaderEpoch }) => [offset, leaderEpoch]),
      [[10n, 0], [0n, 0]])
    const at = async (at: bigint | 'earliest') => {
      const [found] = await admin.listOffsets(
        [{ topic: 'orders', partition: 0, at }], 'read_uncommitted')
      return found?.offset
    }
    assert.equal(await at(BigInt(firstMs) + 2_500n), 3n)
    assert.equal(await at(BigInt(firstMs) + 60_000n), -1n)

    const deleted = await admin.deleteRecords([
      { topic: 'orders', partition: 0, beforeOffset: 4n },
      { topic: 'orders', partition: 1, beforeOffset: 4n }
    ])
    assert.deepEqual(deleted.map(({ logStartOffset, error }) => [logStartOffset, error?.errorName]),
      [[4n, undefined], [-1n, 'OFFSET_OUT_OF_RANGE']])
    assert.equal(await at('earliest'), 4n)
  })

  test('five hundred topics are described in several requests, in order', async t => {
    const cluster = await startKafkaCluster(t)
    const admin = createAdmin(t, cluster.bootstrapServers)
    const names = Array.from({ length: 510 }, (_, index) => `topic-${index}`)
    const made = await admin.createTopics(
      names.map(name => ({ name, partitions: 1, replicationFactor: 1 })))
    assert.deepEqual(made.filter(({ error }) => error !== undefined), [])
    assert.deepEqual(made.map(({ name }) => name), names)
    await eventually('all topics are known', async () => {
      const described = await admin.describeTopics(names)
      assert.deepEqual(described.map(({ name }) => name), names)
      return described.every(({ partitions }) => partitions.length === 1)
    })
    const configs = await admin.describeConfigs(
      names.map(name => ({ type: 'topic', name })))
    assert.deepEqual(configs.map(({ name }) => name), names)
    const wanted = names.map(topic => ({ topic, partition: 0, at: 'latest' as const }))
    await eventually('all leaders answer', async () => {
      const listed = await admin.listOffsets(wanted, 'read_committed')
      assert.deepEqual(listed.map(({ topic }) => topic), names)
      return listed.every(({ offset }) => offset === 0n)
    })
  })

  test('each producer id is allocated once', async t => {
    const cluster = await startKafkaCluster(t)
    const admin = createAdmin(t, cluster.bootstrapServers)
    const ids = await Promise.all([admin.initProducerId(), admin.initProducerId()])
    assert.equal(new Set(ids.map(({ producerId }) => producerId)).size, 2)
    assert.deepEqual(ids.map(({ producerEpoch }) => producerEpoch), [0, 0])
  })
})

describe('on a real cluster that is examined', () => {
  test('batches are judged, request versions and the clock of the controller are known',
    async t => {
      const cluster = await startKafkaCluster(t)
      const admin = createAdmin(t, cluster.bootstrapServers)
      await cluster.createTopic('orders', { partitions: 2 })
      await produce(cluster.bootstrapServers, 'orders',
        [{ partition: 1, value: 'x'.repeat(3_000) }], { codec: 'lz4' })
      const [broker] = cluster.brokers
      assert.ok(broker !== undefined)
      const sampled = { topic: 'orders', offset: 0n, keepsProducerTimestamps: false }
      const { bytes, elapsedMs, partitions, throttleMs } = await admin.sampleBatches({
        node: broker.id,
        bytesMax: 10_000,
        batchesMax: 5,
        partitions: [
          { ...sampled, partition: 0, batchBytesMax: 0 },
          { ...sampled, partition: 1, batchBytesMax: 10 }
        ]
      })
      assert.equal(throttleMs, 0)
      assert.ok(bytes > 100 && elapsedMs > 0)
      const [empty, full] = partitions
      assert.deepEqual(empty, { topic: 'orders', partition: 0, batches: [], error: undefined })
      const [{ maxTimestamp: _at, bytes: size = 0, ...batch } = {}] = full?.batches ?? []
      assert.ok(size > 61 && size < 3_000, `${size} bytes of a compressed batch`)
      assert.deepEqual(batch, {
        baseOffset: 0n, lastOffset: 0n, records: 1, magic: 2, codec: 'lz4', action: 'reencode',
        reason: 'too_large'
      })
      const versions = await admin.requestVersions(broker.id)
      const produceVersion = versions.find(({ name }) => name === 'Produce')
      assert.ok((produceVersion?.version ?? -1) >= 7, JSON.stringify(versions))
      const { controller, timeMs } = await admin.controllerTime(broker.id)
      assert.equal(controller, broker.id)
      assert.ok(Math.abs(Date.now() - timeMs) < 60_000, 'the clock of this machine')
    })

  test('the operations that a principal may perform are returned only when asked for', async t => {
    const cluster = await startKafkaCluster(t)
    const admin = createAdmin(t, cluster.bootstrapServers)
    await cluster.createTopic('orders')
    const [plain] = await admin.describeTopics(['orders'])
    assert.equal(plain?.operations, undefined)
    const [orders] = await admin.describeTopics(['orders'], { withOperations: true })
    assert.ok(orders?.operations?.includes('DESCRIBE_CONFIGS'), JSON.stringify(orders))
    const { operations } = await admin.describeCluster({ withOperations: true })
    assert.ok(operations?.includes('CREATE'), JSON.stringify(operations))
  })
})

describe('on a real cluster with a transaction that is open', () => {
  test('its producer and start offset are described until it ends', async t => {
    const cluster = await startKafkaCluster(t)
    const admin = createAdmin(t, cluster.bootstrapServers)
    await cluster.createTopic('ledger', { partitions: 2 })
    await produce(cluster.bootstrapServers, 'ledger', [{ partition: 1, value: 'before' }])
    const producer = await TestProducer.open(cluster.bootstrapServers, { transactionalId: 'slow' })
    t.after(async () => { await producer.close() })
    await producer.begin()
    await producer.send('ledger', { partition: 1, value: 'held back' })
    const open = async (): Promise<readonly bigint[]> => {
      const described = await admin.describeProducers(
        [{ topic: 'ledger', partition: 0 }, { topic: 'ledger', partition: 1 }])
      assert.deepEqual(described.map(({ partition, error }) => [partition, error]),
        [[0, undefined], [1, undefined]])
      return described.flatMap(({ producers }) => producers)
        .flatMap(({ transactionStart }) => transactionStart >= 0n ? [transactionStart] : [])
    }
    assert.deepEqual(await open(), [1n])
    await producer.commit()
    await eventually('the end of the transaction', async () => (await open()).length === 0)
  })
})

describe('on a real cluster that asks for a login', () => {
  test('a wrong password, no login and a missing permission are distinguished', async t => {
    const cluster = await startKafkaCluster(t, {
      sasl: { users: { clerk: 'right', root: 'right' }, superUsers: ['root'] }
    })
    await cluster.createTopic('orders')

    const refusedLogin = createAdmin(t, cluster.bootstrapServers, plainLogin('clerk', 'wrong'))
    await assert.rejects(refusedLogin.describeCluster(), (error: unknown) => {
      assert.ok(error instanceof ReplicatorError)
      assert.equal(error.errorName, 'CLUSTER_LOGIN_REFUSED')
      assert.equal(error.setting, 'A.sasl.jaas.config')
      assert.match(error.detail, /127\.0\.0\.1:\d+.*Authentication failed/)
      assert.doesNotMatch(error.message, /wrong/)
      return true
    })

    const withoutLogin = createAdmin(t, cluster.bootstrapServers)
    await assert.rejects(withoutLogin.describeCluster(), (error: unknown) => {
      assert.ok(error instanceof ReplicatorError)
      assert.equal(error.errorName, 'CLUSTER_UNREACHABLE')
      assert.match(error.detail, /127\.0\.0\.1:\d+.*security\.protocol/)
      return true
    })

    const clerk = createAdmin(t, cluster.bootstrapServers, plainLogin('clerk', 'right'))
    const [orders] = await clerk.describeTopics(['orders'])
    assert.equal(orders?.error?.errorName, 'TOPIC_AUTHORIZATION_FAILED')
    const [made] = await clerk.createTopics([{ name: 'new', partitions: 1, replicationFactor: 1 }])
    assert.equal(made?.error?.errorName, 'TOPIC_AUTHORIZATION_FAILED')
    const [config] = await clerk.describeConfigs([{ type: 'topic', name: 'orders' }])
    assert.equal(config?.error?.errorName, 'TOPIC_AUTHORIZATION_FAILED')
    await assert.rejects(clerk.initProducerId(), { errorName: 'CLUSTER_AUTHORIZATION_FAILED' })

    const root = createAdmin(t, cluster.bootstrapServers, plainLogin('root', 'right'))
    assert.deepEqual((await root.listTopics()).map(({ name }) => name), ['orders'])
  })
})

describe('on a real cluster of three brokers', () => {
  test('calls continue when the controller and a leader are killed', async t => {
    const cluster = await startKafkaCluster(t, { brokers: 3 })
    const admin = createAdmin(t, cluster.bootstrapServers)
    await cluster.createTopic('orders', { partitions: 6, replicationFactor: 3 })
    const { controller, brokers } = await admin.describeCluster()
    assert.equal(brokers.length, 3)
    await cluster.broker(controller).kill()
    await eventually('the two remaining brokers answer all requests', async () => {
      const [made] = await admin.createTopics(
        [{ name: 'new', partitions: 1, replicationFactor: 1 }])
      if (made?.error !== undefined && made.error.errorName !== 'TOPIC_ALREADY_EXISTS') return false
      const wanted = Array.from({ length: 6 }, (_, partition) =>
        ({ topic: 'orders', partition, at: 'latest' as const }))
      const listed = await admin.listOffsets(wanted, 'read_committed')
      return listed.every(({ offset }) => offset === 0n)
    }, { timeoutMs: 30_000 })
  })
})
