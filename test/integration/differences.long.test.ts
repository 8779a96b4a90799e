// Rows of the table of differences that need clusters: MirrorMaker 2 and Longhaul run with the same
// file, and do what the row says. Needs Java.
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { DifferenceName } from '../../src/orchestrator/config/differences.ts'
import { addAcl } from '../kafka/acls.ts'
import { startKafkaCluster, type KafkaCluster } from '../kafka/cluster.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { deleteRecords } from '../kafka/partition-operations.ts'
import { apiKeyOf } from '../kafka/request-heads.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { countRecords, rawBatches } from './comparison.ts'
import { configsOf, withAuthorizer } from './control-plane-report.ts'
import { engines, startEither, type EitherMirror, type Engine } from './either-mirror.ts'
import { ofMirrorMaker } from './mirror-maker-process.ts'
import { createPropertiesFile, runCommand, type Properties } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

/** What happened, by the row that says that it differs. */
type Report = Readonly<Partial<Record<DifferenceName, unknown>>>

const createAclsApi = 30
const identity = {
  'replication.policy.class': 'org.apache.kafka.connect.mirror.IdentityReplicationPolicy'
}
const often: Properties = { 'sync.topic.acls.interval.seconds': 1 }

const expected: Readonly<Record<Engine, Report>> = {
  'MirrorMaker 2': {
    'codec': ['none'],
    'settings of brokers': '7200001',
    'refused topic setting': 'no topic',
    'ACLs': 'the same ACL again',
    'data loss': ['0', '1', '2', '3', '6', '7'],
    'new partitions with latest': 'lost',
    'several sources': ['east 0', 'east 1', 'north 0', 'north 1'],
    'loop of names': 'copies in circles'
  },
  'Longhaul': {
    'codec': ['gzip'],
    'settings of brokers': undefined,
    'refused topic setting': ['compact', undefined, '3600000'],
    'ACLs': 'each ACL once',
    'data loss': ['0', '1', '2', '3'],
    'new partitions with latest': 'mirrored',
    'several sources': ['east 0', 'east 1'],
    'loop of names': 'refused'
  }
}

describe('differences on purpose', { timeout: 1_200_000 }, () => {
  for (const engine of engines) {
    test(`as the table says of ${engine}`, async t => {
      const clusters = await startClusters({ config: withAuthorizer },
        { config: withAuthorizer, proxied: true })
      t.after(async () => { await clusters.close() })
      const report: Report = {
        ...await reportTopics(t, engine, clusters),
        ...await reportLatest(t, engine, clusters),
        ...await reportSources(t, engine, clusters),
        ...await reportRefused(t, engine, clusters),
        // The last one: its records circulate until the clusters are closed.
        ...await reportCircle(t, engine, clusters)
      }
      assert.deepEqual(report, expected[engine])
    })
  }
})

async function reportTopics (
  t: TestContext, engine: Engine, clusters: MirroredClusters
): Promise<Report> {
  const { source, target } = clusters
  await prepareTopics(source)
  // A request that is not held passes on.
  let sent = 0
  target.proxies[0]?.hold(head => {
    if (apiKeyOf(head) === createAclsApi && head.includes('User:first')) sent++
    return false
  })
  const properties = {
    ...flowProperties(clusters, {
      ...ofMirrorMaker, ...often, topics: 'packed,tuned,lossy'
    }),
    'west.bootstrap.servers': target.proxiedBootstrapServers
  }
  const first = await startEither(t, engine, properties)
  await untilCount(first, target, 'east.lossy', 4)
  await untilCount(first, target, 'east.packed', 3)
  const admin = createAdmin(t, target.bootstrapServers)
  const { 'retention.ms': ofBrokers } = await configsOf(admin, 'east.tuned')
  for (const name of ['second', 'third', 'fourth']) {
    await addAcl(source, aclOf(name))
    await first.until(`the ACL of ${name}`, async () =>
      (await admin.describeTopicAcls()).some(({ principal }) => principal === `User:${name}`))
  }
  await first.stop()

  await write(source, 'lossy', ['4', '5', '6', '7'])
  await deleteRecords(source, 'lossy', 0, 6)
  const second = await startEither(t, engine, properties)
  await second.until('the rest of lossy, or its stop', async () =>
    await countRecords(target, 'east.lossy') >= 6 || await second.hasStopped('lossy'))
  const lossy = await valuesOf(target, 'east.lossy')
  await second.stop()
  return {
    'settings of brokers': ofBrokers,
    'codec': [...new Set(rawBatches(target, 'east.packed', 0).map(({ codec }) => codec))],
    'ACLs': sent > 1 ? 'the same ACL again' : 'each ACL once',
    'data loss': lossy
  }
}

async function prepareTopics (source: KafkaCluster): Promise<void> {
  await source.runTool('kafka.admin.ConfigCommand', ['--alter', '--entity-type', 'brokers',
    '--entity-default', '--add-config', 'log.retention.ms=7200001'])
  await source.createTopic('packed')
  await produce(source.bootstrapServers, 'packed', ['a', 'b', 'c'].map(value =>
    ({ value: value.repeat(500), partition: 0 })), { codec: 'gzip' })
  await source.createTopic('tuned', { configs: { 'max.message.bytes': '900001' } })
  await source.createTopic('lossy')
  await write(source, 'lossy', ['0', '1', '2', '3'])
  await addAcl(source, aclOf('first'))
}

