// The ids of the topics on both sides, as far as the clusters report them (brokers 2.8 and later):
// a topic that was deleted and recreated is known by its new id, one that is gone by its error.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Progress, TopicIds } from '../progress/progress.ts'
import type { PartitionEvent } from './partition-state.ts'

/** Names of one topic on both sides. */
export interface TopicNames {
  readonly topic: string
  readonly remoteTopic: string
}

export interface ChangedTopic extends KnownTopic {
  readonly side: 'source' | 'target'
}

/** The topic that bears the name now. */
interface KnownTopic {
  readonly id: string
  readonly partitions: number
}

type RecreationEvent = Extract<PartitionEvent, { readonly kind: 'recreation' }>
type PositionedTopic = TopicNames & { readonly progress: Progress | undefined }

export class KnownTopicIds {
  readonly #source: ClusterAdmin
  readonly #target: ClusterAdmin
  readonly #known = {
    source: new Map<string, KnownTopic>(), target: new Map<string, KnownTopic>()
  }

  constructor (source: ClusterAdmin, target: ClusterAdmin) {
    this.#source = source
    this.#target = target
  }

  /** Asks both clusters. Returns the topics that the source says it does not have. */
  async learn (topics: readonly TopicNames[]): Promise<ReadonlySet<string>> {
    const { source, target } = this.#known
    const [missing] = await Promise.all([
      learnInto(source, this.#source, topics.map(({ topic }) => topic)),
      learnInto(target, this.#target, topics.map(({ remoteTopic }) => remoteTopic))
    ])
    return missing
  }

  forget ({ remoteTopic, topic }: TopicNames): void {
    this.#known.source.delete(topic)
    this.#known.target.delete(remoteTopic)
  }

  /** The progress with ids. Progress that names none is taken to be of the topics of today. */
  complete ({ remoteTopic, topic }: TopicNames, progress: Progress): Progress {
    const source = progress.topicIds?.source ?? this.#known.source.get(topic)?.id
    const target = progress.topicIds?.target ?? this.#known.target.get(remoteTopic)?.id
    const topicIds: TopicIds = {
      ...(source === undefined ? {} : { source }), ...(target === undefined ? {} : { target })
    }
    return { ...progress, topicIds }
  }

  /** The side whose topic is not the one that progress is of. */
  changed ({ progress, remoteTopic, topic }: PositionedTopic): ChangedTopic | undefined {
    const source = this.#known.source.get(topic)
    if (isAnother(progress?.topicIds?.source, source)) return { side: 'source', ...source }
    const target = this.#known.target.get(remoteTopic)
    if (isAnother(progress?.topicIds?.target, target)) return { side: 'target', ...target }
    return undefined
  }

  /** What a partition must undergo whose topic is another one than its progress is of. */
  recreationOf (partition: PositionedTopic): RecreationEvent | undefined {
    const changed = this.changed(partition)
    if (changed === undefined) return undefined
    const topic = changed.side === 'source' ? partition.topic : partition.remoteTopic
    const detail = `${changed.side} topic ${topic} has id ${changed.id}, progress is of another one`
    return { kind: 'recreation', error: new ReplicatorError('TOPIC_RECREATED', detail) }
  }

  /** The source topic, where it was recreated since progress was made in it. */
  recreatedSource (partition: PositionedTopic): ChangedTopic | undefined {
    const changed = this.changed(partition)
    return changed?.side === 'source' ? changed : undefined
  }
}

function isAnother (then: string | undefined, now: KnownTopic | undefined): now is KnownTopic {
  return now !== undefined && then !== undefined && then !== now.id
}

/** Returns the topics that the cluster says it does not have; others may be unknown for now. */
async function learnInto (
  known: Map<string, KnownTopic>, cluster: ClusterAdmin, topics: readonly string[]
): Promise<ReadonlySet<string>> {
  const names = [...new Set(topics)]
  if (names.length === 0) return new Set()
  const missing = new Set<string>()
  for (const { error, name, partitions, topicId } of await cluster.describeTopics(names)) {
    if (error?.errorName === 'UNKNOWN_TOPIC_OR_PARTITION') missing.add(name)
    if (error === undefined && topicId !== null) {
      known.set(name, { id: topicId, partitions: partitions.length })
    }
  }
  return missing
}
