// A cluster for flow/ that answers from memory, as far as flow/ asks; and a progress topic in it,
// read and written in the order of the calls.
import type {
  ClusterAdmin, ListedOffset, NewTopic, TopicDescription, TopicResult, WantedOffset
} from '../../../src/orchestrator/cluster/cluster-admin.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import type { ProgressRecord } from '../../../src/orchestrator/progress/progress.ts'
import type {
  ProgressStore, SlotRange, SlotRecord
} from '../../../src/orchestrator/progress/progress-store.ts'

export class FakeCluster {
  readonly cluster = 'west'
  readonly created: NewTopic[] = []
  /** Partition counts by topic. */
  readonly topics = new Map<string, number>()
  /** End offsets by `topic/partition`; 0 where not named, absent topics fail. */
  readonly ends = new Map<string, bigint>()
  readonly starts = new Map<string, bigint>()
  createError: ReplicatorError | undefined
  /** Every request fails with it. */
  error: ReplicatorError | undefined
  readonly #ids = new Map<string, string>()
  #nextProducerId = 1000n
  #nextTopicId = 1

  admin (): ClusterAdmin {
    return this as unknown as ClusterAdmin
  }

  /** Creates the topic, or deletes it first if there is one: it gets a new id. */
  addTopic (name: string, partitions: number): void {
    this.topics.set(name, partitions)
    this.#ids.set(name, `${name}-id-${this.#nextTopicId++}`)
  }

  async describeTopics (names: readonly string[]): Promise<readonly TopicDescription[]> {
    this.#answer()
    return names.map(name => {
      const count = this.topics.get(name)
      const error = count === undefined
        ? new ReplicatorError('UNKNOWN_TOPIC_OR_PARTITION', name)
        : undefined
      const partitions = Array.from({ length: count ?? 0 }, (_, id) => ({ id }))
      const topicId = this.#ids.get(name) ?? null
      return { name, partitions, error, topicId } as unknown as TopicDescription
    })
  }

  async createTopics (topics: readonly NewTopic[]): Promise<readonly TopicResult[]> {
    this.created.push(...topics)
    return topics.map(({ name, partitions }) => {
      if (this.createError !== undefined) return { name, error: this.createError }
      this.topics.set(name, partitions)
      return { name } as TopicResult
    })
  }

  async listOffsets (wanted: readonly WantedOffset[]): Promise<readonly ListedOffset[]> {
    this.#answer()
    return wanted.map(({ topic, partition, at }) => {
      const key = `${topic}/${partition}`
      const offset = (at === 'earliest' ? this.starts : this.ends).get(key) ?? 0n
      return (this.topics.has(topic)
        ? { topic, partition, offset }
        : {
            topic,
            partition,
            offset: -1n,
            error: new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', topic)
          }) as unknown as ListedOffset
    })
  }

  #answer (): void {
    if (this.error !== undefined) throw this.error
  }

  async initProducerId (): Promise<{ producerId: bigint, producerEpoch: number }> {
    return { producerId: this.#nextProducerId++, producerEpoch: 0 }
  }
}

/** Behaves as ProgressStore does, over a list. */
export class FakeProgressStore {
  readonly written: SlotRecord[] = []
  /** Called before each write, for what another process does in between, or to fail it. */
  beforeWrite: () => void | Promise<void> = () => {}
  readonly #cluster: FakeCluster
  readonly #topic: string

  constructor (cluster: FakeCluster, topic: string) {
    this.#cluster = cluster
    this.#topic = topic
  }

  store (): ProgressStore {
    return this as unknown as ProgressStore
  }

  /** As another process would. */
  append (...records: readonly SlotRecord[]): void {
    for (const { slot } of records) {
      const key = `${this.#topic}/${slot}`
      this.#cluster.ends.set(key, (this.#cluster.ends.get(key) ?? 0n) + 1n)
    }
    this.written.push(...records)
  }

  async write (records: readonly SlotRecord[]): Promise<void> {
    await this.beforeWrite()
    this.append(...records)
  }

  async restore (slots: readonly SlotRange[]): Promise<readonly ProgressRecord[]> {
    const producers: ProgressRecord[] = []
    const newest = new Map<string, ProgressRecord>()
    for (const { slot, start, end } of slots) {
      const held = this.written.filter(record => record.slot === slot)
      for (const { record } of held.slice(Number(start), Number(end))) {
        if (record.kind === 'producer') producers.push(record)
        else newest.set(`${record.source.topic}/${record.source.partition}`, record)
      }
    }
    return [...producers, ...newest.values()]
  }
}
