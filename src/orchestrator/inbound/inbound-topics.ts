// The flows that write into one cluster, as the progress topics there name them: each flow records
// its producer id in slot 0 of its progress topic before it sends the first batch. The results are
// kept: the next reading continues at the end of the last one, and an id stays known after its
// topic is deleted.
import type { ClusterAdmin, TopicDescription } from '../cluster/cluster-admin.ts'
import { TopicReader } from '../cluster/topic-reader.ts'
import type { ClusterClient } from '../config/client-properties.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { progressTopicPrefix } from '../policy/replication-policy.ts'
import { decodeKey, decodeProgress, type FlowProducer } from '../progress/progress-record.ts'
import type { Clock } from '../time/clock.ts'

export interface InboundTopicsOptions {
  readonly admin: Pick<ClusterAdmin, 'cluster' | 'describeTopics' | 'listTopics'>
  /** Of the same cluster. */
  readonly client: ClusterClient
  /** The flow's consumer group. */
  readonly group: string
  readonly timeoutMs: number
  readonly clock: Clock
  /** Receives every record of slot 0. */
  readonly onRecord?: (topic: string, record: SlotRecordRead) => void
  /** The reader of a topic, if a test replaces it. */
  readonly openReader?: (topic: string) => Pick<TopicReader, 'close' | 'read'>
}

export interface SlotRecordRead {
  readonly key: Buffer
  readonly value: Buffer | null
  /** The record's timestamp, epoch ms. */
  readonly atMs: number | undefined
  /** The record was in the topic before the first reading of the topic. */
  readonly isFirst: boolean
}

interface Topic {
  readonly reader: Pick<TopicReader, 'close' | 'read'>
  /** Null if the cluster has none (before Kafka 2.8). */
  id: string | null
  next: bigint | undefined
}

const producerSlot = 0
/**
 * No flow has this topic. A broker lists only topics that the principal may describe, so hidden
 * progress topics look absent, and records would loop. If the broker is asked for a topic by name,
 * it refuses a principal without permission to describe it, whether or not the topic exists.
 */
const probeTopic = `${progressTopicPrefix}probe`
/** Questions follow each other closely: a connection over a long link is kept for the next one. */
const idleMs = 60_000

export class InboundTopics {
  readonly #options: InboundTopicsOptions
  readonly #topics = new Map<string, Topic>()
  /** By topic and producer id. */
  readonly #producers = new Map<string, FlowProducer>()

  constructor (options: InboundTopicsOptions) {
    this.#options = options
  }

  /** All producers that were ever on record up to the time of the call. One reading at a time. */
  async read (signal?: AbortSignal): Promise<readonly FlowProducer[]> {
    const { admin } = this.#options
    try {
      const listed = (await admin.listTopics()).map(({ name }) => name)
        .filter(name => name.startsWith(progressTopicPrefix))
      const described = await admin.describeTopics([...listed, probeTopic])
      for (const [name, { reader }] of this.#topics) {
        if (listed.includes(name)) continue
        this.#topics.delete(name)
        await reader.close()
      }
      await Promise.all(described.map(async topic => { await this.#readTopic(topic, signal) }))
    } catch (thrown) {
      if (signal?.aborted === true) throw thrown
      throw unreadable(admin.cluster, ReplicatorError.from(thrown))
    }
    return [...this.#producers.values()]
  }

  /** The progress topics that the last reading found. */
  get names (): ReadonlySet<string> { return new Set(this.#topics.keys()) }

  /** Idempotent. */
  async close (): Promise<void> {
    const readers = [...this.#topics.values()].map(({ reader }) => reader)
    await Promise.all(readers.map(async reader => { await reader.close() }))
  }

  async #readTopic (
    { error, name, topicId }: TopicDescription, signal: AbortSignal | undefined
  ): Promise<void> {
    // The topic is the probe, or was deleted after it was listed.
    if (error?.errorName === 'UNKNOWN_TOPIC_OR_PARTITION') return
    if (error !== undefined) throw error
    if (name === probeTopic) return // somebody created it
    const topic = this.#topics.get(name) ??
      { reader: this.#open(name), id: topicId, next: undefined }
    this.#topics.set(name, topic)
    if (topic.id !== topicId) topic.next = undefined
    topic.id = topicId
    const isFirst = topic.next === undefined
    const { onRecord } = this.#options
    topic.next = await topic.reader.read(producerSlot, topic.next, (key, value, _offset, atMs) => {
      if (key === null) return
      this.#take(name, key, value)
      onRecord?.(name, { key, value, atMs, isFirst })
    }, signal)
  }

  #take (topic: string, key: Buffer, value: Buffer | null): void {
    if (decodeKey(key)?.kind !== 'producer') return
    const entry = decodeProgress(key, value)
    if (entry?.kind !== 'producer') return
    const name = `${topic} ${entry.producer.producerId}`
    this.#producers.set(name, joined(this.#producers.get(name), entry.producer))
  }

  #open (topic: string): Pick<TopicReader, 'close' | 'read'> {
    const { client, clock, group, openReader, timeoutMs } = this.#options
    return openReader?.(topic) ??
      new TopicReader({ topic, client, group, standstillMs: timeoutMs, idleMs, clock })
  }
}

/** A later record may omit fields of an earlier record: an older build wrote it. */
function joined (before: FlowProducer | undefined, now: FlowProducer): FlowProducer {
  if (before === undefined) return now
  const carried = [...new Set([...before.carried ?? [], ...now.carried ?? []])].sort()
  const keepsNames = before.keepsNames === true ? true : now.keepsNames ?? before.keepsNames
  return {
    ...before,
    ...now,
    ...carried.length === 0 ? {} : { carried },
    ...keepsNames === undefined ? {} : { keepsNames }
  }
}

function unreadable (cluster: string, error: ReplicatorError): ReplicatorError {
  if (error.errorName === 'CLOSED') return error
  return new ReplicatorError('INBOUND_UNREADABLE', `${cluster}: ${error.message}`, { cause: error })
}
