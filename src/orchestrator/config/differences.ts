// The intended differences between Longhaul and MirrorMaker 2: docs/comparison.md shows the table,
// and the test that compares both on the same file accepts these differences.

export interface Difference {
  readonly mirrorMaker: string
  readonly longhaul: string
}

export const differences = {
  'data loss': {
    mirrorMaker: 'Restarts at `auto.offset.reset` when the source has deleted what was not ' +
      'mirrored yet',
    longhaul: 'Stops that partition and reports it, or skips the deleted records and counts ' +
      'them: `data.loss`; the others continue'
  },
  'new partitions with latest': {
    mirrorMaker: 'With `auto.offset.reset=latest` a new topic loses what is written to it ' +
      'before the next refresh',
    longhaul: 'Partitions that are created after the first start of the flow begin at their ' +
      'earliest offset'
  },
  'refused topic setting': {
    mirrorMaker: 'Creates no remote topic where the target refuses a setting of the topic',
    longhaul: 'Leaves out the setting that the target refuses, names it, and mirrors the ' +
      'topic'
  },
  'settings of the target': {
    mirrorMaker: "Deletes on the target every setting that has Kafka's default on the source " +
      '(the source topic has not set it, and its brokers have not), unless the setting is excluded',
    longhaul: 'Keeps what only the target sets. A setting is deleted on the target after it ' +
      'was deleted on the source, if the value is still that of the source and the ' +
      "same process owned the flow's slot 0 before and after; else it stays"
  },
  'settings of brokers': {
    mirrorMaker: "Copies settings that are set for all topics of the source's brokers while " +
      'they run',
    longhaul: 'Copies the settings of the topic itself, and others only with ' +
      '`use.defaults.from=source`'
  },
  'bounds on timestamps': {
    mirrorMaker: 'Copies or excludes the bounds on timestamps like other settings',
    longhaul: 'Widens the bounds of the remote topic so that it accepts each record that ' +
      'the source accepted, and never narrows them'
  },
  ACLs: {
    mirrorMaker: 'Recreates the ACLs of remote topics every ten minutes',
    longhaul: 'Creates those that are missing; with `sync.topic.acls.delete.enabled=true` ' +
      'an ACL that is deleted on the source while Longhaul runs is deleted on the ' +
      'target, too'
  },
  'ACLs of all topics': {
    mirrorMaker: 'Copies an ACL of all topics (`*`) as one of a topic named `frankfurt.*`, ' +
      'which does not exist, if `topics` matches the name `*`, as `.*` does; copies no prefixed ' +
      'patterns',
    longhaul: 'Copies neither, or with `sync.topic.acls.prefixed.enabled=true` both: `*` ' +
      'becomes the prefix `frankfurt.`, and nothing where topics keep their names'
  },
  'group offsets': {
    mirrorMaker: 'Commits offsets of consumer groups every 60 s, somewhat before the place of ' +
      'the next record, and looks for new groups every 600 s',
    longhaul: 'Commits them every 5 s, at the next record, and looks for new groups every 5 s: ' +
      'that costs one ListGroups request to each broker of both clusters, and an OffsetFetch ' +
      'request for each 50 groups; `sync.group.offsets.interval.seconds` and ' +
      '`refresh.groups.interval.seconds` make it rarer'
  },
  'offset syncs': {
    mirrorMaker: 'Needs its offset syncs to translate offsets, and writes one for each ' +
      '`offset.lag.max` records, so that offsets between two of them are translated early',
    longhaul: 'Translates by the map of its progress topic. Writes offset syncs for other ' +
      'programs, each 5 s where a partition has moved by more than `offset.lag.max` records, ' +
      'passed a gap or come to rest'
  },
  'without offset syncs': {
    mirrorMaker: 'Mirrors topics and moves no group offsets with ' +
      '`emit.checkpoints.enabled=false`, nor with `emit.offset-syncs.enabled=false`; mirrors ' +
      'nothing if the file then has another property of offset syncs. An error in its log says so',
    longhaul: 'Mirrors topics and moves group offsets without either'
  },
  'wrong value': {
    mirrorMaker: 'Runs without the connector for records, checkpoints or heartbeats that reads a ' +
      'wrong value, with an error in its log',
    longhaul: 'Refuses the file and names every wrong value'
  },
  codec: {
    mirrorMaker: 'Recompresses by the settings of the producer',
    longhaul: 'Keeps the codec and the batches of the original producers'
  },
  'aborted transactions': {
    mirrorMaker: 'Reads aborted transactions, too, by default',
    longhaul: 'Leaves them out; `isolation.level=read_uncommitted` mirrors them'
  },
  delivery: {
    mirrorMaker: 'At least once, or exactly once with transactions',
    longhaul: 'Resumes exactly, without transactions'
  },
  tasks: {
    mirrorMaker: '`tasks.max` shares topics among tasks',
    longhaul: '`lanes` are threads; `task.slots` is what processes share'
  },
  'own state': {
    mirrorMaker: "Offsets in Kafka Connect's internal topics on the target",
    longhaul: 'One compacted topic on the target, `longhaul-progress.SOURCE.internal`'
  },
  misspelt: {
    mirrorMaker: 'Ignores a misspelt property without a word',
    longhaul: 'Warns of it with the nearest right name; `--strict` refuses it'
  },
  'regular expressions': {
    mirrorMaker: 'Filters by all regular expressions that Java knows',
    longhaul: 'Refuses the few that JavaScript cannot express, by name: flags in the middle ' +
      '(`a(?i)b`), classes within classes (`[a[b]]`, `[a&&b]`)'
  },
  'character set': {
    mirrorMaker: 'Reads the file as ISO 8859-1: in UTF-8 an `ü` becomes two characters, and a ' +
      'byte order mark hides the first property',
    longhaul: 'Reads the file as UTF-8, and as ISO 8859-1 where it cannot be UTF-8'
  },
  'changed records': {
    mirrorMaker: 'Changes records by `transforms` and by converters',
    longhaul: 'Refuses these properties; with `--ignore PROPERTY` records arrive as they are'
  },
  'several sources': {
    mirrorMaker: 'Several sources under IdentityReplicationPolicy begin to write to one topic ' +
      'without a word',
    longhaul: 'Need `target.not.empty=begin`, because records that no progress explains may ' +
      "as well be a former mirror's"
  },
  'policy of a sample': {
    mirrorMaker: 'With `com.amazonaws.kafka.samples.CustomMM2ReplicationPolicy` the mirrored ' +
      'heartbeats of the source mix with those of the target in `heartbeats`',
    longhaul: 'It is read as IdentityReplicationPolicy: heartbeats are mirrored to ' +
      '`SOURCE.heartbeats`'
  },
  'loop of names': {
    mirrorMaker: 'Identity policy in both directions copies in circles',
    longhaul: 'With `same.names.both.ways=true` mirrors each record once: a flow leaves out what ' +
      'came from its target. Without it the topics are refused, also where each direction has a ' +
      'file of its own. Rings over more than two flows are refused'
  },
  'alias of the source': {
    mirrorMaker: 'Mirrors a topic of A that is called `A.orders`, as `A.A.orders`',
    longhaul: 'Leaves it out and logs that: two sites with other aliases for the same ' +
      'clusters would copy it without end'
  },
  'own topics': {
    mirrorMaker: 'Mirrors a topic that is called `longhaul-progress.X` like others',
    longhaul: 'Never mirrors it: Longhaul keeps its own progress there'
  },
  'empty separator': {
    mirrorMaker: 'With an empty `replication.policy.separator` the first letter of a topic is ' +
      'the alias of a cluster',
    longhaul: 'It is none; flows in both directions are refused with an empty separator'
  },
  'settings at a cluster': {
    mirrorMaker: 'Ignores settings of a flow that are written at a cluster (`B.topics`, ' +
      '`B.replication.factor`)',
    longhaul: 'They count for the flows into B'
  },
  'client property without role': {
    mirrorMaker: 'Ignores `auto.offset.reset`, `linger.ms` and other properties of a client ' +
      'without `A.consumer.` or `B.producer.` in front',
    longhaul: 'They count at a flow, a cluster or the top level; a place that MirrorMaker 2 ' +
      'reads wins over `B.NAME` and `NAME`'
  },
  'producer of a flow': {
    mirrorMaker: 'Hands `A->B.producer.NAME`, `A->B.target.producer.NAME` and ' +
      '`A->B.target.cluster.NAME` not to the producer of the records, only ' +
      '`A->B.producer.override.NAME`',
    longhaul: 'All reach the producer of the records; the last one wins, then ' +
      '`B.producer.NAME`, then the others'
  }
} as const satisfies Readonly<Record<string, Difference>>

export type DifferenceName = keyof typeof differences

export function renderDifferences (): string {
  const rows = Object.values(differences).map(({ mirrorMaker, longhaul }) =>
    `| ${mirrorMaker} | ${longhaul} |`)
  return ['| MirrorMaker 2 | Longhaul |', '|---|---|', ...rows].join('\n')
}
