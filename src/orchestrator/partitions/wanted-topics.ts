// Which topics the flow must mirror, by the newest listing of both clusters; and which mirrored
// partitions were deleted or are no longer wanted. A broker with outdated metadata may omit a topic
// for a moment, so one listing alone never decides that a topic was deleted; the filter, which may
// change while the flow runs, decides at once.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { TopicProblemSnapshot } from '../observability/snapshot.ts'
import { partitionKey, type TopicPartition } from '../progress/progress.ts'
import type { TopicSyncResult } from '../topics/topic-sync.ts'

export interface WantedTopic {
  readonly topic: string
  readonly remoteTopic: string
  /** Of the source. */
  readonly partitions: number
  /** How many of the partitions can be mirrored. */
  readonly usable: number
  /** Why the other partitions cannot be mirrored. */
  readonly error: ReplicatorError
}

/** The result of listing the topics of both clusters. */
export type TopicLook =
  Pick<TopicSyncResult, 'topics' | 'planned' | 'problems' | 'onSource' | 'leftOut'>

/**
 * Between two checks for a topic that both must report as missing. Metadata reach all brokers
 * sooner.
 */
const goneMs = 5_000

export class WantedTopics {
  readonly #remoteTopicOf: (topic: string) => string
  #topics: ReadonlyMap<string, WantedTopic> = new Map()
  /** Undefined: the topics have changed since `problems` was read. */
  #problems: readonly TopicProblemSnapshot[] | undefined
  #version = 0
  /**
   * Partitions that the newest listings did not include, with the time of the first such listing.
   */
  #unwantedSince: ReadonlyMap<string, number> = new Map()
  /** Since when the source has reported that it does not have the topic. */
  readonly #missingSince = new Map<string, number>()

  constructor (remoteTopicOf: (topic: string) => string) {
    this.#remoteTopicOf = remoteTopicOf
  }

  /** Changes whenever the wanted topics may have changed. */
  get version (): number { return this.#version }

  values (): Iterable<WantedTopic> { return this.#topics.values() }

  get (topic: string): WantedTopic | undefined { return this.#topics.get(topic) }

  /** Returns which of `mirrored` are no longer wanted. */
  update<Partition extends TopicPartition> (
    look: TopicLook, mirrored: readonly Partition[], nowMs: number
  ): readonly Partition[] {
    this.#replace(this.#merged(look))
    const unwanted = mirrored.filter(({ partition, topic }) =>
      partition >= (this.#topics.get(topic)?.partitions ?? 0))
    const since = new Map(unwanted.map(partition => {
      const key = partitionKey(partition)
      return [key, this.#unwantedSince.get(key) ?? nowMs]
    }))
    this.#unwantedSince = since
    const atOnce = new Set([...look.leftOut, ...look.problems.filter(({ mustStop }) => mustStop)]
      .map(({ topic }) => topic))
    return unwanted.filter(partition => atOnce.has(partition.topic) ||
      nowMs - (since.get(partitionKey(partition)) ?? nowMs) >= goneMs)
  }

  /** Of topics whose partition count is unknown. The same array until the topics change. */
  get problems (): readonly TopicProblemSnapshot[] {
    return this.#problems ??= [...this.#topics.values()].flatMap(({ error, partitions, topic }) =>
      partitions === 0 ? [{ topic, reason: error.message }] : [])
  }

  /** Partitions that the newest listing did not include: check them before the next listing. */
  suspects<Partition extends TopicPartition> (
    mirrored: Iterable<Partition>
  ): readonly Partition[] {
    if (this.#unwantedSince.size === 0 && this.#missingSince.size === 0) return []
    return [...mirrored].filter(partition => this.#unwantedSince.has(partitionKey(partition)) ||
      this.#missingSince.has(partition.topic))
  }

  /**
   * Call it after the source was asked about these partitions: returns those that the source has
   * reported as missing for `goneMs`.
   */
  gone<Partition extends TopicPartition> (
    asked: readonly Partition[], missing: ReadonlySet<string>, nowMs: number
  ): readonly Partition[] {
    for (const { topic } of asked) {
      if (!missing.has(topic)) this.#missingSince.delete(topic)
      else if (!this.#missingSince.has(topic)) this.#missingSince.set(topic, nowMs)
    }
    return asked.filter(({ topic }) => nowMs - (this.#missingSince.get(topic) ?? nowMs) >= goneMs)
  }

  /**
   * The source topic has only this many partitions. Further partitions, or the whole topic if the
   * count is 0, do not begin until a listing of all topics includes them.
   */
  limit (topic: string, count: number): void {
    this.#replace(new Map([...this.#topics].flatMap(([name, wanted]) => {
      if (name !== topic) return [[name, wanted] as const]
      const { partitions, usable } = wanted
      if (partitions === 0) return [[name, wanted] as const] // its problem is still to be shown
      const limited = { partitions: Math.min(partitions, count), usable: Math.min(usable, count) }
      return count === 0 ? [] : [[name, { ...wanted, ...limited }] as const]
    })))
    this.#missingSince.delete(topic)
  }

  #replace (topics: ReadonlyMap<string, WantedTopic>): void {
    this.#topics = topics
    this.#problems = undefined
    this.#version++
  }

  #merged ({ planned, problems, topics }: TopicLook): ReadonlyMap<string, WantedTopic> {
    const usable = new Map(topics.map(({ partitions, topic }) => [topic, partitions]))
    const errors = new Map(problems.map(({ error, topic }) => [topic, error]))
    const unplanned = problems.map(({ mustStop, sourcePartitions = 0, topic }) => ({
      topic,
      remoteTopic: this.#remoteTopicOf(topic),
      // If a cluster did not list the topic, its partition count is unchanged.
      sourcePartitions: mustStop === true
        ? 0
        : Math.max(sourcePartitions, this.#topics.get(topic)?.partitions ?? 0)
    }))
    return new Map([...unplanned, ...planned].map(
      ({ remoteTopic, sourcePartitions: partitions, topic }): [string, WantedTopic] => [topic, {
        topic,
        remoteTopic,
        partitions,
        usable: usable.get(topic) ?? 0,
        error: errors.get(topic) ?? notCreatedYet(remoteTopic)
      }]))
  }
}

/** The process that owns the first partition of a topic creates its remote topic. */
function notCreatedYet (remoteTopic: string): ReplicatorError {
  return new ReplicatorError('TARGET_PARTITION_MISSING',
    `${remoteTopic}: the process that is to create it has not done so yet`)
}
