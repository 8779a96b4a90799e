// Reads partitions of one of Longhaul's compacted topics up to their present end, with node-rdkafka
// on the main thread. The client is opened for the first reading and closed after the last one.
//
// The end of a partition is requested first, as an offset (ListOffsets, by assigning at the end),
// and the reading is over once a Fetch has reached that offset. The end that a Fetch response
// reports would not do: a leader that was just elected briefly reports less than was acknowledged
// (KIP-207), and a partition whose position was missed would begin again. A Fetch response that
// ends before the requested end is of such a leader, or of a recreated topic: the end is requested
// again.
import { setMaxListeners } from 'node:events'
import type { KafkaConsumer, Message } from 'node-rdkafka'
import type { ClusterClient } from '../config/client-properties.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import { orUnreachable } from './cluster-error.ts'
import {
  clientError, connect, createReadingConsumer, disconnect, poll, rememberAllDown, withRefusal,
  type AllDown
} from './kafka-client.ts'

export interface TopicReaderOptions {
  readonly topic: string
  /** Of the cluster. */
  readonly client: ClusterClient
  /**
   * The client never joins this group, but librdkafka asks for its coordinator: needs READ on it.
   */
  readonly group: string
  /** A reading fails if it receives no record for this long; its total duration is not limited. */
  readonly standstillMs: number
  readonly clock: Clock
  /** How long the client stays connected for the next reading; 2 s by default. */
  readonly idleMs?: number
  /**
   * Called every few seconds while readings are slow: with one reading, and the number of others.
   */
  readonly onSlow?: (partition: number, atOffset: bigint, end: bigint, others: number) => void
}

/** Receives one record; `value` is null for a tombstone; `atMs`: its timestamp, if it has one. */
export type TakeRecord = (
  key: Buffer | null, value: Buffer | null, offset: bigint, atMs: number | undefined
) => void

interface Reading {
  readonly partition: number
  /** Undefined: from the start of the log. */
  from: bigint | undefined
  readonly take: TakeRecord
  readonly resolve: (end: bigint) => void
  readonly reject: (thrown: unknown) => void
  readonly stopListening: () => void
  state: 'waiting' | 'asking for the end' | 'reading'
  end: bigint
  /** The next offset to arrive. */
  next: bigint
  movedMs: number
  /** When the reading was last reported as slow, or when its end was known. */
  saidMs: number
}

// librdkafka's logical offsets, which node-rdkafka's types do not name.
const atBeginning = -2
const atEnd = -1

// A Fetch at the end of a log waits this long, and each reading waits for two of them.
const pollMs = 20
const recordsPerPoll = 5_000
const slowMs = 5_000
// librdkafka reports a missing topic once. A topic that was just created is known to all brokers of
// a healthy cluster within a second.
const missingMsMax = 5_000
// The limit of prefetched records, over all partitions; librdkafka's default of 64 MiB suits topics
// of any size.
const prefetchKilobytes = 16 * 1024
const missingErrors: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID', '_UNKNOWN_TOPIC', '_UNKNOWN_PARTITION'
])
// Readings follow each other closely when slots are acquired and their partitions begin.
const idleMsDefault = 2_000

export class TopicReader {
  readonly #options: TopicReaderOptions
  readonly #readings = new Map<number, Reading>()
  readonly #stopping = new AbortController()
  #working: Promise<void> | undefined
  #wake = new AbortController()
  /** The last retriable error, for the error text of a stalled reading. */
  #trouble: ReplicatorError | undefined
  #allDown: AllDown = { error: undefined }
  /** When the cluster last reported that the topic does not exist. */
  #missingSinceMs: number | undefined

  constructor (options: TopicReaderOptions) {
    this.#options = options
  }

