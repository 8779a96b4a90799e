// A cluster that answers the requests of flow/ from memory; and a progress topic in it, which is
// read and written in the order of the calls.
import type {
  ClusterAdmin, ConfigAlteration, ConfigDescription, ConfigResource, ConfigResult, ListedOffset,
  NewTopic, TopicDescription, TopicResult, WantedOffset
} from '../../../src/orchestrator/cluster/cluster-admin.ts'
import { ReplicatorError } from '../../../src/orchestrator/errors/replicator-error.ts'
import {
  encodeFirstLook, encodeFound, encodeHistory, encodeMissing, encodePosition, encodeProducer,
  encodeTombstones, type EncodedRecord
} from '../../../src/orchestrator/progress/progress-record.ts'
import type {
  ProgressRecord, ProgressStore, SlotRecord
} from '../../../src/orchestrator/progress/progress-store.ts'
import {
  SlotContents, type SlotProgress
} from '../../../src/orchestrator/progress/slot-contents.ts'

export class FakeCluster {
  readonly cluster = 'west'
  readonly created: NewTopic[] = []
  /** Partition counts by topic. */
  readonly topics = new Map<string, number>()
  /** End offsets by `topic/partition`; 0 if not named; requests for absent topics fail. */
  readonly ends = new Map<string, bigint>()
  readonly starts = new Map<string, bigint>()
  /** Timestamps and offsets of records, by `topic/partition`. */
  readonly times = new Map<string, ReadonlyArray<readonly [timestamp: bigint, offset: bigint]>>()
  /** The number of requests by time that fail as librdkafka's do: with neither offset nor error. */
  unansweredTimes = 0
  createError: ReplicatorError | undefined
  /** The error of every request. */
  error: ReplicatorError | undefined
  readonly #ids = new Map<string, string>()
  /** Topics that the brokers do not report yet, although their leaders answer. */
  readonly #hidden = new Set<string>()
  /** The error of every topic. */
  readonly configs = new Map<string, string>()
  configError: ReplicatorError | undefined
  readonly altered: ConfigAlteration[] = []
  alterError: ReplicatorError | undefined
  #nextProducerId = 1000n
  #nextTopicId = 1

  admin (): ClusterAdmin {
    return this as unknown as ClusterAdmin
  }

  /** Creates the topic, or recreates it if it exists: then it has a new id. */
  addTopic (name: string, partitions: number): void {
    this.topics.set(name, partitions)
    this.#ids.set(name, `${name}-id-${this.#nextTopicId++}`)
  }

  /** As if it had never existed. */
  forgetTopic (name: string): void {
    this.topics.delete(name)
    this.#ids.delete(name)
  }

  /** As a broker that has not yet received the metadata of a new topic. */
  hideTopic (name: string): void { this.#hidden.add(name) }

  showTopics (): void { this.#hidden.clear() }

  async describeTopics (names: readonly string[]): Promise<readonly TopicDescription[]> {
    this.#answer()
    return names.map(name => {
      const count = this.#hidden.has(name) ? undefined : this.topics.get(name)
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

  async describeConfigs (
    resources: readonly ConfigResource[]
  ): Promise<readonly ConfigDescription[]> {
    const entries = [...this.configs].map(([name, value]) => ({ name, value }))
    return resources.map(resource =>
      ({ ...resource, entries, error: this.configError }) as unknown as ConfigDescription)
  }

  async incrementalAlterConfigs (
    alterations: readonly ConfigAlteration[]
  ): Promise<readonly ConfigResult[]> {
    this.altered.push(...alterations)
    return alterations.map(({ name, type }) => ({ type, name, error: this.alterError }))
  }

  async listOffsets (wanted: readonly WantedOffset[]): Promise<readonly ListedOffset[]> {
    this.#answer()
    return wanted.map(({ topic, partition, at }) => {
      const key = `${topic}/${partition}`
      const [timestamp, offset] = typeof at === 'bigint'
        ? this.#recordAt(key, at)
        : [-1n, (at === 'earliest' ? this.starts : this.ends).get(key) ?? 0n]
      return (this.topics.has(topic)
        ? { topic, partition, offset, timestamp }
        : {
            topic,
            partition,
            offset: -1n,
            error: new ReplicatorError('TOPIC_AUTHORIZATION_FAILED', topic)
          }) as unknown as ListedOffset
    })
  }

  #recordAt (key: string, timestamp: bigint): readonly [timestamp: bigint, offset: bigint] {
    if (this.unansweredTimes-- > 0) return [-1n, -1n]
    return this.times.get(key)?.find(([time]) => time >= timestamp) ?? [-1n, -1n]
  }

  #answer (): void {
    if (this.error !== undefined) throw this.error
  }

  async initProducerId (): Promise<{ producerId: bigint, producerEpoch: number }> {
    return { producerId: this.#nextProducerId++, producerEpoch: 0 }
  }
}

/** Behaves like ProgressStore, over a list. */
export class FakeProgressStore {
  readonly written: SlotRecord[] = []
  /** Called before each write: writes as another process would in between, or throws. */
  beforeWrite: () => void | Promise<void> = () => {}
  /** For example a slot whose partition has no leader. */
  readError: ((slot: number) => ReplicatorError | undefined) | undefined
  resets = 0

  store (): ProgressStore {
    return this as unknown as ProgressStore
  }

  /** Writes as another process would. */
  append (...records: readonly SlotRecord[]): void {
    this.written.push(...records)
  }

  async write (records: readonly SlotRecord[]): Promise<void> {
    await this.beforeWrite()
    this.append(...records)
  }

  async read (slot: number): Promise<SlotProgress> {
    const error = this.readError?.(slot)
    if (error !== undefined) throw error
    const contents = new SlotContents()
    let offset = 0n
    for (const { record, slot: of } of this.written) {
      if (of !== slot) continue
      for (const { key, value } of encodedRecords(record)) contents.take(key, value, offset++)
    }
    return contents.progress()
  }

  reset (): void {
    this.resets += 1
  }
}

function encodedRecords (record: ProgressRecord): readonly EncodedRecord[] {
  switch (record.kind) {
    case 'producer': return [encodeProducer(record.producer)]
    case 'firstLook': return encodeFirstLook(record.topics)
    case 'missing': return [encodeMissing(record)]
    case 'found': return [encodeFound(record.source)]
    case 'gone': return encodeTombstones(record.source)
    case 'partition': {
      const { producerId, progress, source } = record
      return [encodeHistory(source, progress), encodePosition(source, progress, producerId)]
    }
  }
}
