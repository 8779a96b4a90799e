// Finds the topics that a flow mirrors and makes their remote topics: same partition count, same
// settings as set on the source topic. Partitions only grow; deletions are never carried over.
import type {
  ClusterAdmin, NewTopic, TopicListing, TopicResult
} from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { judgeTopic, type TopicSelection } from '../policy/topic-filter.ts'

export interface TopicSyncOptions {
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
  readonly selection: TopicSelection
  readonly replicationFactor: number
  /** Undefined: the topic is this flow's to write; else the flow that has it already. */
  readonly claim: (remoteTopic: string) => string | undefined
}

export interface MirroredTopic {
  readonly topic: string
  readonly remoteTopic: string
  /** Partitions that exist on both sides. */
  readonly partitions: number
}

export interface TopicProblem {
  readonly topic: string
  readonly error: ReplicatorError
}

export interface TopicSyncResult {
  readonly topics: readonly MirroredTopic[]
  /** Topics, or a part of their partitions, that cannot be mirrored now; the others can. */
  readonly problems: readonly TopicProblem[]
  readonly created: readonly string[]
  readonly grown: readonly string[]
}

export interface PlannedTopic {
  readonly topic: string
  readonly remoteTopic: string
  readonly sourcePartitions: number
  /** 0: there is no such topic yet. */
  readonly targetPartitions: number
}

/** Of a change asked of the target: the topics that are as wanted, and those it was made to. */
interface Outcome {
  readonly good: ReadonlySet<string>
  readonly changed: readonly string[]
}

const nothingDone: Outcome = { good: new Set(), changed: [] }

export interface TopicPlan {
  readonly topics: readonly PlannedTopic[]
  readonly problems: readonly TopicProblem[]
}

// Settings that belong to one cluster's operation, as MirrorMaker 2's DefaultConfigPropertyFilter
// leaves them out.
const clusterOwnConfigs = new Set([
  'follower.replication.throttled.replicas', 'leader.replication.throttled.replicas',
  'message.timestamp.difference.max.ms', 'message.timestamp.type',
  'unclean.leader.election.enable', 'min.insync.replicas'
])

/** What syncTopicsOnce would do; changes nothing on the clusters. */
export async function planTopics (options: TopicSyncOptions): Promise<TopicPlan> {
  const { source, target, selection } = options
  const [sourceTopics, targetTopics] = await Promise.all([source.listTopics(), target.listTopics()])
  const existing = new Map(targetTopics.map(topic => [topic.name, topic]))
  const problems: TopicProblem[] = []
  const topics = sourceTopics
    .filter(({ name }) => judgeTopic(selection, name) === 'mirrored')
    .flatMap(listing => planTopic(listing, existing, options, problems) ?? [])
  return { topics, problems }
}

function planTopic (
  listing: TopicListing, existing: ReadonlyMap<string, TopicListing>, options: TopicSyncOptions,
  problems: TopicProblem[]
): PlannedTopic | undefined {
  const { name: topic, partitionCount, error } = listing
  if (error !== undefined) {
    problems.push({ topic, error })
    return undefined
  }
  const remoteTopic = options.selection.policy.remoteTopic(topic)
  const owner = options.claim(remoteTopic)
  if (owner !== undefined) {
    const detail = `${remoteTopic} on ${options.target.cluster} is written by ${owner}`
    problems.push({ topic, error: new ReplicatorError('DUPLICATE_TARGET_TOPIC', detail) })
    return undefined
  }
  const target = existing.get(remoteTopic)
  if (target?.error !== undefined) {
    problems.push({ topic, error: target.error })
    return undefined
  }
  return {
    topic,
    remoteTopic,
    sourcePartitions: partitionCount,
    targetPartitions: target?.partitionCount ?? 0
  }
}

