// Compares the topics of a flow's clusters: which topics of the source the flow mirrors, under
// which remote names, and why the flow does not mirror the others. Changes nothing.
import type { ClusterAdmin, TopicListing } from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { judgeTopic, type TopicSelection, type TopicVerdict } from '../policy/topic-filter.ts'

export interface TopicPlanOptions {
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
  readonly selection: TopicSelection
  /**
   * Undefined: the flow may write the remote topic; else the name of the flow that already writes
   * it.
   */
  readonly claim: (remoteTopic: string) => string | undefined
  /** Why a topic that the flow would mirror must stop; undefined: it may continue. */
  readonly refuse?: ((topic: string) => ReplicatorError | undefined) | undefined
}

export interface PlannedTopic {
  readonly topic: string
  readonly remoteTopic: string
  readonly sourcePartitions: number
  /** 0: the remote topic does not exist. */
  readonly targetPartitions: number
}

export interface TopicProblem {
  readonly topic: string
  /** For a topic that is not planned: its partitions on the source, 0 if they are not known. */
  readonly sourcePartitions?: number
  /** Partitions of the topic that are being mirrored must stop. */
  readonly mustStop?: boolean
  readonly error: ReplicatorError
}

/** A topic of the source that the flow does not mirror. */
export interface LeftOutTopic {
  readonly topic: string
  readonly verdict: Exclude<TopicVerdict, 'mirrored'>
}

export interface TopicPlan {
  readonly topics: readonly PlannedTopic[]
  readonly problems: readonly TopicProblem[]
  readonly leftOut: readonly LeftOutTopic[]
  /** Topics that the filter names and the source does not list. */
  readonly unknown: readonly string[]
  /** Partition counts of all topics that the source lists, mirrored or not. */
  readonly onSource: ReadonlyMap<string, number>
}

/** Kafka's limit. */
const topicNameLengthMax = 249

export async function planTopics (options: TopicPlanOptions): Promise<TopicPlan> {
  const { source, target, selection } = options
  const [sourceTopics, targetTopics] = await Promise.all([source.listTopics(), target.listTopics()])
  const existing = new Map(targetTopics.map(topic => [topic.name, topic]))
  const topics: PlannedTopic[] = []
  const problems: TopicProblem[] = []
  const leftOut: LeftOutTopic[] = []
  const mirrored = new Map<TopicListing, string>()
  for (const listing of sourceTopics) {
    const { name: topic } = listing
    const verdict = judgeTopic(selection, topic)
    if (verdict === 'mirrored') mirrored.set(listing, selection.policy.remoteTopic(topic))
    else leftOut.push({ topic, verdict })
  }
  const chosen = chosenTopics(mirrored)
  for (const [listing, remoteTopic] of mirrored) {
    const { name: topic, partitionCount } = listing
    const refused = options.refuse?.(topic)
    if (refused !== undefined) {
      problems.push({ topic, mustStop: true, error: refused })
      continue
    }
    const planned = planTopic(listing, remoteTopic, existing, chosen, options)
    if (planned instanceof ReplicatorError) {
      problems.push({ topic, sourcePartitions: partitionCount, error: planned })
    } else topics.push(planned)
  }
  const onSource = new Map(sourceTopics.map(({ name, partitionCount }) => [name, partitionCount]))
  const unknown = selection.filter.names.filter(name => !onSource.has(name))
  return { topics, problems, leftOut, unknown, onSource }
}

function planTopic (
  { name: topic, partitionCount, error }: TopicListing, remoteTopic: string,
  existing: ReadonlyMap<string, TopicListing>, chosen: ReadonlyMap<string, string>,
  { selection: { policy }, target, claim }: TopicPlanOptions
): PlannedTopic | ReplicatorError {
  if (error !== undefined) return error
  if (remoteTopic.length > topicNameLengthMax) {
    return new ReplicatorError('REMOTE_NAME_TOO_LONG', `${remoteTopic} has ${remoteTopic.length} ` +
      `characters, and ${topicNameLengthMax} are allowed`)
  }
  const isRenamed = remoteTopic !== policy.remotePrefix(topic)
  if (isRenamed && (policy.isInternalTopic(remoteTopic) || policy.isHeartbeatsTopic(remoteTopic))) {
    return new ReplicatorError('REMOTE_NAME_RESERVED', `topic.rename calls it ${remoteTopic}`)
  }
  const other = chosen.get(remoteTopic)
  if (other !== topic) {
    const detail = `topic.rename calls ${other} ${remoteTopic}, too`
    return new ReplicatorError('DUPLICATE_TARGET_TOPIC', detail)
  }
  const owner = claim(remoteTopic)
  if (owner !== undefined) {
    const detail = `the flow ${owner} writes ${remoteTopic} on ${target.cluster}`
    return new ReplicatorError('DUPLICATE_TARGET_TOPIC', detail)
  }
  const remote = existing.get(remoteTopic)
  if (remote?.error !== undefined) return remote.error
  const targetPartitions = remote?.partitionCount ?? 0
  return { topic, remoteTopic, sourcePartitions: partitionCount, targetPartitions }
}

/**
 * The source topic that may use each remote name. Records of two topics would have one producer id
 * and the same sequences, so of topics that topic.rename maps to one name, the first by name is
 * mirrored.
 */
function chosenTopics (
  mirrored: ReadonlyMap<TopicListing, string>
): ReadonlyMap<string, string> {
  const chosen = new Map<string, string>()
  for (const [{ name: topic }, remoteTopic] of mirrored) {
    const other = chosen.get(remoteTopic)
    if (other === undefined || topic < other) chosen.set(remoteTopic, topic)
  }
  return chosen
}
