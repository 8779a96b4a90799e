// Keeps progress in the progress topic on the target cluster: reads the contents of a slot, writes
// the changes. Between two readings it knows the contents from its own acknowledged writes, so that
// the second reading begins at the end of the first.
import type { ClusterClient } from '../config/client-properties.ts'
import { TopicReader } from '../cluster/topic-reader.ts'
import { TopicWriter, type OutgoingRecord } from '../cluster/topic-writer.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Log } from '../observability/log.ts'
import type { Clock } from '../time/clock.ts'
import { HistoryInterval } from './history-interval.ts'
import { WrittenOffsetMaps } from './offset-map-record.ts'
import {
  encodeFirstLook, encodeFound, encodeHistory, encodeMissing, encodeOffsetMap, encodePosition,
  encodeProducer, encodeTombstones, type EncodedRecord, type FlowProducer
} from './progress-record.ts'
import type { ProducerIdentity, Progress, TopicPartition } from './progress.ts'
import { SlotContents, type SlotProgress } from './slot-contents.ts'

export interface ProgressStoreOptions {
  readonly topic: string
  /** Of the target cluster. */
  readonly client: ClusterClient
  /** The flow's consumer group. */
  readonly group: string
  /** How long a write may be unacknowledged, and a read may be stalled. */
  readonly timeoutMs: number
  readonly log: Log
  readonly clock: Clock
}

export type ProgressRecord =
  | { readonly kind: 'producer', readonly producer: FlowProducer }
  | {
    readonly kind: 'partition'
    readonly source: TopicPartition
    readonly progress: Progress
    /** The producer id that `progress.sequence` belongs to. */
    readonly producerId: bigint
  }
  /** Partition counts of the source's topics when the flow first looked at the slot. */
  | { readonly kind: 'firstLook', readonly topics: ReadonlyMap<string, number> }
  /** The source has not had the topic-partition since `sinceMs` (epoch ms). */
  | { readonly kind: 'missing', readonly source: TopicPartition, readonly sinceMs: number }
  /** The source has the topic-partition again. */
  | { readonly kind: 'found', readonly source: TopicPartition }
  /** The topic-partition was deleted long ago: its records are removed. */
  | { readonly kind: 'gone', readonly source: TopicPartition }

export interface SlotRecord {
  readonly slot: number
  readonly record: ProgressRecord
}

export class ProgressStore {
  readonly #options: ProgressStoreOptions
  readonly #reader: TopicReader
  readonly #writer: TopicWriter
  readonly #history: HistoryInterval
  readonly #offsetMaps = new WrittenOffsetMaps()
  readonly #slots = new Map<number, SlotContents>()
  /** One read a slot at a time. */
  readonly #reading = new Map<number, Promise<unknown>>()

