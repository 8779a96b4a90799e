// The same file, read by MirrorMaker 2 and by Longhaul: the flows, the names of remote topics, the
// included topics and settings and the clients are equal, except for the differences in
// differences.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FlowConfig } from '../../../src/orchestrator/config/config.ts'
import type { DifferenceName } from '../../../src/orchestrator/config/differences.ts'
import type { OffsetReset } from '../../../src/orchestrator/config/offset-reset.ts'
import { parseConfig } from '../../../src/orchestrator/config/parse-config.ts'
import { connectGroupOf, offsetsTopicOf } from '../../../src/orchestrator/migration/import-flow.ts'
import { judgeTopic } from '../../../src/orchestrator/policy/topic-filter.ts'
import { askMirrorMaker, type Answer, type PairView } from '../../kafka/mirror-maker-oracle.ts'
import { twoClusters } from './create-config.ts'
import { asMirrorMakerReads } from './mirror-maker-equivalent.ts'
import { realFiles } from './real-files.ts'

const topics = [
  'orders', 'orders.eu', 'orders-v2', 'payments', 'Payments', 'a', 'b', 'A.orders', 'B.orders',
  'C.A.orders', 'other.orders', 'heartbeats', 'B.heartbeats', 'C.heartbeats', 'Example1', 'clicks',
  '__consumer_offsets', 'mm2-offsets.A.internal', 'mm2-offsets-A-internal', 'x.internal',
  'x-internal', 'x_internal', 'A.checkpoints.internal', 'A_checkpoints_internal', 'kept.replica',
  'B_orders', 'use1-orders', 'hub-orders', 'longhaul-progress.A.internal', 'longhaul-progress.X'
]
const groups = ['billing', 'orders', 'console-consumer-7', 'connect-x', '__internal', 'Payments']
const configProperties = ['retention.ms', 'min.insync.replicas', 'message.timestamp.type', 'x']

/** Properties of all clients with the same name in librdkafka. */
const clientProperties = ['security.protocol', 'sasl.kerberos.service.name', 'client.dns.lookup',
  'reconnect.backoff.max.ms']

interface FlowView {
  readonly name: string
  readonly replicationFactor: number
  readonly offsetStorageFactor: number
  /** The topic of the positions of MirrorMaker 2. */
  readonly offsetsTopic: string
  /** The group of the workers of MirrorMaker 2. */
  readonly workerGroup: string
  /** The intervals of a flow's duties; Infinity: switched off. */
  readonly intervalsMs: readonly number[]
  /** Duties whose interval differs on purpose. */
  readonly looksForGroups: boolean
  readonly mirrored: Readonly<Record<string, string>>
  readonly configProperties: readonly string[]
  readonly groups: readonly string[]
  readonly checkpointsTopic: string
  readonly offsetSyncsTopic: string
  readonly offsetReset: string
  readonly lingerMs: string | undefined
  /** Of the consumer, the producer, the two admin clients: the properties of clientProperties. */
  readonly clients: ReadonlyArray<Readonly<Record<string, string>>>
}

/** What both readers derive from a file, in the same shape. */
type View = 'refused' | readonly FlowView[]

function ofMirrorMaker (answer: Answer): View {
  const pairs = answer.refused === undefined ? answer.pairs : []
  const isRefused = answer.refused !== undefined ||
    pairs.some(pair => pair.enabled && (pair.refused ?? pair.refusedConnectors) !== undefined)
  return isRefused ? 'refused' : sorted(pairs.flatMap(flowOfMirrorMaker))
}

function flowOfMirrorMaker (pair: PairView): readonly FlowView[] {
  if (!('settings' in pair)) return []
  const { clients: { consumer, producer, sourceAdmin, targetAdmin }, settings } = pair
  return [{
    name: `${pair.source}->${pair.target}`,
    replicationFactor: settings.replicationFactor,
    offsetStorageFactor: settings.offsetStorageFactor,
    offsetsTopic: settings.offsetsTopic,
    workerGroup: settings.workerGroup,
    looksForGroups: settings.refreshGroupsMs >= 0,
    intervalsMs: [settings.refreshTopicsMs, settings.syncTopicConfigsMs, settings.syncTopicAclsMs]
      .map(interval => interval < 0 ? Infinity : interval),
    mirrored: Object.fromEntries(Object.entries(pair.topics).flatMap(([topic, view]) =>
      view.isMirrored ? [[topic, view.remote]] : [])),
    configProperties: pair.configProperties,
    groups: pair.groups,
    checkpointsTopic: pair.internalTopics[1],
    offsetSyncsTopic: pair.internalTopics[2],
    offsetReset: consumer['auto.offset.reset'] ?? '',
    lingerMs: producer['linger.ms'],
    clients: [consumer, producer, sourceAdmin, targetAdmin].map(propertiesOf)
  }]
}

