// Real brokers: they start, keep records of every codec, die and restart, and leave no processes.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { offsetsOn, topicOn } from './broker-view.ts'
import { startKafkaCluster, type KafkaCluster } from './cluster.ts'
import { coordinatorOf } from './consumer-group.ts'
import { controllerOf } from './controller.ts'
import { readTopic } from './kafka-consumer.ts'
import { codecs, produce, TestProducer, type ProducedRecord } from './kafka-producer.ts'
import {
  compactedTopicConfigs, deleteRecords, killLeader, moveLeader, untilCompacted
} from './partition-operations.ts'
import { isAlive } from './process-guard.ts'
import { dataBatches, gapCount, readRawLog } from './raw-log.ts'

function createRecords (count: number): ProducedRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    key: index % 5 === 0 ? null : `key-${index}`,
    value: index % 7 === 0 ? null : `value ${index} `.repeat(20),
    headers: [['first', `h${index}`], ['first', 'again']] as const,
    timestamp: 1_700_000_000_000 + index,
    partition: 0
  }))
}

describe('a cluster of one broker', () => {
  let cluster: KafkaCluster
  before(async () => { cluster = await startKafkaCluster() })
  after(async () => { await cluster.close() })

  test('keeps the records of producers with every codec, as the raw log shows', async () => {
    for (const codec of codecs) {
      const topic = `codec-${codec}`
      const written = createRecords(200)
      await cluster.createTopic(topic)
      const acks = await produce(cluster.bootstrapServers, topic, written, { codec, lingerMs: 100 })
      assert.deepEqual(acks.map(ack => ack.offset), written.map((_, index) => index))

      const read = await readTopic(cluster.bootstrapServers, topic)
      assert.deepEqual(
        read.map(r => ({
          key: r.key?.toString() ?? null,
          value: r.value?.toString() ?? null,
          headers: r.headers.map(([name, value]) => [name, value.toString()]),
          timestamp: r.timestamp,
          partition: r.partition
        })),
        written)

      const batches = readRawLog(cluster.brokers[0]?.logDir ?? '', topic, 0)
      assert.equal(batches.reduce((sum, batch) => sum + batch.recordCount, 0), written.length)
      assert.deepEqual(new Set(batches.map(batch => batch.codec)), new Set([codec]))
      assert.equal(batches.some(batch => batch.thinned), false)
    }
  })

  test('shows transactions by their batches and markers, and hides aborted records', async () => {
    await cluster.createTopic('ledger')
    const producer = await TestProducer.open(cluster.bootstrapServers, { transactionalId: 'clerk' })
    await producer.begin()
    await producer.sendAll('ledger', [{ value: 'kept', partition: 0 }])
    await producer.commit()
    await producer.begin()
    await producer.sendAll('ledger', [{ value: 'dropped', partition: 0 }])
    await producer.abort()
    await producer.close()

    const committed = await readTopic(cluster.bootstrapServers, 'ledger')
    assert.deepEqual(committed.map(r => r.value?.toString()), ['kept'])
    const all = await readTopic(cluster.bootstrapServers, 'ledger',
      { isolation: 'read_uncommitted' })
    assert.deepEqual(all.map(r => r.value?.toString()), ['kept', 'dropped'])
    const batches = readRawLog(cluster.brokers[0]?.logDir ?? '', 'ledger', 0)
    assert.deepEqual(batches.map(b => [b.transactional, b.control]),
      [[true, false], [true, true], [true, false], [true, true]])
    assert.equal(dataBatches(batches).every(b => b.producerId >= 0n), true)
  })

  test('keeps its records over SIGKILL and a restart on the same port', async () => {
    const [broker] = cluster.brokers
    assert.ok(broker)
    await cluster.createTopic('survivor')
    await produce(cluster.bootstrapServers, 'survivor', createRecords(10))
    const pid = broker.pid
    await broker.kill('SIGKILL')
    assert.equal(broker.isRunning, false)
    assert.equal(broker.pid, undefined)
    await broker.start()
    assert.notEqual(broker.pid, pid)
    assert.equal((await readTopic(cluster.bootstrapServers, 'survivor')).length, 10)
  })

  test('leaves no process and no folder when closed, twice', async () => {
    const closed = await startKafkaCluster()
    const [broker] = closed.brokers
    assert.ok(broker?.pid)
    const pid = broker.pid
    await closed.close()
    await closed.close()
    assert.equal(isAlive(pid), false)
    assert.equal(existsSync(dirname(broker.logDir)), false)
  })

  test('reports why a broker did not start', async () => {
    await assert.rejects(
      startKafkaCluster(undefined, { config: { 'log.segment.bytes': 'plenty' } }),
      /Invalid value plenty/)
  })

  test('compacts the batches of a compacted topic, and deletes records on request', async () => {
    await cluster.createTopic('compacted', { configs: compactedTopicConfigs })
    const records = Array.from({ length: 300 }, (_, index) => ({
      key: `key-${index % 20 === 0 ? index : 1}`, value: `value ${index}`, partition: 0
    }))
    await produce(cluster.bootstrapServers, 'compacted', records, { codec: 'lz4', lingerMs: 100 })
    const batches = await untilCompacted(cluster, 'compacted', 0)
    assert.ok(gapCount(batches) >= 200, `${gapCount(batches)} gaps`)

    await cluster.createTopic('trimmed')
    await produce(cluster.bootstrapServers, 'trimmed', createRecords(20))
    await deleteRecords(cluster, 'trimmed', 0, 15)
    assert.deepEqual(await cluster.admin.offsets('trimmed', 0), { low: 15, high: 20 })
  })

  test('refuses a wrong login and an operation without permission', async t => {
    const secured = await startKafkaCluster(t, {
      sasl: { users: { root: 'root-secret', guest: 'guest-secret' }, superUsers: ['root'] }
    })
    await secured.createTopic('private')
    const login = (name: string, password: string): Record<string, string> => ({
      'security.protocol': 'SASL_PLAINTEXT',
      'sasl.mechanism': 'PLAIN',
      'sasl.username': name,
      'sasl.password': password
    })
    const write = async (name: string, password: string): Promise<unknown> =>
      await produce(secured.bootstrapServers, 'private', [{ value: 'x', partition: 0 }],
        { idempotent: false, timeoutMs: 4_000, properties: login(name, password) })
    await write('root', 'root-secret')
    await assert.rejects(write('root', 'wrong'), /authentication/i)
    await assert.rejects(write('guest', 'guest-secret'), /authorization/i)
  })
})

