// The contents of one slot of the progress topic, as far as this process has read or written them:
// the newest record of each key, and every record of the producer id, in the order of the log.
import { ReplicatorError } from '../errors/replicator-error.ts'
import { withOffsetMap, type OffsetMapOnRecord } from './offset-map-record.ts'
import {
  decodeKey, decodeProgress, withHistory, type EncodedRecord, type FlowProducer,
  type HistoryOnRecord, type MissingOnRecord, type ProgressEntry
} from './progress-record.ts'
import { partitionKey, type Progress, type TopicPartition } from './progress.ts'

export interface PartitionOnRecord {
  readonly source: TopicPartition
  readonly progress: Progress
  /** The producer id that `progress.sequence` belongs to. */
  readonly producerId: bigint
}

export interface SlotProgress {
  /** Several processes may have written one at the same time: the first record counts. */
  readonly producers: readonly FlowProducer[]
  /** By partitionKey. */
  readonly partitions: ReadonlyMap<string, PartitionOnRecord>
  /** Topic-partitions that the source did not have at the last look (progress-retention.ts). */
  readonly missing: readonly MissingOnRecord[]
  /** Partition counts of the topics that the source had at the first look; absent: none yet. */
  readonly firstLook?: ReadonlyMap<string, number>
}

interface RawRecord {
  readonly key: Buffer
  readonly value: Buffer | null
  readonly offset: bigint
}

type Position = Extract<ProgressEntry, { kind: 'position' }>

export class SlotContents {
  #next: bigint | undefined
  #isBeingRead = false
  /** Whether the present reading has returned a record. */
  #hasTaken = false
  #isRecreated = false
  /** Not decoded yet: a long reading returns mostly records that later ones replace. */
  readonly #raw = new Map<string, RawRecord>()
  readonly #rawProducers: RawRecord[] = []
  readonly #producers: FlowProducer[] = []
  readonly #positions = new Map<string, Position>()
  readonly #histories = new Map<string, HistoryOnRecord>()
  readonly #offsetMaps = new Map<string, OffsetMapOnRecord>()
  readonly #missing = new Map<string, MissingOnRecord>()
  /** The newest records since the last takeOthers() under keys that are not progress. */
  readonly #others = new Map<string, EncodedRecord>()
  readonly #firstLook = new Map<number, ReadonlyMap<string, number>>()

