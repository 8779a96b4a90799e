// Which topics a flow includes. As MirrorMaker 2's DefaultTopicFilter: comma-separated Java regular
// expressions that match the whole name, exclude wins, an empty list matches nothing.
import { compileFilter, type RegexProblem } from './regex-list.ts'
import type { ReplicationPolicy } from './replication-policy.ts'

export interface TopicFilter {
  /** The expressions as the user wrote them. */
  readonly topics: readonly string[]
  readonly exclude: readonly string[]
  /** The expressions of `topics` that are the name of one topic. */
  readonly names: readonly string[]
  matches (topic: string): boolean
  /** Whether both lists match the topic. */
  excludes (topic: string): boolean
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
  const filter = compileFilter(topics, exclude, ['topics', 'exclude'])
  if (!filter.ok) return filter
  const names = topics.flatMap(expression => nameIn(expression) ?? [])
  return {
    ok: true,
    filter: { topics, exclude, names, matches: filter.matches, excludes: filter.excludes }
  }
}

// A dot matches any character, but a user who writes orders.eu means that topic.
function nameIn (expression: string): string | undefined {
  const name = expression.replace(/\\([.-])/g, '$1')
  return /^[\w.-]+$/.test(name) ? name : undefined
}

/** Why a topic of the source is mirrored or is not. */
export type TopicVerdict = 'mirrored' | 'not matched' | 'excluded' | 'internal' | 'cycle'

export interface TopicSelection {
  readonly filter: TopicFilter
  readonly policy: ReplicationPolicy
  /** Whether a topic came from the source or the target of the flow. */
  readonly isCycle: (topic: string) => boolean
  /** Whether heartbeats topics are mirrored regardless of the filter. */
  readonly heartbeats: boolean
  /** The topic of the flow's own canary, which is mirrored regardless of the filter. */
  readonly canary?: string | undefined
}

export function judgeTopic (selection: TopicSelection, topic: string): TopicVerdict {
  const { filter, policy, isCycle, heartbeats } = selection
  if (topic === selection.canary) return 'mirrored'
  if (policy.isInternalTopic(topic)) return 'internal'
  if (!filter.matches(topic) && !(heartbeats && policy.isHeartbeatsTopic(topic))) {
    return filter.excludes(topic) ? 'excluded' : 'not matched'
  }
  // The name of a topic that keeps its name does not show the cluster that it came from.
  return policy.remoteTopic(topic) !== topic && isCycle(topic) ? 'cycle' : 'mirrored'
}
