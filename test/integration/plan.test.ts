// `longhaul plan`: shows what a start would change on both clusters, and whether the batches of
// each topic pass, and changes nothing itself.
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import type { TopicAcl } from '../../src/orchestrator/cluster/cluster-admin.ts'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { produce } from '../kafka/kafka-producer.ts'
import {
  alterTopicConfig, compactedTopicConfigs, untilCompacted
} from '../kafka/partition-operations.ts'
import { createAcl } from '../orchestrator/acls/create-acl.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { untilRecords } from './comparison.ts'
import { commitOffsets } from './group-commit.ts'
import { createPropertiesFile, runCommand, startMirror } from './mirror-process.ts'
import { flowProperties, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

interface ShownTopic {
  readonly topic: string
  readonly change: string
  readonly settings: ReadonlyArray<{
    readonly name: string, readonly from: string | null, readonly to: string | null
  }>
  readonly batches: {
    readonly verdict: string, readonly sampled: number, readonly reasons: object
  } | null
}

interface ShownPlan {
  readonly changes: boolean
  readonly topics: readonly ShownTopic[]
  readonly ownTopics: ReadonlyArray<{ readonly topic: string, readonly change: string }>
  readonly acls: { readonly off: string | null, readonly create: readonly TopicAcl[] }
  readonly groups: {
    readonly groups: ReadonlyArray<{
      readonly group: string, readonly why: string, readonly commits: readonly object[]
    }>
  }
  readonly errors: readonly string[]
}

async function planOf (file: string, code: number): Promise<ShownPlan> {
  const { exit, stderr, stdout } = await runCommand(['plan', file, '-o', 'json'])
  assert.equal(exit.code, code, stdout + stderr)
  const [plan] = JSON.parse(stdout) as readonly ShownPlan[]
  assert.ok(plan !== undefined)
  return plan
}

function topicOf ({ topics }: ShownPlan, name: string): ShownTopic {
  const found = topics.find(({ topic }) => topic === name)
  assert.ok(found !== undefined, `no ${name} in the plan`)
  return found
}

/** Everything that a plan must leave as it is. */
async function stateOf (t: TestContext, cluster: KafkaCluster): Promise<object> {
  const admin = createAdmin(t, cluster.plainBootstrapServers)
  const topics = (await admin.listTopics()).map(({ name, partitionCount }) =>
    ({ name, partitionCount })).toSorted((one, other) => one.name < other.name ? -1 : 1)
  const { groups } = await admin.listGroups()
  return {
    topics,
    configs: await admin.describeConfigs(
      topics.map(({ name }) => ({ type: 'topic' as const, name }))),
    acls: await admin.describeTopicAcls().catch(() => 'no authorizer'),
    groups: groups.map(({ name }) => name).toSorted(),
    offsets: await admin.groupOffsets(groups.map(({ name }) => name)),
    ends: await admin.listOffsets(topics.flatMap(({ name, partitionCount }) =>
      Array.from({ length: partitionCount }, (_, partition) =>
        ({ topic: name, partition, at: 'latest' as const }))), 'read_uncommitted')
  }
}

describe('longhaul plan', { timeout: 600_000 }, () => {
  let clusters: MirroredClusters
  before(async () => {
    clusters = await startClusters()
    const { source, target } = clusters
    await source.createTopic('fresh', { partitions: 2, configs: { 'retention.ms': '86400000' } })
    await source.createTopic('short', { partitions: 4 })
    await source.createTopic('other', { configs: { 'retention.ms': '3600000' } })
    await source.createTopic('large')
    await source.createTopic('stamped', { configs: { 'message.timestamp.type': 'LogAppendTime' } })
    await target.createTopic('east.short', { partitions: 1 })
    await target.createTopic('east.other', { configs: { 'retention.ms': '60000' } })
    await target.createTopic('east.large', { configs: { 'max.message.bytes': '2000' } })
    const { bootstrapServers } = source
    await produce(bootstrapServers, 'fresh',
      [{ value: 'a', partition: 0 }, { value: 'b', partition: 1 }])
    await produce(bootstrapServers, 'large', [{ value: 'x'.repeat(20_000) }, { value: 'small' }])
    await produce(bootstrapServers, 'stamped', [{ value: 'a' }])
  })
  after(async () => { await clusters.close() })

  const properties = () => flowProperties(clusters,
    { 'topics': 'fresh, short, other, large, stamped', 'sync.topic.acls.enabled': true })

  test('shows each change, why batches are re-encoded, and changes nothing', async t => {
    const { source, target } = clusters
    const before = [await stateOf(t, source), await stateOf(t, target)]
    const plan = await planOf(createPropertiesFile(t, properties()), 11)
    assert.equal(plan.changes, true)
    assert.deepEqual(plan.errors, [])
    const fresh = topicOf(plan, 'fresh')
    assert.equal(fresh.change, 'create')
    assert.deepEqual(fresh.settings.find(({ name }) => name === 'retention.ms'),
      { name: 'retention.ms', from: null, to: '86400000' })
    assert.equal(fresh.batches?.verdict, 'pass')
    assert.equal(fresh.batches.sampled, 2)
    assert.equal(topicOf(plan, 'short').change, 'grow')
    assert.equal(topicOf(plan, 'short').batches?.verdict, 'no records')
    const other = topicOf(plan, 'other')
    assert.equal(other.change, 'settings')
    assert.deepEqual(other.settings.find(({ name }) => name === 'retention.ms'),
      { name: 'retention.ms', from: '60000', to: '3600000' })
    assert.deepEqual(topicOf(plan, 'large').batches?.reasons, { too_large: 1 })
    assert.deepEqual(topicOf(plan, 'stamped').batches?.reasons, { log_append_time: 1 })
    assert.equal(topicOf(plan, 'stamped').batches?.verdict, 're-encode')
    assert.match(plan.acls.off ?? '', /has no authorizer/)
    assert.deepEqual(plan.ownTopics.find(({ topic }) => topic.startsWith('longhaul-progress')),
      {
        topic: 'longhaul-progress.east.internal',
        cluster: 'west',
        holds: 'progress',
        change: 'create',
        settings: []
      })
    assert.deepEqual([await stateOf(t, source), await stateOf(t, target)], before)
  })

  test('a thinned batch is re-encoded because of compaction', async t => {
    const { source } = clusters
    await source.createTopic('thinned', { configs: compactedTopicConfigs })
    await produce(source.bootstrapServers, 'thinned',
      Array.from({ length: 100 }, (_, i) => ({ key: `key ${i % 3}`, value: String(i) })),
      { lingerMs: 50, batchRecordsMax: 100 })
    await untilCompacted(source, 'thinned', 0)
    const file = createPropertiesFile(t, flowProperties(clusters, { topics: 'thinned' }))
    const { batches } = topicOf(await planOf(file, 11), 'thinned')
    assert.ok(Object.keys(batches?.reasons ?? {}).includes('compacted'), JSON.stringify(batches))
  })

  test('shows no change after the mirror has run, and then the offsets of a group', async t => {
    const { source, target } = clusters
    await source.createTopic('moved')
    await produce(source.bootstrapServers, 'moved', [{ value: 'a' }, { value: 'b' }])
    const settled = {
      'topics': 'moved',
      'emit.checkpoints.enabled': false,
      'emit.offset-syncs.enabled': false,
      'sync.group.offsets.enabled': false
    }
    const file = createPropertiesFile(t, flowProperties(clusters, settled))
    const mirror = await startMirror(t, file)
    await untilRecords(mirror, target, 'east.moved', 2)
    assert.equal((await mirror.stop()).code, 0)
    assert.equal((await planOf(file, 0)).changes, false)
    const progressTopic = 'longhaul-progress.east.internal'
    await alterTopicConfig(target, progressTopic, { 'segment.ms': '999000000' })
    assert.deepEqual((await planOf(file, 11)).ownTopics, [{
      topic: progressTopic,
      cluster: 'west',
      holds: 'progress',
      change: 'settings',
      settings: [{ name: 'segment.ms', from: '999000000', to: '600000' }]
    }])
    await commitOffsets(createAdmin(t, source.bootstrapServers), 'readers',
      [{ topic: 'moved', partition: 0, offset: 1n, metadata: '' }])
    const before = await stateOf(t, target)
    const withGroups = createPropertiesFile(t,
      flowProperties(clusters, { ...settled, 'sync.group.offsets.enabled': true }))
    const { groups } = await planOf(withGroups, 11)
    assert.deepEqual(groups.groups.map(({ commits, group }) => ({ group, commits })), [{
      group: 'readers',
      commits: [{ topic: 'east.moved', partition: 0, sourceOffset: '1', targetOffset: '1' }]
    }])
    assert.deepEqual(await stateOf(t, target), before)

    // The positions on record are of the remote topic with the former name.
    const renamed = await runCommand(['validate', file, '-X', 'topic.rename=moved@sales'])
    assert.equal(renamed.exit.code, 1)
    assert.match(renamed.stdout, /^error: moved: .*now mirrors to another name.*TOPIC_RECREATED/m)
    assert.equal((await runCommand(['validate', file])).exit.code, 0)
  })

  // Regression: the plan listed the topic among its changes, beside the warning that the target
  // refuses it.
  test('does not list a topic of its own that the target would refuse', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'topics': 'other',
      'emit.heartbeats.enabled': true,
      'heartbeats.topic.replication.factor': 3,
      'checkpoints.topic.replication.factor': 3
    }))
    const { stdout } = await runCommand(['plan', file])
    assert.match(stdout, /^warning: .*Lower heartbeats\.topic\.replication\.factor=3/m)
    assert.match(stdout, /^warning: .*Lower checkpoints\.topic\.replication\.factor=3/m)
    assert.doesNotMatch(stdout, /^creates the topic of (heartbeats|checkpoints): \S+ on west$/m)
  })

  test('shows tables, and ends with 1 for a topic that the file names in vain', async t => {
    const file = createPropertiesFile(t, flowProperties(clusters, { topics: 'other, gone' }))
    const { exit, stdout } = await runCommand(['plan', file])
    assert.equal(exit.code, 1)
    assert.match(stdout, /^east->west: would change 1 of the 1 topics that it mirrors to west$/m)
    assert.match(stdout, /│ other +│ east\.other +│ retention\.ms: 60000 to 3600000 +│ no records/)
    assert.match(stdout, /^does not mirror \d+ topics; longhaul validate says why for each$/m)
    assert.match(stdout, /^creates the topic of checkpoints: east\.checkpoints\.internal on west$/m)
    assert.match(stdout, /^error: topics names gone, which is not mirrored/m)
  })
})

describe('longhaul plan with an authorizer', { timeout: 600_000 }, () => {
  let clusters: MirroredClusters
  before(async () => {
    clusters = await startClusters({ sasl: { users: { guest: 'secret' }, superUsers: [] } })
  })
  after(async () => { await clusters.close() })

  test('shows the ACLs that would be added, and adds none', async t => {
    const { source, target } = clusters
    await source.createTopic('shared')
    const acl = createAcl({ name: 'shared' })
    const [created] = await createAdmin(t, source.plainBootstrapServers).createTopicAcls([acl])
    assert.equal(created?.error, undefined)
    const file = createPropertiesFile(t, flowProperties(clusters, {
      'east.bootstrap.servers': source.plainBootstrapServers,
      'west.bootstrap.servers': target.plainBootstrapServers,
      'topics': 'shared',
      'sync.topic.acls.enabled': true
    }))
    const before = await stateOf(t, target)
    const { acls } = await planOf(file, 11)
    assert.deepEqual(acls, { create: [{ ...acl, name: 'east.shared' }], off: null })
    assert.deepEqual(await stateOf(t, target), before)
  })
})
