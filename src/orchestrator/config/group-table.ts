// The rows of the settings for consumer groups: which groups a flow includes, how often their
// checkpoints are written, and how often their offsets are committed on the target.
import { flag, integer, interval, javaClass, list, seconds, type Row } from './setting-kinds.ts'

/** Settings of a flow about consumer groups. */
export const groupTable = {
  'emit.checkpoints.enabled': flag({
    doc: "Whether checkpoints are written, from which Kafka's RemoteClusterUtils reads where " +
      'consumer groups of the source continue in the remote topics.',
    importance: 'low', default: true
  }),
  'emit.checkpoints.interval.seconds': seconds({
    doc: 'How often new checkpoints are written; below 0: never, 0: each second.',
    importance: 'low', default: 60, min: -86_400, max: 86_400
  }),
  'checkpoints.topic.replication.factor': integer({
    doc: 'The replication factor of a new topic of checkpoints; -1 is the default of the target.',
    importance: 'low', default: 3, min: -1, max: 32_767
  }),
  'groups': list({
    doc: 'Which consumer groups of the source take part: Java regular expressions that match the ' +
      'whole name.',
    importance: 'medium', default: ['.*'], range: 'comma-separated regular expressions'
  }),
  'groups.exclude': list({
    doc: 'Which consumer groups do not take part; wins over groups.',
    importance: 'medium', default: ['console-consumer-.*', 'connect-.*', '__.*'],
    range: 'comma-separated regular expressions', alias: ['groups.blacklist']
  }),
  'group.filter.class': javaClass({
    doc: 'How Longhaul chooses groups.', importance: 'low', default: 'DefaultGroupFilter',
    of: ['DefaultGroupFilter'],
    wayOut: 'a Java class cannot run here: to choose groups by groups and groups.exclude alone, ' +
      'start with --ignore group.filter.class'
  }),
  'refresh.groups.enabled': flag({
    doc: 'Whether Longhaul looks for new consumer groups while it runs.',
    importance: 'low', default: true
  }),
  'refresh.groups.interval.seconds': interval({
    doc: 'How often Longhaul looks for new groups, with one request to each source broker.',
    importance: 'low', default: 5
  }),
  'sync.group.offsets.enabled': flag({
    doc: 'Whether the offsets that groups have committed on the source are translated and ' +
      'committed on the target, for groups that have no members there; never backwards.',
    importance: 'medium', default: false
  }),
  'sync.group.offsets.interval.seconds': seconds({
    doc: 'How often the offsets of consumer groups are committed on the target; below 0: never, ' +
      '0: each second.',
    importance: 'low', default: 5, min: -86_400, max: 86_400
  })
} as const satisfies Record<string, Row<unknown>>
