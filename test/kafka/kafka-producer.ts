// A producer for tests: every codec; idempotent by default, or transactional; promises with bounds.

import rdkafka, {
  type DeliveryReport, type LibrdKafkaError, type MessageHeader, type Producer,
  type ProducerGlobalConfig
} from 'node-rdkafka'
import { patienceMs, withTimeout } from './eventually.ts'
import { asError, isError, unlessFenced } from './librdkafka-error.ts'

export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Codec = typeof codecs[number]

export interface ProducedRecord {
  readonly key?: string | Buffer | null
  readonly value: string | Buffer | null
  /** Text only: node-rdkafka cannot write null or binary header values, raw-produce.ts can. */
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>
  readonly timestamp?: number
  /** Chosen by the key's hash, or at random, when absent. */
  readonly partition?: number
}

export interface Delivered {
  readonly partition: number
  readonly offset: number
}

export interface ProducerSettings {
  readonly codec?: Codec
  /**
   * True by default. Without it a retry may duplicate or reorder records, which no test may depend
   * on.
   */
  readonly idempotent?: boolean
  readonly transactionalId?: string
  /** How long a batch waits for more records: a long wait makes few, large batches. */
  readonly lingerMs?: number
  readonly batchRecordsMax?: number
  readonly timeoutMs?: number
  /** librdkafka properties that win over the above, for example SASL logins. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>
}

// Enough to fill batches, and far below the 100,000 records at which librdkafka refuses more.
const outstandingMax = 20_000
const outstandingBytesMax = 64 * 1024 * 1024

interface Waiting {
  readonly resolve: (delivered: Delivered) => void
  readonly reject: (error: Error) => void
  readonly byteCount: number
}

/** Connects, writes, waits for all acks and disconnects. */
export async function produce (
  bootstrapServers: string, topic: string, records: Iterable<ProducedRecord>,
  settings: ProducerSettings = {}
): Promise<Delivered[]> {
  const producer = await TestProducer.open(bootstrapServers, settings)
  try {
    return await producer.sendAll(topic, records)
  } finally {
    await producer.close()
  }
}

export class TestProducer {
  readonly #producer: Producer
  readonly #timeoutMs: number
  readonly #waiting = new Map<number, Waiting>()
  #bytesWaiting = 0
  #nextId = 0

  private constructor (producer: Producer, timeoutMs: number) {
    this.#producer = producer
    this.#timeoutMs = timeoutMs
    producer.on('delivery-report', (error, report) => { this.#settle(error, report) })
  }

  static async open (
    bootstrapServers: string, settings: ProducerSettings = {}
  ): Promise<TestProducer> {
    return await unlessFenced('a connected producer',
      async () => await TestProducer.#openOnce(bootstrapServers, settings))
  }

  static async #openOnce (
    bootstrapServers: string, settings: ProducerSettings
  ): Promise<TestProducer> {
    const { timeoutMs = patienceMs } = settings
    const producer = new rdkafka.Producer(
      producerProperties(bootstrapServers, settings), { 'request.required.acks': -1 })
    const opened = new TestProducer(producer, timeoutMs)
    try {
      await opened.#connect()
      if (settings.transactionalId !== undefined) {
        await opened.#transaction('init', done => { producer.initTransactions(timeoutMs, done) })
      }
    } catch (error) {
      // Not awaited: the disconnect waits for the metadata request, which will not be answered.
      void opened.close()
      throw error
    }
    return opened
  }

  async send (topic: string, record: ProducedRecord): Promise<Delivered> {
    return await this.#bounded(`ack of a record to ${topic}`, this.#enqueue(topic, record))
  }

  /** All acks, in the order of the records. */
  async sendAll (topic: string, records: Iterable<ProducedRecord>): Promise<Delivered[]> {
    const acks: Array<Promise<Delivered>> = []
    for (const record of records) {
      acks.push(this.#enqueue(topic, record))
      if (this.#isFull()) await this.#bounded(`acks of ${topic}`, Promise.all(acks))
    }
    return await this.#bounded(`acks of ${topic}`, Promise.all(acks))
  }

  async begin (): Promise<void> {
    await this.#transaction('begin', done => { this.#producer.beginTransaction(done) })
  }

  async commit (): Promise<void> {
    await this.#transaction('commit', done => {
      this.#producer.commitTransaction(this.#timeoutMs, done)
    })
  }

  async abort (): Promise<void> {
    await this.#transaction('abort', done => {
      this.#producer.abortTransaction(this.#timeoutMs, done)
    })
  }

