// Which topics take part in a flow. As MirrorMaker 2's DefaultTopicFilter: comma-separated Java
// regular expressions that match the whole name, exclude wins, an empty list matches nothing.
import { compileRegexList, type CompiledRegexList, type RegexProblem } from './regex-list.ts'
import type { ReplicationPolicy } from './replication-policy.ts'

export interface TopicFilter {
  /** The expressions as they were written. */
  readonly topics: readonly string[]
  readonly exclude: readonly string[]
  matches (topic: string): boolean
}

export interface FilterProblem extends RegexProblem {
  readonly list: 'topics' | 'exclude'
}

export type ParsedTopicFilter =
  | { readonly ok: true, readonly filter: TopicFilter }
  | { readonly ok: false, readonly problems: readonly FilterProblem[] }

export function createTopicFilter (
  topics: readonly string[], exclude: readonly string[]
): ParsedTopicFilter {
  const included = compileRegexList(topics)
  const excluded = compileRegexList(exclude)
  if (!included.ok || !excluded.ok) {
    const problemsOf = (list: FilterProblem['list'], compiled: CompiledRegexList) =>
      compiled.ok ? [] : compiled.problems.map(problem => ({ ...problem, list }))
    const problems = [...problemsOf('topics', included), ...problemsOf('exclude', excluded)]
    return { ok: false, problems }
  }
  const matches = (topic: string) => included.matches(topic) && !excluded.matches(topic)
  return { ok: true, filter: { topics, exclude, matches } }
}

/** Why a topic of the source is mirrored or is not. */
export type TopicVerdict = 'mirrored' | 'not matched' | 'internal' | 'cycle'

export interface TopicSelection {
  readonly filter: TopicFilter
  readonly policy: ReplicationPolicy
  readonly targetAlias: string
  /** Whether heartbeats topics are mirrored whatever the filter says. */
  readonly heartbeats: boolean
}

export function judgeTopic (selection: TopicSelection, topic: string): TopicVerdict {
  const { filter, policy, targetAlias, heartbeats } = selection
  if (policy.isInternalTopic(topic)) return 'internal'
  if (!filter.matches(topic) && !(heartbeats && policy.isHeartbeatsTopic(topic))) {
    return 'not matched'
  }
  return policy.isCycle(topic, targetAlias) ? 'cycle' : 'mirrored'
}