function ofLonghaul (file: string): View {
  const parsed = parseConfig(file, { environment: {} })
  return parsed.ok ? sorted(parsed.config.flows.map(flowOfLonghaul)) : 'refused'
}

function flowOfLonghaul (flow: FlowConfig): FlowView {
  const { name, policy, settings, source, target } = flow
  return {
    name,
    replicationFactor: settings['replication.factor'],
    offsetStorageFactor: settings['offset.storage.replication.factor'],
    offsetsTopic: offsetsTopicOf(flow, {}),
    workerGroup: connectGroupOf(flow, {}),
    looksForGroups: settings['refresh.groups.enabled'],
    intervalsMs: [
      [settings['refresh.topics.enabled'], settings['refresh.topics.interval.seconds']],
      [settings['sync.topic.configs.enabled'], settings['sync.topic.configs.interval.seconds']],
      [settings['sync.topic.acls.enabled'], settings['sync.topic.acls.interval.seconds']]
    ].map(([enabled, seconds]) => enabled === true ? Number(seconds) * 1000 : Infinity),
    mirrored: Object.fromEntries(topics.flatMap(topic =>
      judgeTopic(flow.topics, topic) === 'mirrored' ? [[topic, policy.remoteTopic(topic)]] : [])),
    configProperties: configProperties.filter(each => !flow.configProperties.excludes(each)),
    groups: groups.filter(flow.groups.matches),
    checkpointsTopic: policy.checkpointsTopic,
    offsetSyncsTopic: flow.offsetSyncs.topic,
    offsetReset: showReset(flow.starts.of('orders')),
    lingerMs: String(settings['linger.ms']),
    clients: [
      source.client, target.client, source.admin.properties, target.admin.properties
    ].map(propertiesOf)
  }
}

function propertiesOf (client: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(clientProperties.flatMap(name =>
    client[name] === undefined ? [] : [[name, client[name]]]))
}

function showReset (reset: OffsetReset): string {
  if (typeof reset === 'string') return reset
  return 'atMs' in reset ? String(reset.atMs) : `by_duration:PT${reset.byDurationMs / 3_600_000}H`
}

function sorted<Flow extends { readonly name: string }> (flows: readonly Flow[]): readonly Flow[] {
  return flows.toSorted((one, other) => one.name < other.name ? -1 : 1)
}

type Accept = (theirs: FlowView, ours: FlowView) => FlowView

/**
 * The expected view for an intended difference: the view of MirrorMaker 2, with Longhaul's part.
 */
const accepted = {
  'alias of the source': (theirs, ours) => ({
    ...theirs,
    mirrored: Object.fromEntries(Object.entries(theirs.mirrored).filter(([topic, remote]) =>
      topic in ours.mirrored || !bearsAlias(topic, remote, theirs.name)))
  }),
  'empty separator': (theirs, ours) => ({
    ...theirs,
    mirrored: {
      ...Object.fromEntries(Object.entries(ours.mirrored).filter(([topic, remote]) =>
        remote === topic && theirs.name.endsWith(`->${topic.charAt(0)}`))),
      ...theirs.mirrored
    }
  }),
  'own topics': theirs => ({
    ...theirs,
    mirrored: Object.fromEntries(Object.entries(theirs.mirrored).filter(([topic]) =>
      !topic.startsWith('longhaul-progress.')))
  }),
  // Longhaul's default, if the file sets none.
  'tasks': (theirs, ours) => ({ ...theirs, lingerMs: theirs.lingerMs ?? ours.lingerMs })
} as const satisfies Partial<Record<DifferenceName, Accept>>

/** Whether the topic's name contains an alias of the source: of `clusters`, or of remote names. */
function bearsAlias (topic: string, remote: string, flow: string): boolean {
  const [source = ''] = flow.split('->')
  const prefix = remote.slice(0, remote.length - topic.length)
  return topic.split(/[._-]/).slice(0, -1).includes(source) ||
    prefix !== '' && topic.startsWith(prefix)
}

/** The difference 'regular expressions': whether Longhaul refuses the file only for that. */
function isRefusedOnPurpose (file: string): boolean {
  const parsed = parseConfig(file, { environment: {} })
  return !parsed.ok && parsed.problems.every(({ detail }) => detail.includes('not possible here'))
}

async function compare (files: readonly string[]): Promise<void> {
  const answers = await askMirrorMaker(files.map(file =>
    ({ file: asMirrorMakerReads(file), topics, groups, configProperties })))
  for (const [i, file] of files.entries()) {
    const theirs = ofMirrorMaker(answers[i] as Answer)
    if (theirs !== 'refused' && isRefusedOnPurpose(file)) continue
    const ours = ofLonghaul(file)
    const expected = theirs === 'refused' || ours === 'refused' ? theirs : theirs.map((flow, at) =>
      Object.values(accepted).reduce((view: FlowView, accept: Accept) =>
        ours[at] === undefined ? view : accept(view, ours[at]), flow))
    assert.deepEqual(ours, expected, file)
  }
}