describe('a cluster of three brokers', () => {
  let cluster: KafkaCluster
  before(async () => {
    cluster = await startKafkaCluster(undefined, {
      brokers: 3, configOf: id => ({ 'broker.rack': `rack-${id}` })
    })
  })
  after(async () => { await cluster.close() })

  test('replicates, moves a leader on request, and elects another after a kill', async () => {
    const configs = { 'min.insync.replicas': '2' }
    await cluster.createTopic('replicated', { partitions: 3, configs })
    await produce(cluster.bootstrapServers, 'replicated', createRecords(50))

    const first = await cluster.admin.leaderOf('replicated', 0)
    const next = first % 3 + 1
    await moveLeader(cluster, 'replicated', 0, next)
    assert.equal(await cluster.admin.leaderOf('replicated', 0), next)

    const killed = await killLeader(cluster, 'replicated', 0)
    assert.equal(killed, next)
    await produce(cluster.bootstrapServers, 'replicated', createRecords(50))
    await cluster.broker(killed).start()
    assert.equal((await readTopic(cluster.bootstrapServers, 'replicated')).length, 100)
  })

  test('has each broker know a created or deleted topic, and reports leaders',
    async () => {
      for (let round = 0; round < 2; round++) {
        await cluster.createTopic('told', { partitions: 12 })
        const views = await Promise.all(cluster.brokers.map(async broker =>
          await topicOn(broker, 'told')))
        assert.deepEqual(views.map(view => view?.partitions.length), [12, 12, 12])
        for (const broker of cluster.brokers) {
          const led = views[0]?.partitions.filter(({ leader }) => leader === broker.id) ?? []
          const ends = await offsetsOn(broker, 'told', led.map(each => each.partition), 'end')
          assert.equal(ends.size, led.length)
        }
        await cluster.admin.deleteTopic('told')
        for (const broker of cluster.brokers) {
          assert.equal(await topicOn(broker, 'told'), undefined)
        }
      }
      const described = await cluster.runTool('org.apache.kafka.tools.BrokerApiVersionsCommand', [])
      assert.match(described, /rack: rack-2/)
      assert.ok(cluster.brokers.includes(await controllerOf(cluster)))
      const coordinator = await coordinatorOf(cluster, 'readers')
      assert.equal(await coordinatorOf(cluster, 'readers'), coordinator)

      coordinator.pause()
      await assert.rejects(topicOn(coordinator, 'told'), /not within/)
      assert.notEqual(cluster.anyBroker(), coordinator)
      coordinator.continue()
      assert.equal(await topicOn(coordinator, 'told'), undefined)
    })
})
