// One program of things that happen to a source cluster, and what a mirror made of them on the
// target: the same for Longhaul and for MirrorMaker 2, which are compared by what is reported.
import type { TestContext } from 'node:test'
import type { ClusterAdmin } from '../../src/orchestrator/cluster/cluster-admin.ts'
import {
  decodeCheckpoint, decodeHeartbeat, decodeOffsetSync
} from '../../src/orchestrator/mirror-maker/internal-records.ts'
import { addAcl } from '../kafka/acls.ts'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { eventually } from '../kafka/eventually.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { alterTopicConfig } from '../kafka/partition-operations.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import type { Properties } from './mirror-process.ts'
import type { MirroredClusters } from './mirrored-clusters.ts'

export type ControlPlaneReport = Readonly<Record<string, unknown>>

/** For clusters with this configuration; everybody may do everything. */
export const withAuthorizer = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS'
}

/** Everything that is periodic each second. */
export const often: Properties = {
  'emit.heartbeats.enabled': true,
  'emit.checkpoints.interval.seconds': 1,
  'sync.group.offsets.enabled': true,
  'sync.group.offsets.interval.seconds': 1,
  'refresh.groups.interval.seconds': 1,
  'sync.topic.configs.interval.seconds': 1,
  'sync.topic.acls.interval.seconds': 1,
  // Matches `*`, too: the name of the resource in an ACL of all topics.
  'topics': '.*'
}

const remote = 'east.orders'
const partitions = 2
const records = 200
const committed = 60n
const syncs = 'mm2-offset-syncs.west.internal'
const checkpoints = 'east.checkpoints.internal'

/** Before a mirror runs. */
export async function prepareSource (t: TestContext, { source }: MirroredClusters): Promise<void> {
  await source.createTopic('orders', { partitions, configs: {
    'retention.ms': '1000001', 'max.message.bytes': '900000', 'min.insync.replicas': '1',
    'cleanup.policy': 'compact,delete'
  } })
  await write(source, 'orders', records)
  await Promise.all([
    ['--allow-principal', 'User:reader', '--operation', 'READ', '--topic', 'orders'],
    ['--allow-principal', 'User:writer', '--operation', 'WRITE', '--topic', 'orders'],
    ['--allow-principal', 'User:owner', '--operation', 'ALL', '--topic', 'orders'],
    ['--deny-principal', 'User:guest', '--operation', 'READ', '--topic', 'orders'],
    ['--allow-principal', 'User:auditor', '--operation', 'READ', '--topic', '*']
  ].map(async words => { await addAcl(source, words) }))
  const admin = createAdmin(t, source.bootstrapServers)
  await eventually('a commit: the coordinator of a new cluster comes late', async () => {
    await admin.commitGroupOffsets('billing', Array.from({ length: partitions }, (_, partition) =>
      ({ topic: 'orders', partition, offset: committed, metadata: 'note' })))
    return (await admin.groupOffsets(['billing']))[0]?.offsets.length === partitions
  })
}

/** While a mirror runs that was started with `often`. */
export async function reportControlPlane (
  t: TestContext, clusters: MirroredClusters
): Promise<ControlPlaneReport> {
  const admin = createAdmin(t, clusters.target.bootstrapServers)
  const offsets = await groupReport(admin, clusters)
  return {
    ...await settingsReport(t, admin, clusters),
    ...await topicsReport(clusters),
    ...await aclReport(admin),
    ...await internalReport(clusters),
    ...offsets
  }
}

async function groupReport (
  admin: ClusterAdmin, { target }: MirroredClusters
): Promise<ControlPlaneReport> {
  const offsets = async (): Promise<readonly bigint[]> =>
    (await admin.groupOffsets(['billing']))[0]?.offsets
      .filter(({ topic }) => topic === remote).sort((a, b) => a.partition - b.partition)
      .map(({ offset }) => offset) ?? []
  await until('all records', async () => (await values(target, remote)).length === records)
  await until('the offsets of the group', async () => (await offsets()).length === partitions)
  return {
    'offsets of the group': await offsets(),
    'records of the topic': await valuesByPartition(target, remote)
  }
}

async function settingsReport (
  t: TestContext, admin: ClusterAdmin, { source, target }: MirroredClusters
): Promise<ControlPlaneReport> {
  const created = await configsOf(admin, remote)
  // MirrorMaker 2 keeps a setting that the brokers of the source set, such as segment.bytes here.
  await alterTopicConfig(target, remote, { 'flush.messages': '12345678' })
  await alterTopicConfig(source, 'orders', { 'retention.ms': '2000002' })
  await until('the changed setting', async () =>
    (await configsOf(admin, remote))['retention.ms'] === '2000002')
  const { 'flush.messages': ofTarget = 'deleted', ...changed } = await configsOf(admin, remote)
  const policyOf = async (
    of: ClusterAdmin, topic: string
  ): Promise<readonly [string, string | null | undefined]> => {
    // A topic is created with its first record.
    await until(`the topic ${topic}`, async () => 'cleanup.policy' in await configsOf(of, topic))
    return [topic, (await configsOf(of, topic))['cleanup.policy']]
  }
  const atSource = createAdmin(t, source.bootstrapServers)
  return {
    'settings at creation': created,
    'settings after a change': changed,
    'setting of the target alone': ofTarget,
    'policies of internal topics': [
      await policyOf(admin, 'heartbeats'), await policyOf(admin, checkpoints),
      await policyOf(atSource, syncs)
    ]
  }
}

