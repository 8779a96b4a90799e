// Keeps progress in the progress topic on the target cluster: restores it by reading the topic to
// its end, writes it with acks from all replicas. Through node-rdkafka on the main thread: these
// are a few small records a second, and its callbacks would crash in workers.
import rdkafka, { type HighLevelProducer, type KafkaConsumer, type Message } from 'node-rdkafka'
import type { ClientProperties } from '../config/client-properties.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { systemClock } from '../time/clock.ts'
import { connect, disconnect, poll, toError } from '../cluster/kafka-client.ts'
import { decodeProgress, encodeProgress, partitionKey, type ProgressRecord } from './progress.ts'

export interface ProgressStoreOptions {
  readonly topic: string
  /** Of the target cluster, librdkafka's names. */
  readonly client: ClientProperties
  readonly timeoutMs: number
}

/** A slot and what its partition of the progress topic holds now, for reading to the end. */
export interface SlotRange {
  readonly slot: number
  readonly start: bigint
  readonly end: bigint
}

export interface SlotRecord {
  readonly slot: number
  readonly record: ProgressRecord
}

interface PartitionEnd {
  readonly partition: number
  readonly offset: number
}

const pollMs = 20
const recordsPerPoll = 1_000

export class ProgressStore {
  readonly #options: ProgressStoreOptions
  readonly #closing = new Set<Promise<void>>()
  #producer: Promise<HighLevelProducer> | undefined

  constructor (options: ProgressStoreOptions) {
    this.#options = options
  }

  /**
   * The newest record of each topic-partition in these slots, and every one of the producer id, in
   * order: several processes may have written one at the same time. What this version does not
   * understand is left out.
   */
  async restore (slots: readonly SlotRange[]): Promise<readonly ProgressRecord[]> {
    const wanted = slots.filter(({ start, end }) => end > start)
    if (wanted.length === 0) return []
    const consumer = new rdkafka.KafkaConsumer({
      ...this.#options.client,
      'group.id': 'longhaul-restore', // never joined: partitions are assigned by hand
      'enable.auto.commit': false,
      'enable.partition.eof': true,
      // The end is known by a Fetch that has nothing to answer, so each reading waits this long.
      'fetch.wait.max.ms': pollMs
    }, { 'auto.offset.reset': 'earliest' })
    try {
      return await this.#readToEnd(consumer, wanted)
    } catch (thrown) {
      throw this.#failed('PROGRESS_UNREADABLE', thrown)
    } finally {
      // Takes half a second in which nothing depends on it.
      const closing = disconnect(consumer).then(() => { this.#closing.delete(closing) })
      this.#closing.add(closing)
    }
  }

  /** Resolves once all records are acked. A failure of one rejects; the others may be written. */
  async write (records: readonly SlotRecord[]): Promise<void> {
    try {
      const producer = await this.#connectedProducer()
      await Promise.all(records.map(async ({ slot, record }) => {
        const { key, value } = encodeProgress(record)
        await new Promise<void>((resolve, reject) => {
          producer.produce(this.#options.topic, slot, value, key, null, (error: unknown) => {
            if (error === null || error === undefined) resolve()
            else reject(toError(error))
          })
        })
      }))
    } catch (thrown) {
      throw this.#failed('PROGRESS_UNWRITABLE', thrown)
    }
  }

  /** Idempotent. */
  async close (): Promise<void> {
    const opening = this.#producer
    this.#producer = undefined
    const producer = await opening?.catch(() => undefined)
    if (producer !== undefined) await disconnect(producer)
    await Promise.all(this.#closing)
  }

  async #readToEnd (
    consumer: KafkaConsumer, slots: readonly SlotRange[]
  ): Promise<readonly ProgressRecord[]> {
    await connect(consumer, this.#options.timeoutMs)
    const { topic, timeoutMs } = this.#options
    const producers: ProgressRecord[] = []
    const newest = new Map<string, ProgressRecord>()
    const reading = new Map(slots.map(({ slot, end }) => [slot, end]))
    consumer.on('data', (message: Message) => {
      const record = decodeProgress(message.key as Buffer | null, message.value)
      if (record?.kind === 'producer') producers.push(record)
      if (record?.kind === 'partition') newest.set(partitionKey(record.source), record)
    })
    consumer.on('partition.eof', ({ partition, offset }: PartitionEnd) => {
      // A leader that was just elected may show less than was acked, for a moment.
      if (BigInt(offset) >= (reading.get(partition) ?? 0n)) reading.delete(partition)
    })
    consumer.setDefaultConsumeTimeout(pollMs)
    consumer.assign(slots.map(({ slot, start }) =>
      ({ topic, partition: slot, offset: Number(start) })))
    const deadline = systemClock.monotonic() + timeoutMs
    while (reading.size > 0) {
      if (systemClock.monotonic() > deadline) {
        throw new Error(`not read to its end within ${timeoutMs} ms`)
      }
      await poll(consumer, recordsPerPoll)
    }
    return [...producers, ...newest.values()]
  }

  async #connectedProducer (): Promise<HighLevelProducer> {
    this.#producer ??= this.#openProducer()
    try {
      return await this.#producer
    } catch (thrown) {
      this.#producer = undefined // the next write tries again
      throw thrown
    }
  }

  async #openProducer (): Promise<HighLevelProducer> {
    const producer = new rdkafka.HighLevelProducer({
      ...this.#options.client,
      'enable.idempotence': true, // implies acks=all
      // A broker would make a deleted topic again with partitions and settings of its own.
      'allow.auto.create.topics': false
    }, { 'message.timeout.ms': this.#options.timeoutMs })
    // Without a listener a broker that goes away for a moment would end the process.
    producer.on('event.error', () => {})
    await connect(producer, this.#options.timeoutMs)
    return producer
  }

  #failed (name: 'PROGRESS_UNREADABLE' | 'PROGRESS_UNWRITABLE', thrown: unknown): ReplicatorError {
    const detail = `${this.#options.topic}: ${toError(thrown).message}`
    return new ReplicatorError(name, detail, { cause: thrown })
  }
}