const identity = 'replication.policy.class = ' +
  'org.apache.kafka.connect.mirror.IdentityReplicationPolicy'

const handWritten: ReadonlyArray<readonly string[]> = [
  [],
  ['B->A.enabled = true', 'A->B.topics = orders.*', 'replication.factor = 3'],
  ['topics = (orders,payments).*'],
  ['topics = orders, (?i)payments, A.*'],
  ['topics = (?i)A, payments'],
  ['topics = (orders,payments'],
  ['topics =', 'heartbeats.replication.enabled = false'],
  ['topics.exclude = ord.*,'],
  ['config.properties.exclude = retention.*, x'],
  ['replication.policy.separator = _'],
  [identity],
  [identity, 'replication.policy.separator = _'],
  ['replication.policy.separator = -',
    'replication.policy.internal.topic.separator.enabled = false'],
  ['source.cluster.alias = other', 'replication.policy.separator = _'],
  ['groups = bill.*, (?i)payments', 'groups.exclude = x'],
  ['groups ='],
  [identity, 'source.cluster.alias = other'],
  ['A->B.replication.factor = 1', 'replication.factor = 3'],
  ['replication.factor = three'],
  ['A.consumer.auto.offset.reset = latest'],
  ['A.consumer.auto.offset.reset = by_duration:PT72H'],
  ['A->B.source.consumer.auto.offset.reset = latest'],
  ['A.consumer.auto.offset.reset = latest', 'A->B.consumer.auto.offset.reset = earliest'],
  ['consumer.auto.offset.reset = latest'],
  ['A.bootstrap.servers = a1:9092,'],
  ['connector.client.config.override.allowlist = x'],
  ['A->B.topics = orders,\\', '  payments   ', '# A->B.topics = x', '! A->B.topics = y'],
  ['A->B.topics = orders', 'A->B.topics = payments'],
  ['source.cluster.alias = other'],
  ['A->B.source.cluster.alias = other', 'target.cluster.alias = C'],
  ['source.cluster.alias =', 'replication.policy.separator ='],
  ['source.cluster.alias ='],
  ['A->B.producer.override.linger.ms = 1', 'B.producer.linger.ms = 2'],
  ['A.security.protocol = SSL', 'A->B.consumer.security.protocol = PLAINTEXT'],
  ['A->B.source.cluster.security.protocol = SSL'],
  ['A->B.source.cluster.security.protocol = PLAINTEXT', 'A.security.protocol = SSL'],
  ['A->B.source.cluster.security.protocol = SSL', 'A->B.consumer.security.protocol = PLAINTEXT'],
  ['security.protocol = SSL', 'B.security.protocol = PLAINTEXT'],
  ['refresh.topics.interval.seconds = -1', 'sync.topic.acls.interval.seconds = 5'],
  ['refresh.topics.interval.seconds = 0'],
  ['refresh.groups.interval.seconds = -1'],
  ['refresh.topics.interval.seconds = 0', 'refresh.topics.enabled = false'],
  ['A->B.sync.topic.configs.interval.seconds = -7', 'sync.topic.acls.enabled = false'],
  ['sync.topic.acls.interval.seconds = 2592000'],
  ['offset.storage.replication.factor = 1', 'B.offset.storage.replication.factor = 2'],
  ['B.offset.storage.replication.factor = 2', 'A.offset.storage.replication.factor = 1'],
  ['A->B.offset.storage.replication.factor = 1', 'replication.factor = 1'],
  ['B.offset.storage.replication.factor = -1'],
  ['offset.storage.replication.factor = 0'],
  ['offset.storage.topic = positions'],
  ['B.offset.storage.topic = positions', 'A.offset.storage.topic = x'],
  ['B.offset.storage.topic = x', 'offset.storage.topic = positions'],
  ['A->B.offset.storage.topic = positions'],
  ['B.group.id = workers'],
  ['group.id = x', 'A.group.id = y', 'A->B.group.id = z'],
  ['B.consumer.group.id = x', 'A.consumer.group.id = y', 'B.producer.group.id = z'],
  ['B.group.id = workers', 'group.id = x'],
  ['offset-syncs.topic.location = target'],
  ['offset-syncs.topic.location = target', 'source.cluster.alias = other'],
  ['target.cluster.alias = other', 'replication.policy.separator = _'],
  ['A->B.offset-syncs.topic.location = target', 'replication.policy.separator = _',
    'replication.policy.internal.topic.separator.enabled = false'],
  ['offset-syncs.topic.location = target', identity, 'replication.policy.separator = -'],
  ['offset-syncs.topic.location = elsewhere']
]

