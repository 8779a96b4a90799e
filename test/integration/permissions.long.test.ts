// Each permission that `longhaul acls` prints is withdrawn from one flow: the log names the
// operation and the resource. All flows run in one process, beside a flow with all permissions.
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import {
  permissionRows, type RequiredAcl, type Resource
} from '../../src/orchestrator/flow/required-acls.ts'
import { addAcl } from '../kafka/acls.ts'
import { produce } from '../kafka/kafka-producer.ts'
import { createAdmin } from '../orchestrator/cluster/create-admin.ts'
import { untilRecords } from './comparison.ts'
import { numbered } from './failures/fault-probe.ts'
import { grantAcls, printedAcls, without } from './granted-acls.ts'
import { commitOffsets } from './group-commit.ts'
import { createPropertiesFile, spawnMirror, type Properties } from './mirror-process.ts'
import { login, startClusters, type MirroredClusters } from './mirrored-clusters.ts'

// Heartbeats concern all aliases of a cluster, not one flow: switched off below, as the canary is
// by default. The flows share the principal, and so its permissions on the clusters, the consumer
// groups and the topic of offset syncs on the source.
const shared: readonly Resource[] = ['heartbeats topic', 'canary topic', 'cluster',
  'inbound progress topics', 'consumer groups', 'checkpoints topic']
/** Each flow of the second test has a user of its own. */
const usersMax = 16
const users = ['guest', ...Array.from({ length: usersMax }, (_, i) => `user${i}`)]
const secured = {
  sasl: { users: Object.fromEntries(users.map(user => [user, 'guest-secret'])), superUsers: [] }
}

