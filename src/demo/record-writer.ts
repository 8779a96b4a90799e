// Writes the demo's records with ordinary producers, one for each codec, as fast as they accept
// records: on the main thread, in short rounds, between which the event loop serves the rest of the
// process.
import rdkafka, { type Producer, type ProducerGlobalConfig } from 'node-rdkafka'
import type { ClientProperties } from '../orchestrator/config/client-properties.ts'
import { ReplicatorError } from '../orchestrator/errors/replicator-error.ts'
import { clientError, connect, disconnect } from '../orchestrator/cluster/kafka-client.ts'
import type { Clock } from '../orchestrator/time/clock.ts'
import type { DemoRecords } from './demo-record.ts'
import type { DemoSettings } from './demo-settings.ts'
import { demoCodecs, type DemoCodec, type DemoTopic, type WrittenPartition } from './demo-topics.ts'

export interface WriteOptions {
  /** librdkafka's properties of the source cluster. */
  readonly client: ClientProperties
  readonly topics: readonly DemoTopic[]
  readonly records: DemoRecords
  readonly settings: DemoSettings
  readonly clock: Clock
  /** Ends the writing early. */
  readonly stopped: AbortSignal
}

/** Records of one partition in a row, like an application's producer with runs of equal keys. */
const runRecords = 50
/** Runs between two rounds of the event loop: some milliseconds. */
const runsPerTurn = 20
const connectTimeoutMs = 10_000
const deliveryTimeoutMs = 60_000
const queueFullWaitMs = 5
const pollIntervalMs = 10

/** Resolves once the source has acknowledged all records. */
export async function writeRecords (options: WriteOptions): Promise<readonly WrittenPartition[]> {
  const producers = new Map<DemoCodec, Producer>()
  try {
    for (const codec of demoCodecs) producers.set(codec, await openProducer(options.client, codec))
    const writer = new RecordWriter(options, producers)
    await writer.write()
    await Promise.all([...producers.values()].map(flush))
    return writer.written
  } finally {
    await Promise.all([...producers.values()].map(disconnect))
  }
}

interface Writing {
  readonly topic: DemoTopic
  readonly partition: number
  readonly producer: Producer
  count: number
}

class RecordWriter {
  readonly #options: WriteOptions
  readonly #partitions: readonly Writing[]
  readonly #endMs: number
  #left: number

  constructor (options: WriteOptions, producers: ReadonlyMap<DemoCodec, Producer>) {
    const { clock, settings, topics } = options
    this.#options = options
    this.#endMs = settings.seconds > 0 ? clock.monotonic() + settings.seconds * 1000 : Infinity
    this.#left = settings.seconds > 0 ? Infinity : settings.records
    this.#partitions = topics.flatMap(topic => {
      const producer = producers.get(topic.codec)
      if (producer === undefined) return []
      return Array.from({ length: topic.partitions },
        (_, partition) => ({ topic, partition, producer, count: 0 }))
    })
  }

  get written (): readonly WrittenPartition[] {
    return this.#partitions.map(({ topic, partition, count }) => ({ topic, partition, count }))
  }

  async write (): Promise<void> {
    const { clock, stopped } = this.#options
    for (let turn = 0; this.#left > 0; turn++) {
      const first = turn * runsPerTurn
      for (let run = first; run < first + runsPerTurn && this.#left > 0; run++) {
        const partition = this.#partitions[run % this.#partitions.length]
        if (partition !== undefined) await this.#writeRun(partition)
      }
      if (stopped.aborted || clock.monotonic() >= this.#endMs) return
      await clock.sleep(0)
    }
  }

  async #writeRun (to: Writing): Promise<void> {
    for (let i = 0; i < runRecords && this.#left > 0; i++) {
      if (!this.#tryWrite(to) && !await this.#writePatiently(to)) return
      to.count += 1
      this.#left -= 1
    }
  }

  /** Waits while the producer's queue is full; false if the demo is stopped meanwhile. */
  async #writePatiently (to: Writing): Promise<boolean> {
    const { clock, stopped } = this.#options
    const deadline = clock.monotonic() + deliveryTimeoutMs
    while (!stopped.aborted) {
      await clock.sleep(queueFullWaitMs)
      if (this.#tryWrite(to)) return true
      if (clock.monotonic() > deadline) {
        throw new ReplicatorError('TIMED_OUT', 'the source accepts no more records')
      }
    }
    return false
  }

  /** False while the producer's queue is full. */
  #tryWrite ({ topic, partition, producer, count }: Writing): boolean {
    const timestampMs = this.#options.clock.now()
    const { key, value, headers } =
      this.#options.records.create(topic.name, partition, count, timestampMs)
    try {
      producer.produce(topic.name, partition, value, key, timestampMs, undefined,
        headers.map(([name, text]) => ({ [name]: text })))
      return true
    } catch (thrown) {
      if (codeOf(thrown) === rdkafka.CODES.ERRORS.ERR__QUEUE_FULL) return false
      throw thrown
    }
  }
}

async function openProducer (client: ClientProperties, codec: DemoCodec): Promise<Producer> {
  const properties: ProducerGlobalConfig = {
    ...client,
    'client.id': `demo-producer-${codec}`,
    'compression.type': codec,
    'enable.idempotence': true, // without it a retry could change the order, which is checked
    'linger.ms': 20,
    'queue.buffering.max.kbytes': 64 * 1024
  }
  const producer = new rdkafka.Producer(properties, { 'message.timeout.ms': deliveryTimeoutMs })
  producer.on('event.error', () => {}) // the producer retries; the check finds missing records
  await connect(producer, connectTimeoutMs)
  // Acknowledged records leave the producer's queue when it is polled.
  producer.setPollInterval(pollIntervalMs)
  return producer
}

async function flush (producer: Producer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    producer.flush(deliveryTimeoutMs, error => {
      if (error === null || error === undefined) resolve()
      else reject(clientError(error, 'waiting for the acknowledgement of records'))
    })
  })
}

function codeOf (thrown: unknown): unknown {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined
}