  /** Where the next reading begins; undefined: at the start of the log. */
  get next (): bigint | undefined { return this.#next }

  /** Returns where the reading begins. One reading at a time, which ends with endReading(). */
  beginReading (): bigint | undefined {
    this.#isBeingRead = true
    this.#hasTaken = false
    return this.#next
  }

  /** A record that was read. An offset that was read before shows that the topic was recreated. */
  take (key: Buffer | null, value: Buffer | null, offset: bigint): void {
    if (offset < (this.#next ?? 0n)) this.#clear()
    this.#next = offset + 1n
    this.#hasTaken = true
    if (key === null) return
    const record = { key, value, offset }
    const name = key.toString('latin1')
    if (name === producerKey) this.#rawProducers.push(record)
    else this.#raw.set(name, record)
  }

  /**
   * A record of this process that was acknowledged. If it follows records that were not read (of
   * another process, or of a retry), the next reading returns it. A reading under way may return
   * it, too: a record that arrives twice would look like a record of a recreated topic.
   */
  takeWritten (key: Buffer, value: Buffer | null, offset: bigint): void {
    if (!this.#isBeingRead && offset === this.#next) this.take(key, value, offset)
  }

  /**
   * Everything below `end` was read; compaction may have removed the last records before it.
   * Undefined: the reading failed, and the next reading continues after the records that it
   * returned. A reading also returns records that other processes append after `end` while it runs.
   * A reading that returns no record and ends before the last known record shows that the topic was
   * recreated.
   */
  endReading (end: bigint | undefined): void {
    this.#isBeingRead = false
    if (end === undefined) return
    if (!this.#hasTaken && end < (this.#next ?? 0n)) this.#clear()
    if (this.#next === undefined || end > this.#next) this.#next = end
  }

  /** Whether a reading since the last call has shown that the topic was recreated. */
  takeRecreated (): boolean {
    const isRecreated = this.#isRecreated
    this.#isRecreated = false
    return isRecreated
  }

  /** Throws if a record cannot be decoded: it may be the position of a partition. */
  progress (): SlotProgress {
    this.#decodeAll()
    const partitions = [...this.#positions].map(([name, position]): [string, PartitionOnRecord] => {
      const { producerId, source } = position
      const progress = withOffsetMap(
        withHistory(position.progress, this.#histories.get(name)), this.#offsetMaps.get(name))
      return [name, { source, progress, producerId }]
    })
    const firstLook = [...this.#firstLook.values()].flatMap(part => [...part])
    return {
      producers: [...this.#producers],
      partitions: new Map(partitions),
      missing: [...this.#missing.values()],
      ...this.#firstLook.size === 0 ? {} : { firstLook: new Map(firstLook) }
    }
  }

  /**
   * Records that are not progress (control records, members), each once, oldest first. Throws if a
   * record cannot be decoded.
   */
  takeOthers (): readonly EncodedRecord[] {
    this.#decodeAll()
    const others = [...this.#others.values()]
    this.#others.clear()
    return others
  }

  #decodeAll (): void {
    // A damaged record must stay in the list: all are decoded before the list is emptied.
    const ofProducers = this.#rawProducers.map(decode)
    this.#rawProducers.length = 0
    for (const entry of ofProducers) {
      if (entry?.kind === 'producer') this.#producers.push(entry.producer)
    }
    for (const [name, record] of this.#raw) {
      this.#apply(record)
      this.#raw.delete(name)
    }
  }

  #apply (record: RawRecord): void {
    const entry = decode(record)
    if (decodeKey(record.key) === undefined) {
      const name = record.key.toString('latin1')
      this.#others.delete(name) // the newest goes to the end
      this.#others.set(name, record)
    }
    if (entry?.kind === 'position') this.#positions.set(partitionKey(entry.source), entry)
    if (entry?.kind === 'history') this.#histories.set(partitionKey(entry.source), entry.history)
    if (entry?.kind === 'offsets') this.#offsetMaps.set(partitionKey(entry.source), entry.offsets)
    if (entry?.kind === 'missing') this.#missing.set(partitionKey(entry.source), entry)
    if (entry?.kind === 'firstLook') this.#firstLook.set(entry.part, entry.topics)
    const gone = record.value === null ? decodeKey(record.key) : undefined
    if (gone?.kind === 'position') this.#positions.delete(partitionKey(gone.source))
    if (gone?.kind === 'history') this.#histories.delete(partitionKey(gone.source))
    if (gone?.kind === 'offsets') this.#offsetMaps.delete(partitionKey(gone.source))
    if (gone?.kind === 'missing') this.#missing.delete(partitionKey(gone.source))
  }

  #clear (): void {
    this.#isRecreated = true
    this.#next = undefined
    this.#raw.clear()
    this.#rawProducers.length = 0
    this.#producers.length = 0
    this.#positions.clear()
    this.#histories.clear()
    this.#offsetMaps.clear()
    this.#missing.clear()
    this.#firstLook.clear()
    this.#others.clear()
  }
}

const producerKey = '{"producer":true}'

const mendDamaged = 'Write a tombstone (a record with this key and without a value) to the ' +
  'partition of the progress topic that has the number of the slot. If the key holds nothing but ' +
  'a topic and a partition, that partition then begins as start.positions and target.not.empty ' +
  'say, or where longhaul offsets import sets it'

function decode ({ key, offset, value }: RawRecord): ProgressEntry | undefined {
  try {
    return decodeProgress(key, value)
  } catch (thrown) {
    const error = ReplicatorError.from(thrown)
    const isDamaged = error.errorName === 'PROGRESS_UNREADABLE'
    throw new ReplicatorError(error.row, `offset ${offset}: ${error.detail}`,
      { cause: error, ...isDamaged ? { action: mendDamaged } : {} })
  }
}