describe('without a permission', { timeout: 600_000 }, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters(secured) })
  after(async () => { await clusters.close() })

  test('a flow names the operation and the resource', async t => {
    const { source, target } = clusters
    const cases = permissionRows
      .filter(({ resource, side }) => !shared.includes(resource) &&
        // Without Describe on the group on the source no request failed.
        (!['offset syncs topic', 'group'].includes(resource) || side === 'target'))
      .map((row, i) => ({ ...row, alias: `east${i}x`, topic: `t${i}x` }))
    const flows = [...cases, { alias: 'sound', topic: 'sound' }]
    const file = createPropertiesFile(t, {
      'clusters': ['west', ...flows.map(({ alias }) => alias)].join(),
      ...clusterOf('west', target.bootstrapServers),
      ...Object.assign({}, ...flows.map(({ alias, topic }) => ({
        ...clusterOf(alias, source.bootstrapServers),
        [`${alias}->west.enabled`]: true,
        [`${alias}->west.topics`]: topic
      }))) as Properties,
      // It would grant READ on the remote topics, which is granted on the source topics.
      'sync.topic.acls.enabled': false,
      'lanes': 1,
      'task.slots': 1,
      'replication.factor': 1,
      'progress.topic.replication.factor': 1,
      'metrics.port': 0,
      'refresh.topics.interval.seconds': 1,
      'emit.heartbeats.enabled': false,
      'offset-syncs.topic.location': 'target',
      'offset-syncs.topic.replication.factor': 1
    })
    for (const { topic } of flows) {
      await source.createTopic(topic, { partitions: 2, configs: { 'retention.ms': '9999999' } })
      await produce(source.plainBootstrapServers, topic, numbered(0, 5))
    }
    let granted = await printedAcls(file)
    for (const { alias, operation, resource, topic } of cases) {
      const name = nameOf(resource, alias, topic)
      granted = without(granted, operation, acl => acl.name === name)
      // Kafka reads AlterConfigs as DescribeConfigs, too.
      if (operation === 'DescribeConfigs') {
        granted = without(granted, 'AlterConfigs', acl => acl.name === name)
      }
      // Only an existing topic can lack partitions or a setting.
      if (resource === 'remote topics' && operation === 'AlterConfigs') {
        await target.createTopic(name, { partitions: 2 })
      }
      if (operation === 'Alter') await target.createTopic(name, { partitions: 1 })
      if (resource === 'progress topic' && operation.endsWith('Configs')) {
        const configs = { 'cleanup.policy': 'compact' }
        await target.createTopic(name, { partitions: 1, configs })
      }
    }
    // Without Read, which implies Describe, the source would not show the topic.
    await addAcl(source, ['--allow-principal', 'User:guest', '--operation', 'Describe',
      '--topic', 't0x'])
    await grantAcls((alias: string) => alias === 'west' ? target : source, granted)
    const mirror = spawnMirror(t, file)
    await untilRecords(mirror, target, 'sound.sound', 5)
    for (const { alias, operation, resource, topic } of cases) {
      const name = nameOf(resource, alias, topic)
      const word = operation.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()
      const line = await mirror.untilLogged(`${word} on ${name}`, ({ flow, level, text }) =>
        (level === 'error' || level === 'warn') && flow === `${alias}->west` &&
        text.includes(name) && new RegExp(`\\b${word}\\b`).test(text))
      assert.match(line.text, /grant|needs/i)
    }
    await mirror.stop()
  })

  // With a user of its own, a flow may lack what others have on the same resource. Without cases:
  // Describe on the cluster of the target, which Alter implies; and those of the next tests.
  test('on a resource that flows share, a flow with its own user names it, too', async t => {
    const { source, target } = clusters
    const rows = permissionRows.filter(({ operation, resource, side }) =>
      ['consumer groups', 'checkpoints topic'].includes(resource) ||
      (resource === 'cluster' && (side === 'source' || operation === 'Alter')) ||
      (resource === 'heartbeats topic' && operation === 'Write' && side === 'target') ||
      (resource === 'offset syncs topic' && side === 'source'))
    const flows = rows.map((row, i) => ({ ...row, alias: `own${i}`, user: `user${i}` }))
    assert.ok(flows.length <= usersMax)
    const file = createPropertiesFile(t, {
      ...Object.assign({}, ...flows.map(({ alias, user }) => ({
        ...clusterOf(`${alias}s`, source.bootstrapServers, user),
        ...clusterOf(`${alias}t`, target.bootstrapServers, user),
        [`${alias}s->${alias}t.enabled`]: true
      }))) as Properties,
      'clusters': flows.flatMap(({ alias }) => [`${alias}s`, `${alias}t`]).join(),
      'topics': 'shared',
      'groups': 'readers',
      'lanes': 1,
      'task.slots': 1,
      'replication.factor': 1,
      'progress.topic.replication.factor': 1,
      'checkpoints.topic.replication.factor': 1,
      'heartbeats.topic.replication.factor': 1,
      'offset-syncs.topic.replication.factor': 1,
      'metrics.port': 0,
      'sync.topic.acls.interval.seconds': 1,
      'sync.group.offsets.enabled': true,
      'sync.group.offsets.interval.seconds': 1,
      'refresh.groups.interval.seconds': 1
    })
    await source.createTopic('shared')
    await produce(source.plainBootstrapServers, 'shared', numbered(0, 5))
    await commitOffsets(createAdmin(t, source.plainBootstrapServers), 'readers',
      [{ topic: 'shared', partition: 0, offset: 2n, metadata: '' }])
    let granted = await printedAcls(file)
    for (const { alias, operation, resource, side, user } of flows) {
      const name = sharedNameOf(resource, alias)
      const before = granted
      granted = without(granted, operation, acl => acl.principal === `User:${user}` &&
        acl.name === name && acl.cluster === `${alias}${side[0]}`)
      assert.notDeepEqual(granted, before, `${operation} on ${name}`)
    }
    await grantAcls((alias: string) => alias.endsWith('t') ? target : source, granted)
    const mirror = spawnMirror(t, file)
    for (const { alias, operation, resource } of flows) {
      const name = resource === 'cluster' ? 'cluster' : sharedNameOf(resource, alias)
      // A broker first refuses to describe a group, which Read implies.
      const word = resource === 'consumer groups' ? 'DESCRIBE' : operation.toUpperCase()
      const line = await mirror.untilLogged(`${operation} on ${name}`, ({ flow, level, text }) =>
        (level === 'error' || level === 'warn') && flow === `${alias}s->${alias}t` &&
        text.includes(name) && new RegExp(`\\b${word}\\b`).test(text))
      assert.match(line.text, /grant|needs/i)
    }
    await mirror.stop()
  })
})