  async close (): Promise<void> {
    if (!this.#producer.isConnected()) return
    // A poll while another thread destroys the client reads freed memory; see kafka-client.ts.
    this.#producer.setPollInterval(0)
    // Bounded: a client whose brokers have ended must not delay the test.
    await withTimeout('disconnect', 5_000, new Promise<void>(resolve => {
      this.#producer.disconnect(2_000, () => { resolve() })
    })).catch(() => {})
  }

  async #connect (): Promise<void> {
    await this.#bounded('connect of a producer', new Promise<void>((resolve, reject) => {
      // Until it is connected, node-rdkafka passes on logs but no errors: without this a refused
      // login would be a timeout without a reason.
      this.#producer.on('event.log', (log: { message: string }) => {
        if (log.message.includes('authentication error')) reject(new Error(log.message))
      })
      this.#producer.connect({ timeout: this.#timeoutMs }, error => {
        if (isError(error)) reject(asError(error))
        else resolve()
      })
    }))
    this.#producer.setPollInterval(5)
  }

  async #enqueue (topic: string, record: ProducedRecord): Promise<Delivered> {
    const { key = null, value, headers = [], timestamp, partition } = record
    const bytes = typeof value === 'string' ? Buffer.from(value) : value
    const id = this.#nextId++
    return await new Promise((resolve, reject) => {
      const byteCount = bytes?.length ?? 0
      this.#waiting.set(id, { resolve, reject, byteCount })
      this.#bytesWaiting += byteCount
      const rows = headers.map(([name, text]): MessageHeader => ({ [name]: text }))
      this.#producer.produce(topic, partition ?? -1, bytes, key, timestamp ?? null, id, rows)
    })
  }

  #isFull (): boolean {
    return this.#waiting.size >= outstandingMax || this.#bytesWaiting >= outstandingBytesMax
  }

  #settle (error: LibrdKafkaError, report: DeliveryReport): void {
    const id = report.opaque as number
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    this.#bytesWaiting -= waiting.byteCount
    if (isError(error)) waiting.reject(asError(error))
    else waiting.resolve({ partition: report.partition, offset: report.offset })
  }

  async #transaction (
    verb: string, start: (done: (error: LibrdKafkaError) => void) => void
  ): Promise<void> {
    await this.#bounded(`${verb} of a transaction`, new Promise<void>((resolve, reject) => {
      start(error => {
        if (isError(error)) reject(asError(error))
        else resolve()
      })
    }))
  }

  async #bounded<Value> (what: string, promise: Promise<Value>): Promise<Value> {
    return await withTimeout(what, this.#timeoutMs + 1_000, promise)
  }
}

function producerProperties (
  bootstrapServers: string, settings: ProducerSettings
): ProducerGlobalConfig {
  const { codec = 'none', idempotent = true, transactionalId, lingerMs = 5 } = settings
  const { batchRecordsMax } = settings
  const properties = {
    'bootstrap.servers': bootstrapServers,
    'compression.codec': codec,
    'linger.ms': lingerMs,
    'enable.idempotence': idempotent || transactionalId !== undefined,
    'message.max.bytes': 64 * 1024 * 1024,
    'message.timeout.ms': settings.timeoutMs ?? patienceMs,
    dr_cb: true,
    ...batchRecordsMax === undefined ? {} : { 'batch.num.messages': batchRecordsMax },
    ...transactionalId === undefined ? {} : { 'transactional.id': transactionalId },
    ...settings.properties
  }
  // The types list librdkafka's properties; `properties` may contain any.
  return properties as ProducerGlobalConfig
}
