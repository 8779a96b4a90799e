// The rows of the settings for what a flow writes besides records: heartbeats, offset syncs and the
// canary.
import {
  choice, flag, integer, interval, javaFlag, milliseconds, replicationFactor, type Row
} from './setting-kinds.ts'

/** Settings of a flow about its heartbeats, offset syncs and canary. */
export const dutyTable = {
  'heartbeats.replication.enabled': flag({
    doc: 'Whether heartbeats topics are mirrored, also if topics does not match them.',
    importance: 'low', default: true
  }),
  'emit.heartbeats.enabled': javaFlag({
    doc: 'Whether heartbeats are written for a pair of clusters: to the topic heartbeats of its ' +
      'target, also if the flow is not enabled, as with MirrorMaker 2.',
    importance: 'low', default: true
  }),
  'emit.heartbeats.interval.seconds': interval({
    doc: 'How often a heartbeat is written; 0 means each second.',
    importance: 'low', default: 1
  }),
  'heartbeats.topic.replication.factor': replicationFactor({
    doc: 'The replication factor of a new topic heartbeats; -1 is the default of its cluster.',
    importance: 'low', default: 3
  }),
  'emit.offset-syncs.enabled': flag({
    doc: 'Whether offset syncs are written, from which programs for MirrorMaker 2 read which ' +
      'offsets of source and target belong together.',
    importance: 'low', default: true
  }),
  'offset-syncs.topic.location': choice({
    doc: 'The cluster that has the topic of offset syncs: mm2-offset-syncs.TARGET.internal on ' +
      'the source, or mm2-offset-syncs.SOURCE.internal on the target.',
    importance: 'low', default: 'source', of: ['source', 'target']
  }),
  'offset-syncs.topic.replication.factor': replicationFactor({
    doc: 'The replication factor of a new topic of offset syncs; -1 is the default of its cluster.',
    importance: 'low', default: 3
  }),
  'offset.lag.max': integer({
    doc: 'How many records the newest offset sync of a partition may be behind while records ' +
      'arrive; when no more records arrive, it is not behind.',
    importance: 'low', default: 100, min: -1, max: 2 ** 53 - 1, isLowered: true
  }),
  'canary.enabled': flag({
    doc: 'Whether the flow watches itself with a canary: it writes a small record to the topic ' +
      'longhaul-canary.TARGET.internal of the source at each interval, mirrors that topic as any ' +
      'other, and counts on the target which records are lost, doubled or late.',
    importance: 'medium', default: false
  }),
  'canary.interval.ms': milliseconds({
    doc: 'How often a canary record is written.',
    importance: 'low', default: 5_000, min: 100, max: 3_600_000
  }),
  'canary.late.ms': milliseconds({
    doc: 'When a canary record that has not arrived is counted as late. The time for which the ' +
      'topic is paused, and times without an answer of the target, do not count.',
    importance: 'low', default: 60_000, min: 100, max: 86_400_000
  }),
  'canary.topic.replication.factor': replicationFactor({
    doc: 'The replication factor of a new topic of the canary on the source; -1 is the default ' +
      'of the source.',
    importance: 'low', default: 3
  })
} as const satisfies Record<string, Row<unknown>>