/** Makes what is missing on the target; one failing topic does not stop the others. */
export async function syncTopicsOnce (options: TopicSyncOptions): Promise<TopicSyncResult> {
  const plan = await planTopics(options)
  const problems = [...plan.problems]
  const missing = plan.topics.filter(topic => topic.targetPartitions === 0)
  const short = plan.topics.filter(topic =>
    topic.targetPartitions > 0 && topic.targetPartitions < topic.sourcePartitions)
  const created = await createMissing(options, missing, problems)
  const grown = await growShort(options, short, problems)
  const partitionsOf = ({ topic, targetPartitions, sourcePartitions }: PlannedTopic): number =>
    created.good.has(topic) || grown.good.has(topic)
      ? sourcePartitions
      : Math.min(targetPartitions, sourcePartitions)
  return {
    topics: plan.topics
      .map(planned => ({ ...planned, partitions: partitionsOf(planned) }))
      .filter(({ partitions }) => partitions > 0)
      .map(({ topic, remoteTopic, partitions }) => ({ topic, remoteTopic, partitions })),
    problems,
    created: created.changed,
    grown: grown.changed
  }
}

async function createMissing (
  options: TopicSyncOptions, missing: readonly PlannedTopic[], problems: TopicProblem[]
): Promise<Outcome> {
  if (missing.length === 0) return nothingDone
  const configs = await sourceConfigs(options.source, missing)
  const wanted: readonly NewTopic[] = missing.map(({ topic, remoteTopic, sourcePartitions }) => ({
    name: remoteTopic,
    partitions: sourcePartitions,
    replicationFactor: options.replicationFactor,
    configs: configs.get(topic) ?? {}
  }))
  const results = await options.target.createTopics(wanted)
  return succeeded(missing, results, problems, ({ remoteTopic }, error) =>
    error.errorName === 'TOPIC_ALREADY_EXISTS'
      // Made by another process of this flow in between, or there without our seeing it: who may
      // not describe a topic finds it missing.
      ? undefined
      : new ReplicatorError('TOPIC_CREATE_FAILED', `${remoteTopic} on ${options.target.cluster}: ` +
        `${error.message} [replication.factor=${options.replicationFactor}]`, { cause: error }))
}

async function growShort (
  options: TopicSyncOptions, short: readonly PlannedTopic[], problems: TopicProblem[]
): Promise<Outcome> {
  if (short.length === 0) return nothingDone
  const results = await options.target.createPartitions(short.map(
    ({ remoteTopic, sourcePartitions }) => ({ name: remoteTopic, partitions: sourcePartitions })))
  return succeeded(short, results, problems, (planned, error) =>
    new ReplicatorError('TARGET_FEWER_PARTITIONS', `${planned.remoteTopic} on ` +
      `${options.target.cluster} has ${planned.targetPartitions} partitions, ${planned.topic} on ` +
      `${options.source.cluster} has ${planned.sourcePartitions}, and adding them was refused: ` +
      error.message, { cause: error }))
}

/** The topics whose result is good; the others become problems, unless `judge` says it is none. */
function succeeded (
  planned: readonly PlannedTopic[], results: readonly TopicResult[], problems: TopicProblem[],
  judge: (planned: PlannedTopic, error: ReplicatorError) => ReplicatorError | undefined
): Outcome {
  const good = new Set<string>()
  const changed: string[] = []
  for (const [i, topic] of planned.entries()) {
    const error = results[i]?.error
    const problem = error === undefined ? undefined : judge(topic, error)
    if (problem === undefined) good.add(topic.topic)
    else problems.push({ topic: topic.topic, error: problem })
    if (error === undefined) changed.push(topic.topic)
  }
  return { good, changed }
}

/** Settings that were set on each topic itself. A topic that cannot be described gets defaults. */
async function sourceConfigs (
  source: ClusterAdmin, topics: readonly PlannedTopic[]
): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
  const described = await source.describeConfigs(
    topics.map(({ topic }) => ({ type: 'topic' as const, name: topic })))
  return new Map(described.map(({ name, entries }) => [name, Object.fromEntries(entries
    // Not `isDefault`: Kafka 4.1 reports min.insync.replicas as non-default where nobody set it.
    .filter(({ source }) => source === 'DYNAMIC_TOPIC_CONFIG')
    .filter(({ name, sensitive, value }) =>
      value !== null && !sensitive && !clusterOwnConfigs.has(name))
    .map(({ name, value }) => [name, value ?? '']))]))
}
