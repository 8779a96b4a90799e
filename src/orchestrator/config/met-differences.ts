// The differences from MirrorMaker 2 that affect the user of a file: by the settings of a flow, and
// by the topics of its source.
import type { FlowConfig } from './config.ts'
import { differences, type Difference, type DifferenceName } from './differences.ts'

type Meets = (
  flow: FlowConfig, flows: readonly FlowConfig[], topics: readonly string[]
) => boolean

const meets: Readonly<Partial<Record<DifferenceName, Meets>>> = {
  'data loss': ({ settings }) => settings['data.loss'] === 'stop',
  'new partitions with latest': ({ starts }) => starts.isRelative,
  'aborted transactions': ({ settings, chosen }) => !chosen.has('isolation.level') &&
    settings['isolation.level'] === 'read_committed',
  'settings of the target': ({ settings }) => settings['sync.topic.configs.enabled'],
  'ACLs of all topics': ({ settings }) => settings['sync.topic.acls.prefixed.enabled'],
  'group offsets': ({ chosen, settings }) => settings['sync.group.offsets.enabled'] &&
    !chosen.has('sync.group.offsets.interval.seconds'),
  'loop of names': ({ policy, settings }) =>
    policy.keepsNames && settings['same.names.both.ways'],
  'without offset syncs': ({ settings }) =>
    !settings['emit.offset-syncs.enabled'] || !settings['emit.checkpoints.enabled'],
  'several sources': (flow, flows) => flow.policy.keepsNames && flows.some(other =>
    other.name !== flow.name && other.target.alias === flow.target.alias &&
    other.policy.keepsNames),
  'empty separator': ({ policy, settings }) =>
    !policy.keepsNames && settings['replication.policy.separator'] === '',
  'alias of the source': ({ policy, settings, source, topics: { isCycle } }, _flows, topics) => {
    const alias = settings['source.cluster.alias'] || source.alias
    return !policy.keepsNames && topics.some(topic =>
      policy.topicSource(topic) === alias && isCycle(topic))
  }
}

/** `topics` are the topics of the source that the flow does not mirror. */
export function metDifferences (
  flow: FlowConfig, flows: readonly FlowConfig[], topics: readonly string[]
): readonly Difference[] {
  const names = Object.keys(differences) as DifferenceName[]
  return names.filter(name => meets[name]?.(flow, flows, topics) === true)
    .map(name => differences[name])
}