  constructor (options: ProgressStoreOptions) {
    this.#options = options
    const { client, clock, group, log, timeoutMs, topic } = options
    this.#history = new HistoryInterval(clock)
    this.#writer = new TopicWriter({ topic, client, timeoutMs, clock })
    this.#reader = new TopicReader({
      topic,
      client,
      group,
      standstillMs: timeoutMs,
      clock,
      onSlow: (slot, atOffset, end, others) => {
        const more = others === 0 ? '' : `, and ${others} other slots`
        log.info({ slot, atOffset: String(atOffset), end: String(end), others },
          `reading progress of slot ${slot}: offset ${atOffset} of ${end}${more}`)
      }
    })
  }

  /** The contents of the slot at the time of the call. */
  async read (slot: number, signal?: AbortSignal): Promise<SlotProgress> {
    return await this.#read(slot, contents => contents.progress(), signal)
  }

  async #read<Result> (
    slot: number, take: (contents: SlotContents) => Result, signal: AbortSignal | undefined
  ): Promise<Result> {
    const before = this.#reading.get(slot)
    const reading = (async () => {
      await before?.catch(() => {})
      return await this.#readOnce(slot, take, signal)
    })()
    this.#reading.set(slot, reading)
    try {
      return await reading
    } catch (thrown) {
      if (signal?.aborted === true) throw thrown
      throw this.#failed('PROGRESS_UNREADABLE', thrown)
    } finally {
      if (this.#reading.get(slot) === reading) this.#reading.delete(slot)
    }
  }

  /** Resolves once all are acknowledged. If one fails it rejects; others may have been written. */
  async write (records: readonly SlotRecord[], signal?: AbortSignal): Promise<void> {
    await this.#writeAll(records.flatMap(({ record, slot }) =>
      this.#encode(record).map(({ key, value }) => ({ partition: slot, key, value }))), signal)
    for (const { record } of records) {
      if (record.kind === 'partition') {
        this.#history.written(record.source, record.progress)
        this.#offsetMaps.written(record.source, record.progress)
      }
      if (record.kind === 'gone') {
        this.#history.forget(record.source)
        this.#offsetMaps.forget(record.source)
      }
    }
  }

  async #writeAll (
    outgoing: readonly OutgoingRecord[], signal: AbortSignal | undefined
  ): Promise<void> {
    try {
      const offsets = await this.#writer.write(outgoing, signal)
      for (const [i, { key, partition, value }] of outgoing.entries()) {
        this.#slots.get(partition)?.takeWritten(key, value, offsets[i] ?? -1n)
      }
    } catch (thrown) {
      if (signal?.aborted === true) throw thrown
      throw this.#failed('PROGRESS_UNWRITABLE', thrown)
    }
  }

  /** The slot's records beside progress that were not returned before, oldest first. */
  async readOthers (slot: number, signal?: AbortSignal): Promise<readonly EncodedRecord[]> {
    return await this.#read(slot, contents => contents.takeOthers(), signal)
  }

  /** Whether a reading since the last call has shown that the topic was recreated. */
  takeRecreated (): boolean {
    // Of every slot: one recreation must not be reported once for each slot.
    return [...this.#slots.values()].filter(contents => contents.takeRecreated()).length > 0
  }

  async writeOthers (
    slot: number, records: readonly EncodedRecord[], signal?: AbortSignal
  ): Promise<void> {
    await this.#writeAll(records.map(({ key, value }) => ({ partition: slot, key, value })), signal)
  }

  /** Another process may own the slot and write to it: the next reading begins at its start. */
  forget (slot: number): void {
    this.#slots.delete(slot)
  }

  /** The topic was recreated: it holds no record that was written before. */
  reset (): void {
    this.#slots.clear()
    this.#history.clear()
    this.#offsetMaps.clear()
  }

  /** Idempotent. */
  async close (): Promise<void> {
    await Promise.all([this.#reader.close(), this.#writer.close()])
  }

  async #readOnce<Result> (
    slot: number, take: (contents: SlotContents) => Result, signal: AbortSignal | undefined
  ): Promise<Result> {
    const contents = this.#slots.get(slot) ?? new SlotContents()
    this.#slots.set(slot, contents)
    let end: bigint | undefined
    try {
      end = await this.#reader.read(slot, contents.beginReading(), (key, value, offset) => {
        contents.take(key, value, offset)
      }, signal)
    } finally {
      contents.endReading(end)
    }
    try {
      return take(contents)
    } catch (thrown) {
      const error = ReplicatorError.from(thrown)
      throw new ReplicatorError(error.row, `slot ${slot}, ${error.detail}`, { cause: error })
    }
  }

  /** The position last: it counts only with the history and the offset map of its era. */
  #encode (record: ProgressRecord): readonly EncodedRecord[] {
    switch (record.kind) {
      case 'producer': return [encodeProducer(record.producer)]
      case 'firstLook': return encodeFirstLook(record.topics)
      case 'missing': return [encodeMissing(record)]
      case 'found': return [encodeFound(record.source)]
      case 'gone': return encodeTombstones(record.source)
      case 'partition': {
        const { producerId, progress, source } = record
        const position = encodePosition(source, progress, producerId)
        return [
          ...this.#history.isDue(source, progress) ? [encodeHistory(source, progress)] : [],
          ...this.#offsetMaps.isDue(source, progress) ? [encodeOffsetMap(source, progress)] : [],
          position
        ]
      }
    }
  }

  #failed (name: 'PROGRESS_UNREADABLE' | 'PROGRESS_UNWRITABLE', thrown: unknown): ReplicatorError {
    const error = ReplicatorError.from(thrown)
    // The topic and its permissions are well if the cluster does not answer at all.
    if (error.errorName === 'CLOSED' || error.errorName === 'CLUSTER_UNREACHABLE') return error
    const { group } = this.#options
    if (error.errorName === 'GROUP_AUTHORIZATION_FAILED') {
      return new ReplicatorError(error.row, `group ${group}: ${error.detail}`, { cause: error })
    }
    const isNamed = error.errorName.startsWith('PROGRESS_')
    return new ReplicatorError(isNamed ? error.row : name,
      `${this.#options.topic}: ${isNamed ? error.detail : error.message}`, { cause: error })
  }
}

/**
 * The positions of the partitions of these slots, by partitionKey: only those of this producer id.
 */
export async function restoreSlots (
  store: Pick<ProgressStore, 'read'>, slots: readonly number[], { producerId }: ProducerIdentity,
  signal?: AbortSignal
): Promise<ReadonlyMap<string, Progress>> {
  const read = await Promise.all(slots.map(async slot => await store.read(slot, signal)))
  // A sequence belongs to one producer id: with another id there is no position to resume at.
  return new Map(read.flatMap(({ partitions }) => [...partitions]
    .filter(([, each]) => each.producerId === producerId)
    .map(([name, { progress }]): [string, Progress] => [name, progress])))
}
