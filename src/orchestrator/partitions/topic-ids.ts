// The ids of the topics on both sides, as far as the clusters tell them (brokers 2.8 and later): a
// topic that was deleted and made again is known by its new one.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { Progress, TopicIds } from '../progress/progress.ts'

/** Names of one topic on both sides. */
export interface TopicNames {
  readonly topic: string
  readonly remoteTopic: string
}

export interface ChangedTopic {
  readonly side: 'source' | 'target'
  /** Of the topic that is there now. */
  readonly id: string
}

export class KnownTopicIds {
  readonly #source: ClusterAdmin
  readonly #target: ClusterAdmin
  readonly #ids = { source: new Map<string, string>(), target: new Map<string, string>() }

  constructor (source: ClusterAdmin, target: ClusterAdmin) {
    this.#source = source
    this.#target = target
  }

  /** Asks both clusters. */
  async learn (topics: readonly TopicNames[]): Promise<void> {
    const { source, target } = this.#ids
    await Promise.all([
      learnInto(source, this.#source, topics.map(({ topic }) => topic)),
      learnInto(target, this.#target, topics.map(({ remoteTopic }) => remoteTopic))
    ])
  }

  /** The progress with ids; those of an older version have none, and are taken to be of these. */
  complete ({ remoteTopic, topic }: TopicNames, progress: Progress): Progress {
    const source = progress.topicIds?.source ?? this.#ids.source.get(topic)
    const target = progress.topicIds?.target ?? this.#ids.target.get(remoteTopic)
    const topicIds: TopicIds = {
      ...(source === undefined ? {} : { source }), ...(target === undefined ? {} : { target })
    }
    return { ...progress, topicIds }
  }

  /** The side whose topic is another one than progress speaks of. */
  changed (
    { progress, remoteTopic, topic }: TopicNames & { readonly progress: Progress }
  ): ChangedTopic | undefined {
    const { source, target } = this.#ids
    for (const [side, id] of [
      ['source', source.get(topic)], ['target', target.get(remoteTopic)]
    ] as const) {
      const known = progress.topicIds?.[side]
      if (id !== undefined && known !== undefined && known !== id) return { side, id }
    }
    return undefined
  }
}

/** Ids by topic; without those that cannot be described or have none. */
export async function topicIdsOf (
  cluster: ClusterAdmin, topics: readonly string[]
): Promise<ReadonlyMap<string, string>> {
  if (topics.length === 0) return new Map()
  const described = await cluster.describeTopics(topics)
  return new Map(described.flatMap(({ error, name, topicId }) =>
    error === undefined && topicId !== null ? [[name, topicId] as const] : []))
}

async function learnInto (
  ids: Map<string, string>, cluster: ClusterAdmin, topics: readonly string[]
): Promise<void> {
  for (const [name, id] of await topicIdsOf(cluster, [...new Set(topics)])) ids.set(name, id)
}