async function topicsReport (
  { source, target }: MirroredClusters
): Promise<ControlPlaneReport> {
  const partitionsOf = async (topic: string): Promise<number> =>
    await target.admin.partitionCount(topic).catch(() => 0)
  await source.admin.createPartitions('orders', partitions + 1)
  await until('the new partition', async () => await partitionsOf(remote) === partitions + 1)
  await source.createTopic('later', { partitions: 3 })
  await write(source, 'later', 30, 3)
  await until('a later topic', async () => (await values(target, 'east.later')).length === 30)
  await until('heartbeats of the source', async () =>
    (await values(target, 'east.heartbeats')).length > 0)
  const names = await target.admin.topicNames()
  return {
    topics: names.filter(name =>
      /^east\.(orders|later|heartbeats)$|^heartbeats$/.test(name)).sort(),
    'topics of its own': names.filter(name => /internal$|^mm2/.test(name)).sort(),
    partitions: await Promise.all([remote, 'east.later', 'heartbeats', checkpoints]
      .map(async topic => [topic, await partitionsOf(topic)]))
  }
}

async function aclReport (admin: ClusterAdmin): Promise<ControlPlaneReport> {
  const acls = async (): Promise<readonly string[]> => (await admin.describeTopicAcls())
    .map(({ host, name, operation, pattern, permission, principal }) =>
      [name, pattern, principal, host, permission, operation].join(' ')).sort()
  await until('the ACLs', async () => (await acls()).some(acl => acl.includes('User:guest')))
  return {
    'ACLs of the topic': (await acls()).filter(acl => acl.startsWith(`${remote} `)),
    'ACLs of all topics': (await acls()).filter(acl => acl.includes('User:auditor'))
  }
}

async function internalReport (
  { source, target }: MirroredClusters
): Promise<ControlPlaneReport> {
  const read = async <T>(
    cluster: KafkaCluster, topic: string, decode: (record: { key: Buffer, value: Buffer }) => T
  ): Promise<readonly T[]> => (await readTopic(cluster.bootstrapServers, topic))
    .flatMap(({ key, value }) => key === null || value === null ? [] : [decode({ key, value })])
  const beatsIn = async (topic: string): Promise<readonly string[]> =>
    [...new Set((await read(target, topic, decodeHeartbeat))
      .map(({ sourceAlias, targetAlias }) => `${sourceAlias}->${targetAlias}`))].sort()
  await until('offset syncs of the later topic', async () =>
    new Set((await read(source, syncs, decodeOffsetSync)).filter(({ topic }) => topic === 'later')
      .map(({ partition }) => partition)).size === 3)
  const synced = await read(source, syncs, decodeOffsetSync)
  const pointed = (await read(target, checkpoints, decodeCheckpoint))
    .filter(({ group, topic }) => group === 'billing' && topic === remote)
  return {
    heartbeats: await beatsIn('heartbeats'),
    'mirrored heartbeats': await beatsIn('east.heartbeats'),
    'partitions with offset syncs': [...new Set(synced.map(({ partition, topic }) =>
      `${topic}-${partition}`))].filter(name => !name.startsWith('heartbeats')).sort(),
    'offset syncs that name another record': synced.filter(({ downstream, upstream }) =>
      downstream !== upstream),
    'partitions with checkpoints': [...new Set(pointed.map(({ partition }) => partition))].sort(),
    'what checkpoints carry': [...new Set(pointed.map(({ metadata, upstream }) =>
      `${metadata} ${upstream}`))],
    'checkpoints beyond the group': pointed.filter(({ downstream, upstream }) =>
      downstream > upstream)
  }
}

/** What is set for the topic itself. */
export async function configsOf (
  admin: ClusterAdmin, topic: string
): Promise<Readonly<Record<string, string | null>>> {
  const [described] = await admin.describeConfigs([{ type: 'topic', name: topic }])
  return Object.fromEntries((described?.entries ?? [])
    .filter(({ source }) => source === 'DYNAMIC_TOPIC_CONFIG')
    .map(({ name, value }) => [name, value] as const).sort())
}

async function write (
  cluster: KafkaCluster, topic: string, count: number, width = partitions
): Promise<void> {
  await produce(cluster.bootstrapServers, topic, Array.from({ length: count }, (_, i) =>
    ({ key: `key ${i}`, value: `record ${i}`, partition: i % width })))
}

async function values (cluster: KafkaCluster, topic: string): Promise<readonly string[]> {
  if (!(await cluster.admin.topicNames()).includes(topic)) return []
  return (await readTopic(cluster.bootstrapServers, topic)).map(({ value }) => String(value))
}

async function valuesByPartition (cluster: KafkaCluster, topic: string): Promise<unknown> {
  const read = await readTopic(cluster.bootstrapServers, topic)
  return Array.from({ length: partitions }, (_, partition) => read
    .filter(each => each.partition === partition)
    .map(({ key, timestamp, value }) => [String(key), String(value), timestamp > 0]))
}

async function until (what: string, probe: () => Promise<boolean>): Promise<void> {
  await eventually(what, probe, { intervalMs: 300 })
}
