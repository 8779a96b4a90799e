// The tests for each pair of Kafka versions: every part of the product that sends requests to
// brokers, once, on clusters of three brokers.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import {
  assertSameRecords, rawBatches, remoteOf, untilRecords
} from '../integration/comparison.ts'
import { interleaveTransactions } from '../integration/interleaved-transactions.ts'
import { LoadedFlow } from '../integration/loaded-flow.ts'
import { createPropertiesFile, startMirror } from '../integration/mirror-process.ts'
import { flowProperties, type MirroredClusters } from '../integration/mirrored-clusters.ts'
import { eventually } from '../kafka/eventually.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { moveLeader } from '../kafka/partition-operations.ts'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'

const partitions = 4
const grownPartitions = 6

export async function trySmokeSuite (t: TestContext, clusters: MirroredClusters): Promise<void> {
  await t.test('mirrors under load, killed, restarted, while leaders move and processes share',
    async t => { await mirrorLoad(t, clusters) })
  await t.test('mirrors partitions that are added', async t => { await grow(t, clusters) })
  await t.test('mirrors only committed transactions', async t => {
    await mirrorTransactions(t, clusters)
  })
  await t.test('commits the offsets of consumer groups', async t => {
    await moveGroup(t, clusters)
  })
  await t.test('re-encodes batches that the target does not accept', async t => {
    await reencode(t, clusters)
  })
}

async function moveGroup (t: TestContext, clusters: MirroredClusters): Promise<void> {
  const { source, target } = clusters
  await source.createTopic('grouped')
  const values = Array.from({ length: 5 }, (_, index) => ({ value: `${index}`, partition: 0 }))
  await produce(source.bootstrapServers, 'grouped', values)
  const committed = { topic: 'grouped', partition: 0, offset: 3n, metadata: '' }
  const atSource = createAdmin(t, source.bootstrapServers)
  for (const group of ['billing', 'shipping']) {
    const [done] = await atSource.commitGroupOffsets(group, [committed])
    assert.equal(done?.error, undefined)
  }
  const mirror = await startMirror(t, createPropertiesFile(t, flowProperties(clusters, {
    'topics': 'grouped', 'sync.group.offsets.enabled': true
  })))
  const atTarget = createAdmin(t, target.bootstrapServers)
  await eventually('both groups have moved', async () => {
    const found = await atTarget.groupOffsets(['billing', 'shipping'])
    return found.every(({ offsets }) => offsets[0]?.offset === 3n)
  })
  assert.equal((await mirror.stop()).code, 0)
}

async function mirrorLoad (t: TestContext, clusters: MirroredClusters): Promise<void> {
  const { source, target } = clusters
  const flow = await LoadedFlow.create(t, clusters, 'orders', { partitions, codec: 'zstd' })
  await flow.startAndKill()
  const stopped = await flow.start()
  await flow.more(stopped)
  assert.deepEqual(await stopped.stop(), { code: 0, signal: null })

  const first = await flow.start()
  await flow.more(first)
  await moveLeader(source, 'orders', 0, await followerOf(source, 'orders'))
  await flow.more(first)
  await moveLeader(target, flow.remoteTopic, 0, await followerOf(target, flow.remoteTopic))
  await flow.more(first)

  const second = await flow.handOver(first)
  await flow.finish(second)
  assert.deepEqual(await second.stop(), { code: 0, signal: null })
  const sum = (batches: ReadonlyArray<{ readonly recordCount: number }>): number =>
    batches.reduce((records, batch) => records + batch.recordCount, 0)
  const compared = (cluster: KafkaCluster, topic: string): number =>
    sum(rawBatches(cluster, topic, 1))
  assert.equal(compared(target, flow.remoteTopic), compared(source, 'orders'))
}

async function followerOf (cluster: KafkaCluster, topic: string): Promise<number> {
  const leader = await cluster.admin.leaderOf(topic, 0)
  const follower = cluster.brokers.find(({ id }) => id !== leader)
  assert.ok(follower)
  return follower.id
}

async function grow (t: TestContext, clusters: MirroredClusters): Promise<void> {
  const { source, target } = clusters
  await source.createTopic('grown', { partitions })
  const mirror = await startMirror(t, createPropertiesFile(t,
    flowProperties(clusters, { 'east->west.topics': 'grown' })))
  await produce(source.bootstrapServers, 'grown', eachPartition(partitions))
  await untilRecords(mirror, target, 'east.grown', partitions)
  await source.admin.createPartitions('grown', grownPartitions)
  await produce(source.bootstrapServers, 'grown', eachPartition(grownPartitions))
  await untilRecords(mirror, target, 'east.grown', partitions + grownPartitions)
  assert.equal((await mirror.stop()).code, 0)
  await assertSameRecords(clusters, remoteOf('grown'))
}

function eachPartition (count: number): Array<{ value: string, partition: number }> {
  return Array.from({ length: count }, (_, partition) =>
    ({ value: `of partition ${partition}`, partition }))
}

async function mirrorTransactions (t: TestContext, clusters: MirroredClusters): Promise<void> {
  const { source, target } = clusters
  await source.createTopic('ledger', { partitions: 2 })
  const committed = await interleaveTransactions(source.bootstrapServers, 'ledger')
  const mirror = await startMirror(t, createPropertiesFile(t,
    flowProperties(clusters, { 'east->west.topics': 'ledger' })))
  await untilRecords(mirror, target, 'east.ledger', committed.length)
  assert.equal((await mirror.stop()).code, 0)
  const read = await assertSameRecords(clusters, remoteOf('ledger'))
  assert.deepEqual(read.map(record => record.value?.toString()).sort(), [...committed].sort())
}

async function reencode (t: TestContext, clusters: MirroredClusters): Promise<void> {
  const { source, target } = clusters
  await source.createTopic('wide')
  await target.createTopic('east.wide', { configs: { 'max.message.bytes': '20000' } })
  const records = Array.from({ length: 300 }, (_, index) =>
    ({ value: `${index} ${Math.sin(index)} `.repeat(40), partition: 0 }))
  await produce(source.bootstrapServers, 'wide', records,
    { codec: 'none', lingerMs: 100, batchRecordsMax: 150 })
  const mirror = await startMirror(t, createPropertiesFile(t,
    flowProperties(clusters, { 'east->west.topics': 'wide' })))
  await untilRecords(mirror, target, 'east.wide', records.length)
  assert.equal((await mirror.stop()).code, 0)
  await assertSameRecords(clusters, remoteOf('wide'))
  assert.ok((mirror.summary().flows[0]?.reencoded['too_large'] ?? 0) > 1)
}
