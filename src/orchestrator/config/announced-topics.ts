// Which topics another flow mirrors and under which names, from the settings that one of its
// processes announces (control/flow-members.ts). Of its clusters only the alias of its source is
// known.
import { createCycleCheck } from '../policy/topic-cycle.ts'
import { createTopicFilter, type TopicSelection } from '../policy/topic-filter.ts'
import { compileRenames } from '../policy/topic-rename.ts'
import { createReplicationPolicy } from '../policy/replication-policy.ts'
import { flowTable } from './config-table.ts'

type Announced = Readonly<Record<string, string>>

/** Undefined: another build wrote the announcement, and this build cannot read it. */
export function announcedTopics (
  settings: Announced, sourceCluster: string
): TopicSelection | undefined {
  const value = <Name extends keyof typeof flowTable>(
    name: Name
  ): ReturnType<(typeof flowTable)[Name]['parse']> => {
    const row = flowTable[name]
    const text = settings[name] ?? row.show(row.default as never)
    return row.parse(text) as ReturnType<(typeof flowTable)[Name]['parse']>
  }
  const filter = createTopicFilter(value('topics') ?? [], value('topics.exclude') ?? [])
  const renames = compileRenames(value('topic.rename') ?? [])
  const policy = value('replication.policy.class')
  if (!filter.ok || !renames.ok || policy === undefined) return undefined
  const separator = value('replication.policy.separator') ?? '.'
  const named = value('source.cluster.alias')
  const sourceAlias = named === undefined || named === '' ? sourceCluster : named
  const targetAlias = value('target.cluster.alias') ?? ''
  return {
    filter: filter.filter,
    policy: createReplicationPolicy({
      policy,
      sourceAlias,
      separator,
      internalTopicSeparator:
        value('replication.policy.internal.topic.separator.enabled') ?? true,
      renamed: renames.renamed
    }),
    isCycle: createCycleCheck({
      sourceAlias,
      targetAlias: targetAlias === '' ? sourceAlias : targetAlias,
      separator,
      prefixes: [{ alias: sourceAlias, prefix: `${sourceAlias}${separator}` }]
    }),
    heartbeats: value('heartbeats.replication.enabled') ?? true
  }
}
