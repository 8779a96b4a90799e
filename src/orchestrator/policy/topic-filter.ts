// Which topics take part in a flow. As MirrorMaker 2's DefaultTopicFilter: comma-separated Java
// regular expressions that match the whole name, exclude wins, an empty list matches nothing.
import { translateJavaRegex } from './java-regex.ts'
import type { ReplicationPolicy } from './replication-policy.ts'

export interface TopicFilter {
  /** The expressions as they were written. */
  readonly topics: readonly string[]
  readonly exclude: readonly string[]
  matches (topic: string): boolean
}

export interface FilterProblem {
  readonly list: 'topics' | 'exclude'
  readonly expression: string
  readonly reason: string
}

export type ParsedTopicFilter =
  | { readonly ok: true, readonly filter: TopicFilter }
  | { readonly ok: false, readonly problems: readonly FilterProblem[] }

export function createTopicFilter (
  topics: readonly string[], exclude: readonly string[]
): ParsedTopicFilter {
  const problems: FilterProblem[] = []
  const included = compile('topics', topics, problems)
  const excluded = compile('exclude', exclude, problems)
  if (problems.length > 0) return { ok: false, problems }
  const matches = (topic: string) =>
    included.some(regex => regex.test(topic)) && !excluded.some(regex => regex.test(topic))
  return { ok: true, filter: { topics, exclude, matches } }
}

function compile (
  list: FilterProblem['list'], expressions: readonly string[], problems: FilterProblem[]
): readonly RegExp[] {
  return expressions.flatMap(expression => {
    const translated = translateJavaRegex(expression)
    if (!translated.ok) {
      problems.push({ list, expression, reason: translated.reason })
      return []
    }
    return [RegExp(`^(?:${translated.source})$`, translated.flags)]
  })
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
