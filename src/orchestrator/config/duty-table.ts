// The rows of the settings for what a flow writes besides records: heartbeats and offset syncs.
import {
  choice, flag, integer, interval, javaFlag, replicationFactor, type Row
} from './setting-kinds.ts'

/** Settings of a flow about its heartbeats and offset syncs. */
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
  })
} as const satisfies Record<string, Row<unknown>>