const item = fc.constantFrom('orders', 'orders.*', 'pay.*|a', 'a', '.*', '(?i)payments', 'A.*',
  '[ab]', '.*s', '(orders', 'payments)', 'x{1', '2}', '')
const listOf = fc.array(item, { maxLength: 4 }).map(items => items.join(','))
const reset = fc.constantFrom('earliest', 'latest')
const protocol = fc.constantFrom('SSL', 'PLAINTEXT')
const rolePlace = fc.constantFrom('A.consumer.', 'B.producer.', 'A.admin.', 'B.admin.',
  'A->B.source.consumer.', 'A->B.source.admin.', 'A->B.target.admin.', 'A->B.producer.override.')
const clientPlace = fc.oneof(rolePlace, fc.constantFrom('', 'A.', 'B.', 'A->B.consumer.',
  'A->B.source.cluster.', 'A->B.admin.'))
const line = fc.oneof(
  listOf.map(list => `topics = ${list}`),
  listOf.map(list => `A->B.topics=${list}`),
  listOf.map(list => `topics.exclude : ${list}`),
  listOf.map(list => `config.properties.exclude = ${list}`),
  listOf.map(list => `groups = ${list}`),
  listOf.map(list => `A->B.groups.exclude = ${list}`),
  fc.boolean().map(isOn => `replication.policy.internal.topic.separator.enabled = ${isOn}`),
  fc.constantFrom('.', '_', '-').map(separator => `replication.policy.separator = ${separator}`),
  fc.constantFrom('1', '3', '-1').map(factor => `replication.factor = ${factor}`),
  fc.tuple(fc.constantFrom('A.consumer', 'A->B.consumer', 'A->B.source.consumer', 'consumer'),
    reset).map(([place, value]) => `${place}.auto.offset.reset = ${value}`),
  fc.tuple(fc.constantFrom('B.producer', 'A->B.producer.override'), fc.integer({ min: 1, max: 9 }))
    .map(([place, value]) => `${place}.linger.ms = ${value}`),
  fc.tuple(clientPlace, protocol).map(([place, value]) => `${place}security.protocol = ${value}`),
  fc.tuple(rolePlace, fc.integer({ min: 1000, max: 9999 })).map(([place, value]) =>
    `${place}reconnect.backoff.max.ms = ${value}`),
  fc.tuple(fc.constantFrom('source', 'target'), fc.constantFrom('', 'A->B.'),
    fc.constantFrom('other', 'A', 'C', 'B')).map(([side, place, value]) =>
    `${place}${side}.cluster.alias = ${value}`),
  fc.constantFrom('source', 'target').map(side => `offset-syncs.topic.location = ${side}`),
  fc.tuple(fc.constantFrom('A', 'B'), fc.oneof(
    listOf.map(list => `topics = ${list}`),
    listOf.map(list => `groups = ${list}`),
    listOf.map(list => `config.properties.exclude = ${list}`),
    fc.constantFrom('1', '2').map(factor => `replication.factor = ${factor}`)
  )).map(([alias, setting]) => `${alias}.${setting}`),
  fc.tuple(fc.constantFrom('', 'A.', 'B.', 'A->B.'), reset)
    .map(([place, value]) => `${place}auto.offset.reset = ${value}`),
  fc.tuple(fc.constantFrom('', 'A.', 'B.', 'producer.', 'A->B.', 'A->B.producer.',
    'A->B.target.producer.'), fc.integer({ min: 1, max: 9 }))
    .map(([place, value]) => `${place}linger.ms = ${value}`),
  fc.boolean().map(isOn => `emit.offset-syncs.enabled = ${isOn}`),
  fc.tuple(fc.constantFrom('', 'A.', 'B.', 'A->B.'), fc.constantFrom('workers', 'x'))
    .map(([place, group]) => `${place}group.id = ${group}`),
  fc.boolean().map(heartbeats => `heartbeats.replication.enabled = ${heartbeats}`),
  fc.constantFrom('B->A.enabled = true', 'B->A.enabled = FALSE', '# a comment', '! another', '')
)

test('MirrorMaker 2 and Longhaul read a file in the same way', async () => {
  const seed = Number(process.env['LONGHAUL_SEED'] ?? 1)
  const generated = fc.sample(fc.array(line, { maxLength: 6 }),
    { seed, numRuns: Number(process.env['LONGHAUL_FILES'] ?? 100) })
  await compare([
    ...Object.values(realFiles),
    ...[...handWritten, ...generated].map(lines =>
      [...twoClusters, ...lines, 'emit.heartbeats.enabled = false'].join('\n'))
  ])
})
