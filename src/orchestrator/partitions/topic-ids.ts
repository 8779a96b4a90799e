// The ids of the topics on both sides, as far as the clusters report them (brokers 2.8 and later):
// a topic that was deleted and recreated is known by its new id, one that is gone by its error.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { Progress, TopicIds } from '../progress/progress.ts'

/** Names of one topic on both sides. */
export interface TopicNames {
  readonly topic: string
  readonly remoteTopic: string
}

export interface ChangedTopic {
  readonly side: 'source' | 'target'
  /** Of the topic that bears the name now. */
  readonly id: string
}

type PositionedTopic = TopicNames & { readonly progress: Progress | undefined }

export class KnownTopicIds {
  readonly #source: ClusterAdmin
  readonly #target: ClusterAdmin
  readonly #ids = { source: new Map<string, string>(), target: new Map<string, string>() }

  constructor (source: ClusterAdmin, target: ClusterAdmin) {
    this.#source = source
    this.#target = target
  }

  /** Asks both clusters. Returns the topics that the source says it does not have. */
  async learn (topics: readonly TopicNames[]): Promise<ReadonlySet<string>> {
    const { source, target } = this.#ids
    const [missing] = await Promise.all([
      learnInto(source, this.#source, topics.map(({ topic }) => topic)),
      learnInto(target, this.#target, topics.map(({ remoteTopic }) => remoteTopic))
    ])
    return missing
  }

  forget ({ remoteTopic, topic }: TopicNames): void {
    this.#ids.source.delete(topic)
    this.#ids.target.delete(remoteTopic)
  }

  /** The progress with ids. Progress that names none is taken to be of the topics of today. */
  complete ({ remoteTopic, topic }: TopicNames, progress: Progress): Progress {
    const source = progress.topicIds?.source ?? this.#ids.source.get(topic)
    const target = progress.topicIds?.target ?? this.#ids.target.get(remoteTopic)
    const topicIds: TopicIds = {
      ...(source === undefined ? {} : { source }), ...(target === undefined ? {} : { target })
    }
    return { ...progress, topicIds }
  }

  /** The side whose topic is not the one that progress is of. */
  changed ({ progress, remoteTopic, topic }: PositionedTopic): ChangedTopic | undefined {
    const { source, target } = this.#ids
    for (const [side, id] of [
      ['source', source.get(topic)], ['target', target.get(remoteTopic)]
    ] as const) {
      const known = progress?.topicIds?.[side]
      if (id !== undefined && known !== undefined && known !== id) return { side, id }
    }
    return undefined
  }
}

/** Returns the topics that the cluster says it does not have; others may be unknown for now. */
async function learnInto (
  ids: Map<string, string>, cluster: ClusterAdmin, topics: readonly string[]
): Promise<ReadonlySet<string>> {
  const names = [...new Set(topics)]
  if (names.length === 0) return new Set()
  const missing = new Set<string>()
  for (const { error, name, topicId } of await cluster.describeTopics(names)) {
    if (error?.errorName === 'UNKNOWN_TOPIC_OR_PARTITION') missing.add(name)
    if (error === undefined && topicId !== null) ids.set(name, topicId)
  }
  return missing
}