  /**
   * Calls `take` with each record from `from` on, then resolves with the end of the partition. One
   * reading a partition at a time. If `signal` is aborted, the reading rejects with its reason.
   */
  async read (
    partition: number, from: bigint | undefined, take: TakeRecord, signal?: AbortSignal
  ): Promise<bigint> {
    if (this.#stopping.signal.aborted) throw this.#closed()
    signal?.throwIfAborted()
    // Node warns of the eleventh listener of a signal; a command reads all slots at once.
    if (signal !== undefined) setMaxListeners(Infinity, signal)
    if (this.#readings.has(partition)) throw new Error(`partition ${partition} is being read`)
    const now = this.#options.clock.monotonic()
    return await new Promise((resolve, reject) => {
      const onAbort = (): void => { this.#end(reading, signal?.reason) }
      const reading: Reading = {
        partition,
        from,
        take,
        resolve,
        reject,
        stopListening: () => { signal?.removeEventListener('abort', onAbort) },
        state: 'waiting',
        end: 0n,
        next: from ?? 0n,
        movedMs: now,
        saidMs: now
      }
      this.#readings.set(partition, reading)
      signal?.addEventListener('abort', onAbort)
      this.#wake.abort()
      this.#working ??= this.#work().finally(() => { this.#working = undefined })
    })
  }

  /** Idempotent. Readings under way reject with CLOSED. */
  async close (): Promise<void> {
    this.#stopping.abort()
    this.#wake.abort()
    this.#endAll(this.#closed())
    await this.#working
  }

  #closed (): ReplicatorError {
    return new ReplicatorError('CLOSED', `the reader of ${this.#options.topic}`)
  }

  async #work (): Promise<void> {
    const consumer = this.#createConsumer()
    try {
      const { client, standstillMs, topic } = this.#options
      await connect(consumer, standstillMs, client, `client that reads ${topic}`)
      while (await this.#hasWork()) await this.#round(consumer)
    } catch (thrown) {
      this.#endAll(thrown)
    } finally {
      await disconnect(consumer)
    }
    // A reading may have begun while the client was being closed.
    if (this.#readings.size > 0) await this.#work()
  }

  async #hasWork (): Promise<boolean> {
    if (this.#readings.size > 0) return true
    this.#wake = new AbortController()
    if (!this.#stopping.signal.aborted) {
      const { clock, idleMs = idleMsDefault } = this.#options
      await clock.sleep(idleMs, this.#wake.signal).catch(() => {})
    }
    return this.#readings.size > 0
  }

  #createConsumer (): KafkaConsumer {
    const { client, group } = this.#options
    const consumer = createReadingConsumer({ client, group, pollMs, prefetchKilobytes })
    // Connections that open and close; if they delay a reading, the reading reports the stall.
    const { topic } = this.#options
    this.#allDown = rememberAllDown(consumer, client)
    consumer.on('event.error', thrown => {
      this.#noteTrouble(withRefusal(consumer,
        clientError(thrown, `reading ${topic}`, `READ on the topic ${topic}`)))
    })
    consumer.on('data', (record: Message) => {
      const reading = this.#readings.get(record.partition)
      // Records after the end that arrive while the end is requested are not part of the reading.
      if (reading?.state !== 'reading') return
      const offset = BigInt(record.offset)
      reading.next = offset + 1n
      reading.movedMs = this.#options.clock.monotonic()
      this.#missingSinceMs = undefined
      this.#allDown.error = undefined
      reading.take(record.key as Buffer | null, record.value, offset, record.timestamp)
    })
    return consumer
  }

  async #round (consumer: KafkaConsumer): Promise<void> {
    const ends = new Map<number, bigint>()
    const onEnd = ({ partition, offset }: { partition: number, offset: number }): void => {
      ends.set(partition, BigInt(offset))
    }
    const { topic } = this.#options
    const fresh = [...this.#readings.values()].filter(({ state }) => state === 'waiting')
    for (const reading of fresh) reading.state = 'asking for the end'
    this.#reassign(consumer, fresh.map(({ partition }) =>
      ({ topic, partition, offset: atEnd })))
    consumer.on('partition.eof', onEnd)
    try {
      await poll(consumer, recordsPerPoll)
    } catch (thrown) {
      const error = ReplicatorError.from(thrown)
      if (!error.retriable) throw error
      this.#noteTrouble(error)
      await this.#options.clock.sleep(pollMs)
    } finally {
      consumer.off('partition.eof', onEnd)
    }
    // Only now, between two polls: otherwise a record of the previous assignment would count for
    // the next one.
    for (const [partition, offset] of ends) this.#atEnd(consumer, partition, offset)
    for (const reading of this.#readings.values()) {
      if (reading.state === 'reading' && reading.next >= reading.end) this.#end(reading, undefined)
    }
    this.#dropUnassigned(consumer)
    this.#findStandstill()
  }

  #noteTrouble (error: ReplicatorError): void {
    this.#trouble = error
    if (missingErrors.has(error.errorName)) {
      this.#missingSinceMs ??= this.#options.clock.monotonic()
    }
  }

  #atEnd (consumer: KafkaConsumer, partition: number, offset: bigint): void {
    const reading = this.#readings.get(partition)
    if (reading === undefined) return
    this.#missingSinceMs = undefined
    this.#allDown.error = undefined
    if (reading.state === 'reading') {
      if (offset >= reading.end) {
        this.#end(reading, undefined)
      } else {
        reading.from = reading.next
        reading.state = 'waiting'
      }
      return
    }
    // Not if the answer is the same again: otherwise a reading without progress would not end.
    if (reading.end !== offset) reading.movedMs = this.#options.clock.monotonic()
    reading.end = offset
    const { from } = reading
    // A recreated topic ends before the last reading of the deleted topic ended.
    const start = from === undefined || from > offset ? undefined : from
    if (offset === 0n || start === offset) {
      this.#end(reading, undefined)
      return
    }
    reading.state = 'reading'
    reading.saidMs = this.#options.clock.monotonic()
    reading.next = start ?? 0n
    const at = start === undefined ? atBeginning : Number(start)
    this.#reassign(consumer, [{ topic: this.#options.topic, partition, offset: at }])
  }

  #reassign (
    consumer: KafkaConsumer, wanted: Array<{ topic: string, partition: number, offset: number }>
  ): void {
    const held = new Set(consumer.assignments().map(({ partition }) => partition))
    const again = wanted.filter(({ partition }) => held.has(partition))
    if (again.length > 0) consumer.incrementalUnassign(again)
    if (wanted.length > 0) consumer.incrementalAssign(wanted)
  }

  #dropUnassigned (consumer: KafkaConsumer): void {
    const over = consumer.assignments().filter(({ partition }) => !this.#readings.has(partition))
    if (over.length > 0) consumer.incrementalUnassign(over)
  }

  #findStandstill (): void {
    const { client, clock, onSlow, standstillMs, topic } = this.#options
    const now = clock.monotonic()
    const slow: Reading[] = []
    const missingMs = this.#missingSinceMs === undefined ? 0 : now - this.#missingSinceMs
    for (const reading of this.#readings.values()) {
      const { end, movedMs, next, partition, saidMs, state } = reading
      if (Math.min(missingMs, now - movedMs) > missingMsMax) {
        this.#end(reading, new ReplicatorError('UNKNOWN_TOPIC_OR_PARTITION',
          `${topic}-${partition}, for ${missingMsMax} ms`, { cause: this.#trouble }))
      } else if (now - movedMs > standstillMs) {
        const trouble = this.#trouble === undefined ? '' : `; last error: ${this.#trouble.detail}`
        const stalled = new ReplicatorError('TIMED_OUT', `${state} of ${topic}-${partition}: ` +
          `nothing arrived for ${standstillMs} ms, next is offset ${next} of ${end}${trouble}`,
        { cause: this.#trouble })
        this.#end(reading, orUnreachable(client, stalled, this.#allDown.error))
      } else if (state === 'reading' && now - saidMs > slowMs) {
        slow.push(reading)
      }
    }
    const [first] = slow
    if (first === undefined) return
    for (const reading of slow) reading.saidMs = now
    onSlow?.(first.partition, first.next, first.end, slow.length - 1)
  }

  #end (reading: Reading, thrown: unknown): void {
    if (this.#readings.get(reading.partition) !== reading) return
    this.#readings.delete(reading.partition)
    reading.stopListening()
    if (thrown === undefined) reading.resolve(reading.end)
    else reading.reject(thrown)
  }

  #endAll (thrown: unknown): void {
    for (const reading of [...this.#readings.values()]) this.#end(reading, thrown)
  }
}
