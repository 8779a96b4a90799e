// The rows of the settings for topics: which a flow mirrors, and how it names, creates, configures
// and compares remote topics.
import { topicRenames } from './topic-renames.ts'
import { knownPolicies } from '../policy/known-policies.ts'
import {
  choice, flag, interval, javaClass, javaFlag, list, milliseconds, replicationFactor, string,
  type Row
} from './setting-kinds.ts'

const minute = 60_000
const hour = 60 * minute

/** Settings of a flow for its topics. */
export const topicTable = {
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
  'sync.topic.configs.interval.seconds': interval({
    doc: 'How often the settings of source topics are compared with those of remote topics.',
    importance: 'low', default: 600
  }),
  'sync.topic.acls.enabled': flag({
    doc: 'Whether ACLs of source topics are copied to remote topics, without the permission to ' +
      'write. This has no effect if a cluster has no authorizer.',
    importance: 'medium', default: true
  }),
  'sync.topic.acls.interval.seconds': interval({
    doc: 'How often the ACLs of source topics are compared with those of remote topics.',
    importance: 'low', default: 600
  }),
  'sync.topic.acls.prefixed.enabled': flag({
    doc: 'Whether ACLs of prefixed patterns that match a mirrored topic, and of *, are copied, ' +
      'too. If topics keep their names, a prefix also covers topics that only the target has, ' +
      'and * is not copied.',
    importance: 'low', default: false
  }),
  'sync.topic.acls.delete.enabled': flag({
    doc: 'Whether an ACL that is deleted on the source while Longhaul runs is deleted on the ' +
      'target, too.',
    importance: 'low', default: false
  }),
  'use.defaults.from': choice({
    doc: 'The cluster whose defaults apply to a setting that is not set on the source topic: ' +
      'with source, the value that applies on the source is set on the remote topic.',
    importance: 'low', default: 'target', of: ['source', 'target']
  }),
  'config.property.filter.class': javaClass({
    doc: 'How Longhaul chooses the settings that a remote topic copies.', importance: 'low',
    default: 'DefaultConfigPropertyFilter', of: ['DefaultConfigPropertyFilter'],
    wayOut: 'a Java class cannot run here: to choose settings by config.properties.exclude ' +
      'alone, start with --ignore config.property.filter.class'
  }),
  'topic.filter.class': javaClass({
    doc: 'How Longhaul chooses topics.', importance: 'low', default: 'DefaultTopicFilter',
    of: ['DefaultTopicFilter'],
    wayOut: 'a Java class cannot run here: to choose topics by topics and topics.exclude alone, ' +
      'start with --ignore topic.filter.class'
  }),
  'replication.policy.class': javaClass({
    doc: 'The name of a remote topic: alias and topic, or the name of the source topic. Longhaul ' +
      `also knows these classes: ${Object.keys(knownPolicies).join(', ')}.`,
    importance: 'high', default: 'DefaultReplicationPolicy',
    of: ['DefaultReplicationPolicy', 'IdentityReplicationPolicy'],
    known: knownPolicies,
    wayOut: 'a Java class cannot run here: if the class adds a prefix to the names of topics, ' +
      'write DefaultReplicationPolicy and source.cluster.alias=PREFIX; if it keeps the names, ' +
      'write IdentityReplicationPolicy'
  }),
  'topic.rename': topicRenames({
    doc: 'Names of topics on the target in place of those of the policy: the first regular ' +
      'expression that matches the whole name decides; `$0` is the name on the source, `$1` to ' +
      '`$9` are the groups of the expression: `orders@sales.orders, clicks-(.*)@web.$1, ' +
      'log.*@$0-eu`. It does not apply to heartbeats ' +
      'and the canary.',
    importance: 'medium', default: []
  }),
  'same.names.both.ways': flag({
    doc: 'Whether flows that keep the names of topics run in both directions between the same ' +
      'clusters: then each leaves out records that another flow mirrored from its target. Set it ' +
      'for all of these flows.',
    importance: 'medium', default: false
  }),
  'source.cluster.alias': string({
    doc: 'The alias in the names of remote topics; by default the name of the source in ' +
      'clusters. If it is empty, with an empty replication.policy.separator, topics keep their ' +
      'names.',
    importance: 'low', default: '', range: 'characters of a topic name', pattern: /^[\w.-]*$/
  }),
  'target.cluster.alias': string({
    doc: 'The alias in the names of topics that came from the target, which are not mirrored ' +
      'back; by default the name of the target in clusters.',
    importance: 'low', default: '', range: 'characters of a topic name', pattern: /^[\w.-]*$/
  }),
  'replication.policy.separator': string({
    doc: 'The text between alias and topic in the name of a remote topic.',
    importance: 'medium', default: '.', range: 'characters of a topic name', pattern: /^[\w.-]*$/
  }),
  'replication.policy.internal.topic.separator.enabled': javaFlag({
    doc: "Whether the names of MirrorMaker 2's internal topics contain the separator, too.",
    importance: 'low', default: true
  }),
  'replication.factor': replicationFactor({
    doc: 'The replication factor of new remote topics; -1 is the default of the target.',
    importance: 'high', default: 2
  }),
  'refresh.topics.enabled': flag({
    doc: 'Whether Longhaul looks for new topics and partitions while it runs.',
    importance: 'low', default: true
  }),
  'refresh.topics.interval.seconds': interval({
    doc: 'How often Longhaul looks for new topics and partitions.',
    importance: 'low', default: 600
  }),
  'admin.timeout.ms': milliseconds({
    doc: 'How long a request of the control plane may take.',
    importance: 'low', default: minute, min: 100, max: hour, isLowered: true
  })
} as const satisfies Record<string, Row<unknown>>
