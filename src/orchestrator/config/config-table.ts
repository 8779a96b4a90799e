// THE table of settings. Types, parsing, ranges, --help, CONFIGURATION.md,
// redaction and the Forwarder's settings come from it. What MirrorMaker 2 accepts and Longhaul does
// not act on (yet) stands in idle-properties.ts; client properties in client-properties.ts.
import { forwarderSettings } from '../../dataplane/contract/contract-table.ts'
import {
  bytes, choice, flag, integer, javaFlag, list, milliseconds, offsetReset, seconds, string, type Row
} from './setting-kinds.ts'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB
const minute = 60_000
const hour = 60 * minute
const byDefault = forwarderSettings

/** Settings of the whole process: written without a prefix. */
export const processTable = {
  'clusters': list({
    doc: 'The aliases of the clusters that the file speaks of.',
    importance: 'high', default: [], range: 'comma-separated names'
  }),
  'config.providers': list({
    doc: 'Names for ways to read values from elsewhere; config.providers.NAME.class says which ' +
      'one: FileConfigProvider, DirectoryConfigProvider or EnvVarConfigProvider.',
    importance: 'low', default: ['file', 'directory', 'env'], range: 'comma-separated names'
  }),
  'metrics.host': string({
    doc: 'The address that serves /metrics, /healthz and /readyz.',
    importance: 'medium', default: '127.0.0.1', range: 'an address of this machine',
    pattern: /^\S+$/, flag: '--metrics-host <address>'
  }),
  'metrics.port': integer({
    doc: 'The port of /metrics; 0 for any free port, -1 for none. If another process uses ' +
      'the default, Longhaul listens on a free port; a port that is set must be free.',
    importance: 'medium', default: 9584, min: -1, max: 65_535, flag: '--metrics-port <port>'
  }),
  'metrics.per.partition': flag({
    doc: 'Whether /metrics has series of single partitions: thousands, on a large mirror.',
    importance: 'low', default: false
  }),
  'log.level': choice({
    doc: 'The least important log lines that are written.',
    importance: 'low', default: 'info', of: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
    flag: '--log-level <level>'
  }),
  'log.format': choice({
    doc: 'How log lines look; auto is pretty on a terminal and json otherwise.',
    importance: 'low', default: 'auto', of: ['auto', 'pretty', 'json'],
    flag: '--log-format <format>'
  }),
  'file.check.interval.ms': milliseconds({
    doc: 'How often the files that the properties file names are looked at: certificates, ' +
      'stores, and files of config.providers. Once one is replaced, the flows that use it are ' +
      'drained and started again.',
    importance: 'low', default: minute, min: 100, max: 24 * hour
  }),
  'drain.timeout.ms': milliseconds({
    doc: 'How long a stop waits for what is in flight to be acked.',
    importance: 'medium', default: 20_000, min: 0, max: hour, flag: '--drain-timeout <time>'
  })
} as const satisfies Record<string, Row<unknown>>

