// The rows of the settings of what a flow writes besides the records of its topics: heartbeats.
import { flag, interval, javaFlag, replicationFactor, type Row } from './setting-kinds.ts'

/** Settings of a flow about its heartbeats. */
export const dutyTable = {
  'heartbeats.replication.enabled': flag({
    doc: 'Whether heartbeats topics are mirrored whatever topics says.',
    importance: 'low', default: true
  }),
  'emit.heartbeats.enabled': javaFlag({
    doc: 'Whether heartbeats are written for a pair of clusters: to the topic heartbeats of its ' +
      'target, also where the pair is not enabled, as with MirrorMaker 2.',
    importance: 'low', default: true
  }),
  'emit.heartbeats.interval.seconds': interval({
    doc: 'How often a heartbeat is written; 0 means each second.',
    importance: 'low', default: 1
  }),
  'heartbeats.topic.replication.factor': replicationFactor({
    doc: 'The replication factor of a new topic heartbeats; -1 is the default of its cluster.',
    importance: 'low', default: 3
  })
} as const satisfies Record<string, Row<unknown>>
