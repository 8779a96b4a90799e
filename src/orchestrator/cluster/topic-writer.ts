// Writes records to one of Longhaul's compacted topics, with node-rdkafka on the main thread. The
// producer is opened for the first write, and replaced after a fatal error.
//
// The producer is not idempotent: after an unclean election of a partition an idempotent producer
// raises a fatal error and never sends again. The newest record of a key counts, so a record that a
// retry appends twice changes nothing, unless it is appended after a later record. Therefore the
// writes of a partition wait for each other: one request in flight is not enough, because
// librdkafka prepares the next request meanwhile and sends it before a request that it must send
// again.
import rdkafka, { type DeliveryReport, type Producer } from 'node-rdkafka'
import type { ClusterClient } from '../config/client-properties.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import { unlessAborted } from '../time/deadline.ts'
import { chunks } from './chunks.ts'
import { orUnreachable } from './cluster-error.ts'
import {
  clientError, connect, controlClientProperties, disconnect, isFatal, isNone, rememberAllDown,
  type AllDown
} from './kafka-client.ts'

export interface TopicWriterOptions {
  readonly topic: string
  /** Of the cluster. */
  readonly client: ClusterClient
  /** How long a record may be unacknowledged before its write fails. */
  readonly timeoutMs: number
  readonly clock: Clock
}

export interface OutgoingRecord {
  readonly partition: number
  readonly key: Buffer
  /** Null is a tombstone. */
  readonly value: Buffer | null
}

interface Waiting {
  readonly resolve: (offset: bigint) => void
  readonly reject: (error: ReplicatorError) => void
}

// How late an acknowledgement is noticed: a quarter of the time that it needed, within bounds. A
// busy target broker acknowledges after seconds; a hundred polls a second would then be half of
// this thread's work.
const pollMsMin = 10
const pollMsMax = 100
/** The errors of a record that no broker has answered in time. */
const unsentErrors: ReadonlySet<string> = new Set(['_MSG_TIMED_OUT', '_TIMED_OUT'])
// For one partition. librdkafka refuses more than 100,000 unacknowledged records.
const recordsPerRound = 1_000

export class TopicWriter {
  readonly #options: TopicWriterOptions
  readonly #waiting = new Map<number, Waiting>()
  /** The newest write of each partition, while it runs. */
  readonly #newest = new Map<number, Promise<void>>()
  #producer: Promise<Producer> | undefined
  #polling: Promise<void> | undefined
  /** Being closed: the poll() of such a producer throws. */
  readonly #closing = new WeakSet<Producer>()
  #allDown: AllDown = { error: undefined }
  #nextId = 0
  #closed = false

  constructor (options: TopicWriterOptions) {
    this.#options = options
  }