/** Settings of a replication flow: `A->B.NAME`, or `B.NAME` or `NAME` for several flows. */
export const flowTable = {
  'enabled': javaFlag({
    doc: 'Whether the flow runs.', importance: 'high', default: false
  }),
  'topics': list({
    doc: 'Which topics are mirrored: Java regular expressions that match the whole name.',
    importance: 'high', default: ['.*'], range: 'comma-separated regular expressions',
    flag: '--topics <regexes>'
  }),
  'topics.exclude': list({
    doc: 'Which topics are not mirrored; wins over topics.',
    importance: 'high', default: ['mm2.*\\.internal', '.*\\.replica', '__.*'],
    range: 'comma-separated regular expressions', alias: ['topics.blacklist'],
    flag: '--topics-exclude <regexes>'
  }),
  'config.properties.exclude': list({
    doc: 'Which settings of a source topic a remote topic does not copy: Java regular ' +
      'expressions that match the whole name.',
    importance: 'medium',
    default: [
      'follower\\.replication\\.throttled\\.replicas',
      'leader\\.replication\\.throttled\\.replicas',
      'message\\.timestamp\\.difference\\.max\\.ms', 'message\\.timestamp\\.type',
      'unclean\\.leader\\.election\\.enable', 'min\\.insync\\.replicas'
    ],
    range: 'comma-separated regular expressions', alias: ['config.properties.blacklist']
  }),
  'sync.topic.configs.enabled': flag({
    doc: 'Whether remote topics follow the settings of their source topics after their creation.',
    importance: 'medium', default: true
  }),
  'sync.topic.configs.interval.seconds': seconds({
    doc: 'How often the settings of source topics are compared with those of remote topics.',
    importance: 'low', default: 600, min: 1, max: 86_400
  }),
  'sync.topic.acls.enabled': flag({
    doc: 'Whether ACLs of source topics are copied to remote topics, without the permission to ' +
      'write. Nothing happens where a cluster has no authorizer.',
    importance: 'medium', default: true
  }),
  'sync.topic.acls.interval.seconds': seconds({
    doc: 'How often the ACLs of source topics are compared with those of remote topics.',
    importance: 'low', default: 600, min: 1, max: 86_400
  }),
  'sync.topic.acls.prefixed.enabled': flag({
    doc: 'Whether ACLs of prefixed patterns that match a mirrored topic, and of *, are copied, ' +
      'too. Where topics keep their names, a prefix also covers topics of the target itself, and ' +
      '* is not copied.',
    importance: 'low', default: false
  }),
  'sync.topic.acls.delete.enabled': flag({
    doc: 'Whether an ACL that is deleted on the source while Longhaul runs is deleted on the ' +
      'target, too.',
    importance: 'low', default: false
  }),
  'use.defaults.from': choice({
    doc: 'Whose defaults hold for a setting that the source topic has not set: with source, the ' +
      'value that holds on the source is set on the remote topic.',
    importance: 'low', default: 'target', of: ['source', 'target']
  }),
  'config.property.filter.class': choice({
    doc: 'How the settings are chosen that a remote topic copies.', importance: 'low',
    default: 'DefaultConfigPropertyFilter', of: ['DefaultConfigPropertyFilter'],
    synonyms: {
      'org.apache.kafka.connect.mirror.DefaultConfigPropertyFilter': 'DefaultConfigPropertyFilter'
    }
  }),
  'topic.filter.class': choice({
    doc: 'How topics are chosen.', importance: 'low', default: 'DefaultTopicFilter',
    of: ['DefaultTopicFilter'],
    synonyms: { 'org.apache.kafka.connect.mirror.DefaultTopicFilter': 'DefaultTopicFilter' }
  }),
  'replication.policy.class': choice({
    doc: 'How a remote topic is named: alias and topic, or as on the source.',
    importance: 'high', default: 'DefaultReplicationPolicy',
    of: ['DefaultReplicationPolicy', 'IdentityReplicationPolicy'],
    synonyms: {
      'org.apache.kafka.connect.mirror.DefaultReplicationPolicy': 'DefaultReplicationPolicy',
      'org.apache.kafka.connect.mirror.IdentityReplicationPolicy': 'IdentityReplicationPolicy',
      'io.strimzi.kafka.connect.mirror.IdentityReplicationPolicy': 'IdentityReplicationPolicy',
      'com.amazonaws.kafka.samples.CustomMM2ReplicationPolicy': 'IdentityReplicationPolicy'
    }
  }),
  'source.cluster.alias': string({
    doc: 'What remote topics are named after; without it the name of the source in clusters. ' +
      'Empty, with an empty replication.policy.separator, it keeps the names of the topics.',
    importance: 'low', default: '', range: 'characters of a topic name', pattern: /^[\w.-]*$/
  }),
  'target.cluster.alias': string({
    doc: 'By which name a topic is known that came from the target, and is not mirrored; without ' +
      'it the name of the target in clusters.',
    importance: 'low', default: '', range: 'characters of a topic name', pattern: /^[\w.-]*$/
  }),
  'replication.policy.separator': string({
    doc: 'What stands between alias and topic in the name of a remote topic.',
    importance: 'medium', default: '.', range: 'characters of a topic name', pattern: /^[\w.-]*$/
  }),
  'replication.policy.internal.topic.separator.enabled': javaFlag({
    doc: "Whether MirrorMaker 2's internal topics are named with the separator, too.",
    importance: 'low', default: true
  }),
  'heartbeats.replication.enabled': flag({
    doc: 'Whether heartbeats topics are mirrored whatever topics says.',
    importance: 'low', default: true
  }),
  'emit.heartbeats.enabled': javaFlag({
    doc: 'Whether heartbeats are written for a pair of clusters: to the topic heartbeats of its ' +
      'target, also where the pair is not enabled, as with MirrorMaker 2.',
    importance: 'low', default: true
  }),
  'emit.heartbeats.interval.seconds': seconds({
    doc: 'How often a heartbeat is written; below 0 none is, and 0 means each second.',
    importance: 'low', default: 1, min: -86_400, max: 86_400
  }),
  'heartbeats.topic.replication.factor': integer({
    doc: 'The replication factor of a new topic heartbeats; -1 is the default of its cluster.',
    importance: 'low', default: 3, min: -1, max: 32_767
  }),
  'replication.factor': integer({
    doc: 'The replication factor of new remote topics; -1 is the default of the target.',
    importance: 'high', default: 2, min: -1, max: 32_767
  }),
  'refresh.topics.enabled': flag({
    doc: 'Whether new topics and partitions are looked for while running.',
    importance: 'low', default: true
  }),
  'refresh.topics.interval.seconds': seconds({
    doc: 'How often new topics and partitions are looked for.',
    importance: 'low', default: 600, min: 1, max: 86_400
  }),
  'admin.timeout.ms': milliseconds({
    doc: 'How long a request of the control plane may take.',
    importance: 'low', default: minute, min: 100, max: hour
  }),
  'auto.offset.reset': offsetReset({
    doc: 'Where a partition begins that was never mirrored before. What is created after the ' +
      'first start of the flow begins at its earliest offset, also with latest.',
    importance: 'medium', default: 'earliest', role: 'consumer'
  }),
  'lanes': integer({
    doc: 'Worker threads of the flow, each with its own connections to every broker.',
    importance: 'high', default: 2, min: 1, max: 64, flag: '--lanes <count>'
  }),
  'lane.rebalance.interval.ms': milliseconds({
    doc: 'How often the traffic of the lanes is compared, and partitions are moved to even it out.',
    importance: 'low', default: 30_000, min: 100, max: hour
  }),
  'in.flight.bytes.max': bytes({
    doc: 'Bytes fetched and not yet acknowledged, a lane. Bounds the memory of the process.',
    importance: 'high', default: byDefault.inFlightBytesMax.default, min: MiB, max: 16 * GiB,
    forwarder: 'inFlightBytesMax', flag: '--in-flight-bytes-max <size>'
  }),
  'partition.in.flight.bytes.max': bytes({
    doc: 'Bytes of one partition fetched and not yet acknowledged.',
    importance: 'low', default: byDefault.partitionQueueBytesMax.default, min: 64 * KiB,
    max: 16 * GiB, forwarder: 'partitionQueueBytesMax'
  }),
  'partition.batches.in.flight': integer({
    doc: 'Batches of one partition sent and not yet acknowledged; brokers remember the last five.',
    importance: 'low', default: byDefault.partitionBatchesInFlight.default, min: 1, max: 5,
    forwarder: 'partitionBatchesInFlight'
  }),
  'fetch.max.bytes': bytes({
    doc: 'Bytes that a Fetch response may hold.',
    importance: 'medium', default: byDefault.fetchBytesMax.default, min: KiB, max: GiB,
    role: 'consumer', forwarder: 'fetchBytesMax'
  }),
  'max.partition.fetch.bytes': bytes({
    doc: 'Bytes of one partition that a Fetch response may hold.',
    importance: 'medium', default: byDefault.partitionFetchBytesMax.default, min: KiB, max: GiB,
    role: 'consumer', forwarder: 'partitionFetchBytesMax', alias: ['fetch.message.max.bytes']
  }),
  'fetch.min.bytes': bytes({
    doc: 'Bytes that end the wait of a Fetch early.',
    importance: 'low', default: byDefault.fetchMinBytes.default, min: 0, max: GiB,
    role: 'consumer', forwarder: 'fetchMinBytes'
  }),
  'fetch.max.wait.ms': milliseconds({
    doc: 'How long a broker may hold a Fetch that it has nothing to answer.',
    importance: 'low', default: byDefault.fetchWaitMaxMs.default, min: 0, max: 5 * minute,
    role: 'consumer', forwarder: 'fetchWaitMaxMs', alias: ['fetch.wait.max.ms']
  }),
  'isolation.level': choice({
    doc: 'read_committed leaves aborted transactions out; read_uncommitted mirrors them, too.',
    importance: 'medium', default: 'read_committed', of: ['read_uncommitted', 'read_committed'],
    role: 'consumer', forwarder: 'isolationLevel'
  }),
  'batch.size': bytes({
    doc: 'Bytes waiting for one target broker that end linger.ms early.',
    importance: 'medium', default: byDefault.batchSize.default, min: 0, max: GiB,
    role: 'producer', forwarder: 'batchSize', flag: '--batch-size <size>'
  }),
  'linger.ms': milliseconds({
    doc: 'How long batches wait for batches of other partitions, to share a Produce request.',
    importance: 'medium', default: byDefault.lingerMs.default, min: 0, max: minute,
    role: 'producer', forwarder: 'lingerMs', alias: ['queue.buffering.max.ms'],
    flag: '--linger-ms <time>'
  }),
  'max.request.size': bytes({
    doc: 'Bytes of a Produce request; a single larger batch still goes alone.',
    importance: 'low', default: byDefault.produceRequestBytesMax.default, min: KiB, max: GiB,
    role: 'producer', forwarder: 'produceRequestBytesMax'
  }),
  'max.in.flight.requests.per.connection': integer({
    doc: 'Produce requests sent to one target broker and not yet answered, a lane.',
    importance: 'low', default: byDefault.produceRequestsInFlight.default, min: 1, max: 1000,
    role: 'producer', forwarder: 'produceRequestsInFlight', alias: ['max.in.flight']
  }),
  'request.timeout.ms': milliseconds({
    doc: 'How long a request may be unanswered before it is sent again.',
    importance: 'medium', default: byDefault.requestTimeoutMs.default, min: 1000, max: 5 * minute,
    role: 'either', forwarder: 'requestTimeoutMs'
  }),
  'retry.backoff.ms': milliseconds({
    doc: 'The first wait after an error that is retried; it doubles each time.',
    importance: 'low', default: byDefault.retryBackoffMs.default, min: 1, max: 5 * minute,
    role: 'either', forwarder: 'retryBackoffMs'
  }),
  'retry.backoff.max.ms': milliseconds({
    doc: 'The longest wait between retries.',
    importance: 'low', default: byDefault.retryBackoffMaxMs.default, min: 1, max: 5 * minute,
    role: 'either', forwarder: 'retryBackoffMaxMs'
  }),
  'metadata.max.age.ms': milliseconds({
    doc: 'How often the leaders of the partitions are looked up when no error asks for it.',
    importance: 'low', default: byDefault.metadataMaxAgeMs.default, min: 1000, max: hour,
    role: 'either', forwarder: 'metadataMaxAgeMs'
  }),
  'decoded.bytes.max': bytes({
    doc: 'Bytes that one batch may decode to when it must be re-encoded; a larger one faults.',
    importance: 'low', default: byDefault.decodedBytesMax.default, min: MiB, max: 2 * GiB,
    forwarder: 'decodedBytesMax'
  }),
  'keep.producer.timestamps': flag({
    doc: 'Mirror the timestamps that producers set, not those that a LogAppendTime topic shows.',
    importance: 'low', default: false, forwarder: 'keepProducerTimestamps'
  }),
  'task.slots': integer({
    doc: 'Partitions of the progress topic: how finely work is spread over processes.',
    importance: 'low', default: 32, min: 1, max: 1024
  }),
  'session.timeout.ms': milliseconds({
    doc: 'How long a process that crashed keeps its part of the flow, before others mirror it. ' +
      'The brokers of the target bound it by group.min.session.timeout.ms and ' +
      'group.max.session.timeout.ms.',
    importance: 'low', default: 10_000, min: 1000, max: 30 * minute, role: 'group'
  }),
  'progress.interval.ms': milliseconds({
    doc: 'How often progress is written.',
    importance: 'low', default: 1000, min: 10, max: 10 * minute
  }),
  'progress.topic.replication.factor': integer({
    doc: 'The replication factor of the progress topic; -1 is the default of the target.',
    importance: 'medium', default: 3, min: -1, max: 32_767
  }),
  'progress.retention.ms': milliseconds({
    doc: 'How long progress of a deleted source topic is kept: a topic of this name that comes ' +
      'back meanwhile is known as recreated.',
    importance: 'low', default: 7 * 24 * hour, min: 1000, max: 366 * 24 * hour
  }),
  'accepted.cluster.id': string({
    doc: 'The id of the source cluster, where it was rebuilt and may take the place of the ' +
      'cluster that progress was written for.',
    importance: 'low', default: '', range: 'the id of a cluster', pattern: /^\S*$/
  }),
  'fault.retry.interval.ms': milliseconds({
    doc: 'How often a faulted partition is tried again, in case the cause of its fault has ended.',
    importance: 'low', default: 30_000, min: 100, max: hour
  }),
  'readiness.faulted.partitions.max': integer({
    doc: 'How many partitions of the flow may be faulted before /readyz answers 503; -1: any ' +
      'number.',
    importance: 'low', default: 0, min: -1, max: 1_000_000
  }),
  'target.not.empty': choice({
    doc: 'What to do with a partition that has no progress while its target partition holds ' +
      'records, as after the progress topic was deleted: stop it, or begin at auto.offset.reset, ' +
      'after which the target may hold records twice.',
    importance: 'medium', default: 'stop', of: ['stop', 'begin']
  }),
  'data.loss': faultPolicy('the source no longer holds what is to be ' +
    'mirrored next, or the target no longer holds what was mirrored last'),
  'topic.recreated': faultPolicy('a topic was recreated'),
  'record.too.large': faultPolicy('the target accepts no record of this size'),
  'record.refused': faultPolicy('the target broker refuses a single record: its timestamp is out ' +
    'of the bounds of the remote topic, or it has no key and the remote topic is compacted'),
  'corrupt.batch': faultPolicy('a batch does not match its checksum or cannot be read')
} as const satisfies Record<string, Row<unknown>>

