// The ids of the topics on both clusters, if the clusters report them (brokers 2.8 and later): a
// new id shows that a topic was recreated, an error shows that it was deleted.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { Side } from '../config/property-path.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Progress, TopicIds } from '../progress/progress.ts'
import type { PartitionEvent } from './partition-state.ts'

/** The names of one topic on both clusters. */
export interface TopicNames {
  readonly topic: string
  readonly remoteTopic: string
}

export interface ChangedTopic extends KnownTopic {
  readonly side: Side
}

/** The present topic of that name. */
interface KnownTopic {
  readonly id: string
  readonly partitions: number
}

/** By name. */
class KnownTopics extends Map<string, KnownTopic> {
  /** Whether a topic had another id than before, or its first one. */
  hasNews = false

  learn (name: string, topic: KnownTopic): void {
    if (this.get(name)?.id !== topic.id) this.hasNews = true
    this.set(name, topic)
  }
}

type RecreationEvent = Extract<PartitionEvent, { readonly kind: 'recreation' }>
type PositionedTopic = TopicNames & { readonly progress: Progress | undefined }

export class KnownTopicIds {
  readonly #source: ClusterAdmin
  readonly #target: ClusterAdmin
  readonly #known = { source: new KnownTopics(), target: new KnownTopics() }

  constructor (source: ClusterAdmin, target: ClusterAdmin) {
    this.#source = source
    this.#target = target
  }

  /**
   * Asks both clusters. Returns the topics that the source reports as unknown. Rejects if a cluster
   * does not answer; what the other cluster answers is known even then.
   */
  async learn (topics: readonly TopicNames[]): Promise<ReadonlySet<string>> {
    const { source, target } = this.#known
    const onSource = learnInto(source, this.#source, topics.map(({ topic }) => topic))
    const onTarget = learnInto(target, this.#target, topics.map(({ remoteTopic }) => remoteTopic))
    await Promise.allSettled([onSource, onTarget])
    await onTarget
    return await onSource
  }

  /** Asks the target alone. Returns the topics that it reports as unknown. */
  async learnRemote (remoteTopics: readonly string[]): Promise<ReadonlySet<string>> {
    return await learnInto(this.#known.target, this.#target, remoteTopics)
  }

  /** Whether a cluster has reported an id that it had not reported before the last call. */
  takeNews (): boolean {
    const { source, target } = this.#known
    const hasNews = source.hasNews || target.hasNews
    source.hasNews = target.hasNews = false
    return hasNews
  }

  /** Whether the target has ever reported the topic. */
  hasRemote (remoteTopic: string): boolean { return this.#known.target.has(remoteTopic) }

  forget ({ remoteTopic, topic }: TopicNames): void {
    this.#known.source.delete(topic)
    this.#known.target.delete(remoteTopic)
  }

  /**
   * The progress with topic ids. Progress without ids is assumed to belong to the present topics.
   */
  complete ({ remoteTopic, topic }: TopicNames, progress: Progress): Progress {
    const { topicIds: ids = {} } = progress
    const source = ids.source ?? this.#known.source.get(topic)?.id
    const target = ids.target ?? this.#known.target.get(remoteTopic)?.id
    if (source === ids.source && target === ids.target) return progress
    const topicIds: TopicIds = {
      ...(source === undefined ? {} : { source }), ...(target === undefined ? {} : { target })
    }
    return { ...progress, topicIds }
  }

  /** The cluster whose topic is not the one that the progress belongs to. */
  changed ({ progress, remoteTopic, topic }: PositionedTopic): ChangedTopic | undefined {
    const source = this.#known.source.get(topic)
    if (isAnother(progress?.topicIds?.source, source)) return { side: 'source', ...source }
    const target = this.#known.target.get(remoteTopic)
    if (isAnother(progress?.topicIds?.target, target)) return { side: 'target', ...target }
    return undefined
  }

  /** The event for a partition whose topic is not the one that its progress belongs to. */
  recreationOf (partition: PositionedTopic): RecreationEvent | undefined {
    const changed = this.changed(partition)
    if (changed === undefined) return undefined
    const topic = changed.side === 'source' ? partition.topic : partition.remoteTopic
    const detail = `${changed.side} topic ${topic} has id ${changed.id}, progress is of another one`
    return { kind: 'recreation', error: new ReplicatorError('TOPIC_RECREATED', detail) }
  }

  /** The source topic, if it was recreated since the progress was made. */
  recreatedSource (partition: PositionedTopic): ChangedTopic | undefined {
    const changed = this.changed(partition)
    return changed?.side === 'source' ? changed : undefined
  }
}

function isAnother (then: string | undefined, now: KnownTopic | undefined): now is KnownTopic {
  return now !== undefined && then !== undefined && then !== now.id
}

/** Returns the topics that the cluster reports as unknown; other ids may be missing for now. */
async function learnInto (
  known: KnownTopics, cluster: ClusterAdmin, topics: readonly string[]
): Promise<ReadonlySet<string>> {
  const names = [...new Set(topics)]
  if (names.length === 0) return new Set()
  const missing = new Set<string>()
  for (const { error, name, partitions, topicId } of await cluster.describeTopics(names)) {
    if (error?.errorName === 'UNKNOWN_TOPIC_OR_PARTITION') missing.add(name)
    if (error === undefined && topicId !== null) {
      known.learn(name, { id: topicId, partitions: partitions.length })
    }
  }
  return missing
}