// On clusters of their own: no other flow creates the topic of heartbeats there.
describe('without a permission on a topic of the flow itself or of other flows', {
  timeout: 600_000
}, () => {
  let clusters: MirroredClusters
  before(async () => { clusters = await startClusters(secured) })
  after(async () => { await clusters.close() })

  interface Case {
    readonly alias: string
    readonly user: string
    readonly side: 's' | 't'
    readonly operation: string
    /** The resource, as `longhaul acls` and the log name it. */
    readonly name: string
    readonly says: RegExp
    readonly settings: Properties
  }

  /** Runs the flows of the cases; each one lacks its operation on its resource, and says so. */
  async function assertNamed (t: TestContext, cases: readonly Case[]): Promise<void> {
    const { source, target } = clusters
    const aliases = [...new Set(cases.map(({ alias }) => alias))]
    const userOf = (alias: string): string =>
      cases.find(each => each.alias === alias)?.user ?? ''
    const file = createPropertiesFile(t, {
      ...Object.assign({}, ...aliases.map(alias => ({
        ...clusterOf(`${alias}s`, source.bootstrapServers, userOf(alias)),
        ...clusterOf(`${alias}t`, target.bootstrapServers, userOf(alias)),
        [`${alias}s->${alias}t.enabled`]: true,
        [`${alias}s->${alias}t.topics`]: `of-${alias}`
      }))) as Properties,
      ...Object.assign({}, ...cases.map(({ settings }) => settings)) as Properties,
      'clusters': aliases.flatMap(alias => [`${alias}s`, `${alias}t`]).join(),
      'lanes': 1,
      'task.slots': 1,
      'replication.factor': 1,
      'progress.topic.replication.factor': 1,
      'checkpoints.topic.replication.factor': 1,
      'heartbeats.topic.replication.factor': 1,
      'canary.topic.replication.factor': 1,
      'emit.heartbeats.enabled': false,
      'emit.offset-syncs.enabled': false,
      'metrics.port': 0
    })
    for (const alias of aliases) await source.createTopic(`of-${alias}`)
    let granted = await printedAcls(file)
    for (const { alias, name, operation, side } of cases) {
      const before = granted
      granted = without(granted, operation,
        acl => acl.cluster === `${alias}${side}` && acl.name === name)
      assert.notDeepEqual(granted, before, `${operation} on ${name} of ${alias}${side}`)
    }
    await grantAcls((alias: string) => alias.endsWith('t') ? target : source, granted)
    const mirror = spawnMirror(t, file)
    for (const { alias, operation, name, says, side } of cases) {
      await mirror.untilLogged(`${operation} on ${name} of ${alias}${side}`,
        ({ flow, level, text }) => (level === 'error' || level === 'warn') &&
          flow === `${alias}s->${alias}t` && text.includes(`${alias}${side}`) && says.test(text))
    }
    await mirror.stop()
  }

  const canary = (alias: string): Properties => ({ [`${alias}s->${alias}t.canary.enabled`]: true })
  const bothWays = (alias: string): Properties => ({
    [`${alias}s->${alias}t.same.names.both.ways`]: true,
    [`${alias}s->${alias}t.replication.policy.class`]:
      'org.apache.kafka.connect.mirror.IdentityReplicationPolicy'
  })
  const beats = (alias: string): Properties => ({
    [`${alias}s->${alias}t.emit.heartbeats.enabled`]: true,
    [`${alias}t->${alias}s.emit.heartbeats.enabled`]: true
  })
  const prefix = 'longhaul-progress.'

  test('a flow names what it cannot create, write or read', async t => {
    const create = /grant CREATE and WRITE on topic heartbeats/i
    const onCanary = /grant CREATE, WRITE and READ on topic longhaul-canary/i
    await assertNamed(t, [
      { alias: 'k', user: 'user0', side: 's', operation: 'Create', name: 'heartbeats',
        says: create, settings: beats('k') },
      { alias: 'k', user: 'user0', side: 't', operation: 'Create', name: 'heartbeats',
        says: create, settings: {} },
      { alias: 'l', user: 'user1', side: 's', operation: 'Create',
        name: 'longhaul-canary.lt.internal', says: onCanary, settings: canary('l') },
      { alias: 'm', user: 'user2', side: 's', operation: 'Write',
        name: 'longhaul-canary.mt.internal', says: onCanary, settings: canary('m') },
      { alias: 'n', user: 'user3', side: 's', operation: 'Read', name: prefix,
        says: /INBOUND_UNREADABLE/, settings: bothWays('n') },
      { alias: 'o', user: 'user4', side: 't', operation: 'Read', name: prefix,
        says: /INBOUND_UNREADABLE/, settings: bothWays('o') }
    ])
  })

  test('a flow names the source to which it cannot write heartbeats', async t => {
    await clusters.source.createTopic('heartbeats')
    await assertNamed(t, [
      { alias: 'q', user: 'user6', side: 's', operation: 'Write', name: 'heartbeats',
        says: /grant CREATE and WRITE on topic heartbeats/i, settings: beats('q') }
    ])
  })
})

function sharedNameOf (resource: Resource, alias: string): string {
  switch (resource) {
    case 'cluster': return 'kafka-cluster'
    case 'consumer groups': return 'readers'
    case 'checkpoints topic': return `${alias}s.checkpoints.internal`
    case 'heartbeats topic': return 'heartbeats'
    case 'offset syncs topic': return `mm2-offset-syncs.${alias}t.internal`
    default: throw new Error(`this test has no case for the permission on the ${resource}`)
  }
}

function clusterOf (alias: string, servers: string, user = 'guest'): Properties {
  return { [`${alias}.bootstrap.servers`]: servers, ...login(alias, user, 'guest-secret') }
}

function nameOf (resource: Resource, alias: string, topic: string): RequiredAcl['name'] {
  switch (resource) {
    case 'source topics': return topic
    case 'remote topics': return `${alias}.${topic}`
    case 'progress topic': return `longhaul-progress.${alias}.internal`
    case 'offset syncs topic': return `mm2-offset-syncs.${alias}.internal`
    case 'group': return `longhaul.${alias}->west`
    // A new resource would be looked for under a wrong name for minutes.
    default: throw new Error(`this test has no case for the permission on the ${resource}`)
  }
}
