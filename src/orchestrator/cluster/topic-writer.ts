// Writes records to one of our compacted topics, over node-rdkafka on the main thread. The producer
// is opened with the first write, and anew after an error that it cannot survive.
//
// The producer is not idempotent: after an unclean election of a partition an idempotent one raises
// a fatal error and never sends again. One request in flight keeps the order; the newest record of
// a key wins, so a record that a retry appends twice changes nothing.
import rdkafka, { type DeliveryReport, type Producer } from 'node-rdkafka'
import type { ClientProperties } from '../config/client-properties.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import { unlessAborted } from '../time/deadline.ts'
import {
  clientError, connect, controlClientProperties, disconnect, isFatal, isNone
} from './kafka-client.ts'

export interface TopicWriterOptions {
  readonly topic: string
  /** Of the cluster, librdkafka's names. */
  readonly client: ClientProperties
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

// How late an acknowledgement is noticed. node-rdkafka's HighLevelProducer polls every millisecond.
const pollMs = 10
// librdkafka refuses more than 100,000 unacknowledged records.
const recordsPerRound = 10_000

export class TopicWriter {
  readonly #options: TopicWriterOptions
  readonly #waiting = new Map<number, Waiting>()
  #producer: Promise<Producer> | undefined
  #polling: Promise<void> | undefined
  #nextId = 0
  #closed = false

  constructor (options: TopicWriterOptions) {
    this.#options = options
  }

  /**
   * Resolves once all records are acknowledged by all in-sync replicas, with their offsets in the
   * order given. When one fails it rejects; the others may be written. Aborting `signal` ends the
   * wait, not the writing.
   */
  async write (
    records: readonly OutgoingRecord[], signal?: AbortSignal
  ): Promise<readonly bigint[]> {
    const offsets: bigint[] = []
    for (let start = 0; start < records.length; start += recordsPerRound) {
      const round = records.slice(start, start + recordsPerRound)
      const writing = this.#writeRound(round)
      offsets.push(...await (signal === undefined ? writing : unlessAborted(signal, writing)))
    }
    return offsets
  }

  /** Idempotent. */
  async close (): Promise<void> {
    this.#closed = true
    await this.#drop()
    await this.#polling
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

  /** An idle producer is polled by its own timer, once a second, for events alone. */
  async #pollWhileWaiting (producer: Producer): Promise<void> {
    while (this.#waiting.size > 0 && producer.isConnected()) {
      producer.poll()
      await this.#options.clock.sleep(pollMs)
    }
  }

  async #connected (): Promise<Producer> {
    if (this.#closed) throw new ReplicatorError('CLOSED', `the writer of ${this.#options.topic}`)
    this.#producer ??= this.#open()
    try {
      return await this.#producer
    } catch (thrown) {
      this.#producer = undefined // the next write tries again
      throw thrown
    }
  }

  async #open (): Promise<Producer> {
    const { client, timeoutMs } = this.#options
    const producer = new rdkafka.Producer({
      ...controlClientProperties(client),
      'dr_cb': true,
      'max.in.flight.requests.per.connection': 1,
      // A broker would create a deleted topic with partitions and settings of its own.
      'allow.auto.create.topics': false
    }, { 'request.required.acks': -1, 'message.timeout.ms': timeoutMs })
    // Without a listener a broker that is away for a moment would end the process.
    producer.on('event.error', thrown => { if (isFatal(thrown)) void this.#drop() })
    producer.on('delivery-report', (error, report) => { this.#settle(error, report) })
    await connect(producer, timeoutMs)
    producer.setPollInterval(1000)
    return producer
  }

  /** What is unacknowledged then is not known to be written. */
  async #drop (): Promise<void> {
    const opening = this.#producer
    this.#producer = undefined
    const producer = await opening?.catch(() => undefined)
    if (producer !== undefined) await disconnect(producer)
    for (const { reject } of this.#waiting.values()) {
      reject(new ReplicatorError('CLOSED', `the writer of ${this.#options.topic}`))
    }
    this.#waiting.clear()
  }

  #settle (error: unknown, { offset, opaque, partition }: DeliveryReport): void {
    const id = opaque as number
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (isNone(error)) waiting?.resolve(BigInt(offset))
    else waiting?.reject(this.#failed(error, partition))
  }

  #failed (thrown: unknown, partition: number): ReplicatorError {
    return clientError(thrown, `writing to ${this.#options.topic}-${partition}`)
  }
}
