// The rows of the settings for the progress of a flow, and for partitions that cannot continue.
import {
  choice, integer, milliseconds, replicationFactor, string, type Row
} from './setting-kinds.ts'

const minute = 60_000
const hour = 60 * minute

/** Settings of a flow for its progress and for faulted partitions. */
export const progressTable = {
  'task.slots': integer({
    doc: 'Partitions of the progress topic: the parts of the work that processes share. It is ' +
      'used when the topic is created; if an existing topic has another number, that counts.',
    importance: 'low', default: 32, min: 1, max: 1024
  }),
  'session.timeout.ms': milliseconds({
    doc: 'How long a crashed process keeps its part of the flow before other processes mirror ' +
      'it. Must be within group.min.session.timeout.ms and group.max.session.timeout.ms of the ' +
      'target brokers.',
    importance: 'low', default: 10_000, min: 1000, max: 30 * minute, role: 'group'
  }),
  'progress.interval.ms': milliseconds({
    doc: 'How often progress is written.',
    importance: 'low', default: 1000, min: 10, max: 10 * minute
  }),
  'progress.topic.replication.factor': replicationFactor({
    doc: 'The replication factor of the progress topic; -1 is the default of the target. If it ' +
      'is not set: offset.storage.replication.factor, or else replication.factor, or else 3.',
    importance: 'medium', default: 3
  }),
  'offset.storage.replication.factor': replicationFactor({
    doc: 'The default of progress.topic.replication.factor.',
    importance: 'low', default: 3, role: 'worker'
  }),
  'offset.storage.topic': string({
    doc: 'Where MirrorMaker 2 keeps its positions, for the move to Longhaul and back; empty: ' +
      'mm2-offsets.SOURCE.internal.',
    importance: 'low', default: '', range: 'the name of a topic', pattern: /^[\w.-]{0,249}$/,
    role: 'worker'
  }),
  'group.id': string({
    doc: "The group of MirrorMaker 2's workers, which have left it before the move to Longhaul " +
      'or back; empty: SOURCE-mm2. No group of Longhaul has this name.',
    importance: 'low', default: '', range: 'the name of a group', pattern: /^[^\n]{0,249}$/,
    role: 'cluster worker'
  }),
  'progress.retention.ms': milliseconds({
    doc: 'How long progress of a deleted source topic is kept: if a topic of this name is ' +
      'created meanwhile, it counts as recreated.',
    importance: 'low', default: 7 * 24 * hour, min: 1000, max: 366 * 24 * hour
  }),
  'accepted.cluster.id': string({
    doc: 'If the source cluster was rebuilt: the id of the cluster that may replace the one ' +
      'that was mirrored so far.',
    importance: 'low', default: '', range: 'the id of a cluster', pattern: /^\S*$/
  }),
  'fault.retry.interval.ms': milliseconds({
    doc: 'How often a faulted partition is retried, in case the cause of its fault has ended.',
    importance: 'low', default: 30_000, min: 100, max: hour
  }),
  'readiness.faulted.partitions.max': integer({
    doc: 'How many partitions of the flow may be faulted before /readyz answers 503; -1: any ' +
      'number.',
    importance: 'low', default: 0, min: -1, max: 1_000_000
  }),
  'target.not.empty': choice({
    doc: 'What to do with a partition that has no progress although its target partition holds ' +
      'records, for example after the progress topic was deleted: stop it, or begin at ' +
      'auto.offset.reset; the target may then hold records twice.',
    importance: 'medium', default: 'stop', of: ['stop', 'begin']
  }),
  'data.loss': faultPolicy('the source no longer holds the next record to be mirrored, or ' +
    'the target no longer holds the last mirrored record'),
  'topic.recreated': faultPolicy('a topic was recreated'),
  'record.too.large': faultPolicy('the target does not accept a record of this size'),
  'record.refused': faultPolicy('the target broker refuses a single record: its timestamp is out ' +
    'of the bounds of the remote topic, or it has no key and the remote topic is compacted'),
  'corrupt.batch': faultPolicy('a batch does not match its checksum or cannot be read')
} as const satisfies Record<string, Row<unknown>>

/** What happens to data that cannot be mirrored: never a silent skip. */
function faultPolicy (when: string): Row<'stop' | 'skip'> {
  return choice({
    doc: `What to do with a partition if ${when}: stop it and report the fault, or skip and ` +
      'count the records in longhaul_records_skipped_total.',
    importance: 'medium', default: 'stop', of: ['stop', 'skip']
  })
}
