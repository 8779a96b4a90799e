// Reads ranges of partitions record by record, with node-rdkafka on the main thread. For commands
// that examine records; a mirror reads batches in its lanes.
import { createHash } from 'node:crypto'
import type { KafkaConsumer, Message } from 'node-rdkafka'
import type { ClusterClient } from '../config/client-properties.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import type { Isolation } from './cluster-admin.ts'
import { orUnreachable } from './cluster-error.ts'
import {
  clientError, connect, createReadingConsumer, disconnect, poll, rememberAllDown, type AllDown
} from './kafka-client.ts'

export interface LogReaderOptions {
  /** Of the cluster. */
  readonly client: ClusterClient
  /**
   * The client never joins this group, but librdkafka asks for its coordinator: needs READ on it.
   */
  readonly group: string
  readonly isolation: Isolation
  /** A reading fails if it receives no record for this long; its total duration is not limited. */
  readonly standstillMs: number
  readonly clock: Clock
}

export interface Stretch {
  readonly topic: string
  readonly partition: number
  readonly from: bigint
  /** The offset after the last record. */
  readonly end: bigint
}

export interface LogRecord {
  readonly offset: bigint
  readonly timestampMs: number
  /** Of timestamp, key, value and headers; null and empty differ. */
  readonly digest: string
}

const pollMs = 50
const recordsPerPoll = 2_000
// The limit of records that are prefetched and not yet consumed, for one partition and for all.
const prefetchKilobytes = 8 * 1024

export class LogReader {
  readonly #options: LogReaderOptions
  #consumer: Promise<KafkaConsumer> | undefined
  #allDown: AllDown = { error: undefined }

  constructor (options: LogReaderOptions) {
    this.#options = options
  }

  /**
   * Calls `take` with each record from `from` on, in order, until it returns false or the end is
   * reached. One reading at a time. Offsets without a record (compaction, markers) are skipped.
   */
  async read (
    stretch: Stretch, take: (record: LogRecord) => boolean, signal?: AbortSignal
  ): Promise<void> {
    if (stretch.from >= stretch.end) return
    const consumer = await this.#connected()
    await this.#readFrom(consumer, stretch, take, signal)
  }

  /** Idempotent. */
  async close (): Promise<void> {
    const consumer = await this.#consumer?.catch(() => undefined)
    this.#consumer = undefined
    if (consumer !== undefined) await disconnect(consumer)
  }

  async #readFrom (
    consumer: KafkaConsumer, { end, from, partition, topic }: Stretch,
    take: (record: LogRecord) => boolean, signal: AbortSignal | undefined
  ): Promise<void> {
    const { client, clock, standstillMs } = this.#options
    let next = from
    let isDone = false
    let failure: unknown
    const toError = (thrown: unknown): ReplicatorError =>
      this.#errorOf(thrown, topic, `reading ${topic}-${partition} from offset ${next}`)
    const onRecord = (record: Message): void => {
      const offset = BigInt(record.offset)
      if (isDone || record.topic !== topic || record.partition !== partition) return
      if (offset >= end) isDone = true
      else isDone = !take(toLogRecord(record))
      next = offset + 1n
    }
    const onEnd = (at: { topic: string, partition: number, offset: number }): void => {
      if (at.topic === topic && at.partition === partition && BigInt(at.offset) > next) {
        next = BigInt(at.offset)
      }
    }
    consumer.on('data', onRecord)
    consumer.on('partition.eof', onEnd)
    consumer.assign([{ topic, partition, offset: Number(from) }])
    try {
      for (let movedMs = clock.monotonic(), before = next; !isDone && next < end;) {
        signal?.throwIfAborted()
        await poll(consumer, recordsPerPoll, toError).catch((thrown: unknown) => {
          failure = thrown
          if (!ReplicatorError.from(thrown).retriable) throw thrown
        })
        if (next !== before) {
          [movedMs, before] = [clock.monotonic(), next]
          this.#allDown.error = undefined
        }
        if (clock.monotonic() - movedMs > standstillMs) {
          throw orUnreachable(client, new ReplicatorError('TIMED_OUT',
            `reading ${topic}-${partition}: nothing arrived for ${standstillMs} ms, ` +
            `next is offset ${next} of ${end}`, { cause: failure }), this.#allDown.error)
        }
      }
    } catch (thrown) {
      throw toError(thrown)
    } finally {
      consumer.off('data', onRecord)
      consumer.off('partition.eof', onEnd)
      consumer.unassign()
    }
  }

  #errorOf (thrown: unknown, topic: string, doing: string): ReplicatorError {
    const { client: { cluster }, group } = this.#options
    const error = clientError(thrown, `cluster ${cluster}: ${doing}`, `READ on the topic ${topic}`)
    return error.errorName === 'GROUP_AUTHORIZATION_FAILED'
      ? clientError(thrown, `cluster ${cluster}: ${doing}: group ${group}`,
        `DESCRIBE on the group ${group}`)
      : error
  }

  async #connected (): Promise<KafkaConsumer> {
    this.#consumer ??= this.#open()
    return await this.#consumer
  }

  async #open (): Promise<KafkaConsumer> {
    const { client, group, isolation, standstillMs } = this.#options
    const consumer = createReadingConsumer(
      { client, group, isolation, pollMs, prefetchKilobytes })
    // Other errors are of connections that open and close; the reading reports that it stalls.
    this.#allDown = rememberAllDown(consumer, client)
    await connect(consumer, standstillMs, client, 'client that reads records')
    return consumer
  }
}

function toLogRecord ({ headers, key, offset, timestamp, value }: Message): LogRecord {
  const hash = createHash('sha1')
  const add = (part: Buffer | string | null | undefined): void => {
    const bytes = part === null || part === undefined ? undefined : Buffer.from(part)
    hash.update(`${bytes?.length ?? -1};`)
    if (bytes !== undefined) hash.update(bytes)
  }
  add(String(timestamp))
  add(key)
  add(value)
  for (const header of headers ?? []) {
    for (const [name, content] of Object.entries(header)) {
      add(name)
      add(content as Buffer | string | null)
    }
  }
  return {
    offset: BigInt(offset),
    timestampMs: timestamp ?? -1,
    digest: hash.digest('base64').slice(0, digestLength)
  }
}

/** 96 bits: no two different records of a range have the same digest by chance. */
const digestLength = 16
