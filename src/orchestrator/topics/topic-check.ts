// What a flow would do with each topic of its source, as far as both clusters can tell without a
// change: the target validates creations of topics and additions of partitions.
import type { ReplicatorError } from '../errors/replicator-error.ts'
import {
  planTopics, type LeftOutTopic, type PlannedTopic, type TopicProblem
} from './topic-plan.ts'
import { applyPlan, type TopicSyncOptions, type TopicSyncResult } from './topic-sync.ts'

export type TopicCheckOptions = Omit<TopicSyncOptions, 'validateOnly' | 'mayChange'>

export interface TopicCheck extends Pick<TopicSyncResult, 'created' | 'grown'> {
  /** Topics that are mirrored, or would be mirrored without their problem. */
  readonly topics: readonly PlannedTopic[]
  readonly problems: readonly TopicProblem[]
  readonly leftOut: readonly LeftOutTopic[]
  /** Topics that the configuration file names and the source does not list. */
  readonly unknown: readonly string[]
  readonly warnings: readonly ReplicatorError[]
  /** Partition counts of all topics that the source lists. */
  readonly onSource: ReadonlyMap<string, number>
}

export async function checkTopics (options: TopicCheckOptions): Promise<TopicCheck> {
  const plan = await planTopics(options)
  const { created, grown, problems, warnings } = await applyPlan(plan,
    { ...options, validateOnly: true, mayChange: () => true })
  const { leftOut, onSource, topics, unknown } = plan
  return { topics, problems, leftOut, unknown, warnings, onSource, created, grown }
}