async function reportLatest (
  t: TestContext, engine: Engine, clusters: MirroredClusters
): Promise<Report> {
  const { source, target } = clusters
  await source.createTopic('kept')
  const mirror = await startEither(t, engine, flowProperties(clusters, {
    ...ofMirrorMaker, 'topics': 'kept,born', 'east.consumer.auto.offset.reset': 'latest'
  }))
  // When the position at the end is taken cannot be seen, so records follow until one arrives.
  const untilArrived = async (topic: string): Promise<void> => {
    await mirror.until(`a record of ${topic}`, async () => {
      await write(source, topic, ['later'])
      return await countRecords(target, `east.${topic}`).catch(() => 0) > 0
    })
  }
  await untilArrived('kept')
  await source.createTopic('born')
  await write(source, 'born', ['first'])
  await untilArrived('born')
  await mirror.stop()
  const isThere = (await valuesOf(target, 'east.born')).includes('first')
  return { 'new partitions with latest': isThere ? 'mirrored' : 'lost' }
}

async function reportSources (
  t: TestContext, engine: Engine, clusters: MirroredClusters
): Promise<Report> {
  const { source, target } = clusters
  const north = await startKafkaCluster()
  try {
    await source.createTopic('joint')
    await write(source, 'joint', ['east 0', 'east 1'])
    const mirror = await startEither(t, engine, flowProperties(clusters, {
      ...ofMirrorMaker, ...identity, 'topics': 'joint', 'clusters': 'east, west, north',
      'north.bootstrap.servers': north.bootstrapServers, 'north->west.enabled': true
    }))
    await untilCount(mirror, target, 'joint', 2)
    await north.createTopic('joint')
    await write(north, 'joint', ['north 0', 'north 1'])
    await mirror.until('the other records, or a stop', async () =>
      await countRecords(target, 'joint') >= 4 || await mirror.hasStopped('joint'))
    await mirror.stop()
    return { 'several sources': (await valuesOf(target, 'joint')).toSorted() }
  } finally {
    await north.close()
  }
}

async function reportRefused (
  t: TestContext, engine: Engine, clusters: MirroredClusters
): Promise<Report> {
  const { source, target } = clusters
  // The target cleans within a minute, so it refuses topics that wait longer.
  await target.runTool('kafka.admin.ConfigCommand', ['--alter', '--entity-type', 'brokers',
    '--entity-default', '--add-config', 'log.cleaner.max.compaction.lag.ms=60000'])
  await source.createTopic('patient', { configs: {
    'cleanup.policy': 'compact', 'min.compaction.lag.ms': '120000', 'segment.ms': '3600000'
  } })
  const mirror = await startEither(t, engine, flowProperties(clusters, {
    ...ofMirrorMaker, topics: 'patient,next.*'
  }))
  // The second of these topics is created in a round that began with `patient`.
  for (const topic of ['next', 'next-but-one']) {
    await source.createTopic(topic)
    await mirror.until(`the topic ${topic}`, async () =>
      (await target.admin.topicNames()).includes(`east.${topic}`))
  }
  const isThere = (await target.admin.topicNames()).includes('east.patient')
  const { 'cleanup.policy': policy, 'min.compaction.lag.ms': lag, 'segment.ms': segment } = isThere
    ? await configsOf(createAdmin(t, target.bootstrapServers), 'east.patient')
    : {}
  await mirror.stop()
  return { 'refused topic setting': isThere ? [policy, lag, segment] : 'no topic' }
}

async function reportCircle (
  t: TestContext, engine: Engine, clusters: MirroredClusters
): Promise<Report> {
  const properties = flowProperties(clusters, {
    ...ofMirrorMaker, ...identity, 'topics': 'round', 'west->east.enabled': true
  })
  if (engine === 'Longhaul') {
    const { exit, stderr, stdout } =
      await runCommand(['validate', createPropertiesFile(t, properties)])
    assert.match(`${stdout}${stderr}`, /same\.names\.both\.ways/)
    return { 'loop of names': exit.code === 0 ? 'accepted' : 'refused' }
  }
  const { source } = clusters
  await source.createTopic('round')
  await write(source, 'round', ['once'])
  const mirror = await startEither(t, engine, properties)
  await untilCount(mirror, source, 'round', 10)
  await mirror.stop()
  return { 'loop of names': 'copies in circles' }
}

async function untilCount (
  mirror: EitherMirror, cluster: KafkaCluster, topic: string, count: number
): Promise<void> {
  await mirror.until(`${count} records in ${topic}`, async () =>
    await countRecords(cluster, topic).catch(() => 0) >= count)
}

async function write (
  cluster: KafkaCluster, topic: string, values: readonly string[]
): Promise<void> {
  await produce(cluster.bootstrapServers, topic, values.map(value => ({ value, partition: 0 })))
}

async function valuesOf (cluster: KafkaCluster, topic: string): Promise<readonly string[]> {
  return (await readTopic(cluster.bootstrapServers, topic)).map(({ value }) => String(value))
}

function aclOf (user: string): readonly string[] {
  return ['--allow-principal', `User:${user}`, '--operation', 'READ', '--topic', 'tuned']
}