  /**
   * Resolves once all in-sync replicas have acknowledged all records, with their offsets in the
   * order of `records`. Rejects if one record fails; the others may be written. Aborting `signal`
   * ends the wait; records that were not sent by then are not sent.
   */
  async write (
    records: readonly OutgoingRecord[], signal?: AbortSignal
  ): Promise<readonly bigint[]> {
    const offsets = new Map<OutgoingRecord, bigint>()
    const byPartition = new Map<number, OutgoingRecord[]>()
    for (const record of records) {
      const own = byPartition.get(record.partition)
      if (own === undefined) byPartition.set(record.partition, [record])
      else own.push(record)
    }
    const writing = Promise.all([...byPartition].map(async ([partition, own]) => {
      await this.#inTurn(partition, async () => {
        for (const round of chunks(own, recordsPerRound)) {
          signal?.throwIfAborted()
          const written = await this.#writeRound(round)
          for (const [i, record] of round.entries()) offsets.set(record, written[i] ?? -1n)
        }
      })
    }))
    await (signal === undefined ? writing : unlessAborted(signal, writing))
    return records.map(record => offsets.get(record) ?? -1n)
  }

  /** Idempotent. */
  async close (): Promise<void> {
    this.#closed = true
    await this.#drop()
    await this.#polling
  }

  /** Runs a write after the earlier writes of this partition have ended. */
  async #inTurn (partition: number, write: () => Promise<void>): Promise<void> {
    const before = this.#newest.get(partition)
    const own = (async () => {
      await before?.catch(() => {}) // its caller knows
      await write()
    })()
    this.#newest.set(partition, own)
    try {
      await own
    } finally {
      if (this.#newest.get(partition) === own) this.#newest.delete(partition)
    }
  }

  async #writeRound (records: readonly OutgoingRecord[]): Promise<readonly bigint[]> {
    const producer = await this.#connected()
    try {
      const acknowledged = records.map(async record => await this.#send(producer, record))
      this.#polling ??= this.#pollWhileWaiting(producer)
        .finally(() => { this.#polling = undefined })
      return await Promise.all(acknowledged)
    } catch (thrown) {
      if (isFatal(thrown)) void this.#drop()
      throw thrown
    }
  }

  async #send (producer: Producer, record: OutgoingRecord): Promise<bigint> {
    const { key, partition, value } = record
    const id = this.#nextId++
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      try {
        producer.produce(this.#options.topic, partition, value, key, null, id)
      } catch (thrown) {
        this.#waiting.delete(id)
        reject(this.#failed(thrown, partition))
      }
    })
  }

  /** The timer of an idle producer polls it once a second, for events only. */
  async #pollWhileWaiting (producer: Producer): Promise<void> {
    const { clock } = this.#options
    let newest = this.#nextId
    let since = clock.monotonic()
    while (this.#waiting.size > 0 && !this.#closing.has(producer) && producer.isConnected()) {
      producer.poll()
      if (newest !== this.#nextId) [newest, since] = [this.#nextId, clock.monotonic()]
      const late = (clock.monotonic() - since) / 4
      await clock.sleep(Math.min(Math.max(late, pollMsMin), pollMsMax))
    }
  }

  async #connected (): Promise<Producer> {
    if (this.#closed) throw new ReplicatorError('CLOSED', `the writer of ${this.#options.topic}`)
    const opening = this.#producer ??= this.#open()
    try {
      const producer = await opening
      // Another write may have met a fatal error, or the writer was closed, while it opened.
      return this.#producer === opening ? producer : await this.#connected()
    } catch (thrown) {
      if (this.#producer === opening) this.#producer = undefined // the next write tries again
      throw thrown
    }
  }

  async #open (): Promise<Producer> {
    const { client, timeoutMs, topic } = this.#options
    const producer = new rdkafka.Producer({
      ...controlClientProperties(client),
      'dr_cb': true,
      'max.in.flight.requests.per.connection': 1,
      // A broker would create a deleted topic with its default partition count and settings.
      'allow.auto.create.topics': false
    }, { 'request.required.acks': -1, 'message.timeout.ms': timeoutMs })
    this.#allDown = rememberAllDown(producer, client)
    // Without a listener, a broker that does not answer for a moment would end the process.
    producer.on('event.error', thrown => { if (isFatal(thrown)) void this.#drop() })
    producer.on('delivery-report', (error, report) => { this.#settle(error, report) })
    await connect(producer, timeoutMs, client, `client that writes ${topic}`)
    producer.setPollInterval(1000)
    return producer
  }

  /** Unacknowledged records may or may not have been written. */
  async #drop (): Promise<void> {
    const opening = this.#producer
    this.#producer = undefined
    const producer = await opening?.catch(() => undefined)
    if (producer !== undefined) {
      this.#closing.add(producer)
      await disconnect(producer)
    }
    for (const { reject } of this.#waiting.values()) {
      reject(new ReplicatorError('TIMED_OUT',
        `writing to ${this.#options.topic}: not acknowledged before the writer was closed`))
    }
    this.#waiting.clear()
  }

  #settle (error: unknown, { offset, opaque, partition }: DeliveryReport): void {
    const id = opaque as number
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (isNone(error)) {
      this.#allDown.error = undefined
      waiting?.resolve(BigInt(offset))
    } else waiting?.reject(this.#failed(error, partition))
  }

  #failed (thrown: unknown, partition: number): ReplicatorError {
    const { client, topic } = this.#options
    const error = clientError(thrown, `writing to ${topic}-${partition}`,
      `WRITE on the topic ${topic}`)
    if (!unsentErrors.has(error.errorName)) return error
    // Another attempt may succeed; librdkafka's own code means that it makes none.
    const late = new ReplicatorError('TIMED_OUT', error.detail, { cause: error })
    return orUnreachable(client, late, this.#allDown.error)
  }
}