/** What happens to data that cannot be mirrored: never a silent skip. */
function faultPolicy (when: string): Row<'stop' | 'skip'> {
  return choice({
    doc: `What to do with a partition where ${when}: stop it, visibly, or go on behind it, ` +
      'counted in longhaul_records_skipped_total.',
    importance: 'medium', default: 'stop', of: ['stop', 'skip']
  })
}

/** Settings of a flow that may also be set for one topic: `A->B.topic.TOPIC.NAME`. */
export const topicSettingNames = [
  'data.loss', 'topic.recreated', 'record.too.large', 'record.refused', 'corrupt.batch'
] as const satisfies ReadonlyArray<keyof typeof flowTable>

type ValueOf<R> = R extends Row<infer Value> ? Value : never
type ValuesOf<Table> = { readonly [Name in keyof Table]: ValueOf<Table[Name]> }

export type ProcessSettings = ValuesOf<typeof processTable>
export type FlowSettings = ValuesOf<typeof flowTable>
export type ProcessSetting = keyof ProcessSettings
export type FlowSetting = keyof FlowSettings
export type TopicSetting = (typeof topicSettingNames)[number]
export type TopicSettings = Pick<FlowSettings, TopicSetting>

export const configTable = { ...processTable, ...flowTable } as const

export type Setting = ProcessSetting | FlowSetting
export type AnyRow = Row<unknown>

/** The row of a setting, whatever its value's type; for code that walks the table. */
export function rowOf (name: Setting): AnyRow {
  return configTable[name]
}

const settingByAlias: ReadonlyMap<string, Setting> = new Map(
  (Object.keys(configTable) as Setting[]).flatMap(
    name => (rowOf(name).alias ?? []).map(alias => [alias, name] as const))
)

/** The setting that a property name means, by its own name or another one that it has. */
export function settingNamed (name: string): Setting | undefined {
  return Object.hasOwn(configTable, name) ? name as Setting : settingByAlias.get(name)
}

export function isProcessSetting (name: Setting): name is ProcessSetting {
  return Object.hasOwn(processTable, name)
}
