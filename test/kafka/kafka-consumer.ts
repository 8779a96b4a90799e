// Reads whole topics for tests, checks the CRC of every batch, returns all parts of a record.

import rdkafka, {
  type ConsumerGlobalConfig, type KafkaConsumer, type LibrdKafkaError, type Message
} from 'node-rdkafka'
import { patienceMs, withTimeout } from './eventually.ts'
import { asError, isError } from './librdkafka-error.ts'

export interface ConsumedRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: ReadonlyArray<readonly [name: string, value: Buffer]>
}

export interface ReadSettings {
  /**
   * Continues past the end until this many records have arrived; absent: to the end of every
   * partition.
   */
  readonly count?: number
  /**
   * Records that are known to be there, in all partitions: waits 10 s for them at the ends. A
   * broker that hung returns its old end until it learns that another one leads the partition.
   */
  readonly expected?: number
  readonly partitions?: readonly number[]
  readonly isolation?: 'read_committed' | 'read_uncommitted'
  readonly timeoutMs?: number
  readonly properties?: Readonly<Record<string, string | number | boolean>>
}

const recordsPerPoll = 10_000
const missingMs = 10_000

/** The records by partition, then offset. */
export async function readTopic (
  bootstrapServers: string, topic: string, settings: ReadSettings = {}
): Promise<ConsumedRecord[]> {
  const { timeoutMs = patienceMs } = settings
  const consumer = new rdkafka.KafkaConsumer(
    consumerProperties(bootstrapServers, settings), { 'auto.offset.reset': 'earliest' })
  const failures: LibrdKafkaError[] = []
  consumer.on('event.error', error => { failures.push(error) })
  try {
    const deadline = Date.now() + timeoutMs
    const known = await connect(consumer, topic, timeoutMs)
    const partitions = settings.partitions ?? known
    consumer.assign(partitions.map(partition => ({ topic, partition, offset: offsetBeginning })))
    const records = await readUntil(consumer, partitions, settings, deadline, () =>
      `${topic}: ${failures.map(f => f.message).join('; ')}`)
    return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
  } finally {
    await disconnect(consumer)
  }
}

// RD_KAFKA_OFFSET_BEGINNING
const offsetBeginning = -2

function consumerProperties (
  bootstrapServers: string, settings: ReadSettings
): ConsumerGlobalConfig {
  const properties = {
    'bootstrap.servers': bootstrapServers,
    // Required, never joined: partitions are assigned by hand and nothing is committed.
    'group.id': 'longhaul-test-reader',
    'enable.auto.commit': false,
    'enable.partition.eof': true,
    'check.crcs': true,
    'isolation.level': settings.isolation ?? 'read_committed',
    'fetch.wait.max.ms': 50,
    'fetch.message.max.bytes': 16 * 1024 * 1024,
    'fetch.max.bytes': 64 * 1024 * 1024,
    'receive.message.max.bytes': 256 * 1024 * 1024,
    ...settings.properties
  }
  return properties as ConsumerGlobalConfig
}

/** Resolves with the ids of the topic's partitions. */
async function connect (
  consumer: KafkaConsumer, topic: string, timeoutMs: number
): Promise<number[]> {
  const connected = new Promise<number[]>((resolve, reject) => {
    consumer.connect({ topic, timeout: timeoutMs }, (error, metadata) => {
      if (isError(error)) {
        reject(asError(error))
        return
      }
      const partitions = metadata.topics.find(t => t.name === topic)?.partitions ?? []
      if (partitions.length === 0) reject(new Error(`no topic ${topic}`))
      else resolve(partitions.map(p => p.id))
    })
  })
  return await withTimeout(`connect of a consumer of ${topic}`, timeoutMs, connected)
}

async function readUntil (
  consumer: KafkaConsumer, partitions: readonly number[], { count, expected = 0 }: ReadSettings,
  deadline: number, context: () => string
): Promise<ConsumedRecord[]> {
  const records: ConsumedRecord[] = []
  const ended = new Set<number>()
  let endedAt = Infinity
  consumer.on('partition.eof', event => {
    ended.add(event.partition)
    if (ended.size === partitions.length) endedAt = Math.min(endedAt, Date.now())
  })
  consumer.setDefaultConsumeTimeout(50)
  const isDone = count === undefined
    ? () => records.length >= expected ? ended.size === partitions.length
        : Date.now() > endedAt + missingMs
    : () => records.length >= count
  while (!isDone()) {
    if (Date.now() > deadline) {
      throw new Error(`read ${records.length} of ${count ?? 'all'} records in time; ${context()}`)
    }
    for (const message of await poll(consumer)) records.push(toRecord(message))
  }
  return records
}

async function poll (consumer: KafkaConsumer): Promise<Message[]> {
  return await new Promise((resolve, reject) => {
    consumer.consume(recordsPerPoll, (error, messages) => {
      if (isError(error)) reject(asError(error))
      else resolve(messages)
    })
  })
}

async function disconnect (consumer: KafkaConsumer): Promise<void> {
  if (!consumer.isConnected()) return
  consumer.unassign()
  await withTimeout('disconnect', 5_000, new Promise<void>(resolve => {
    consumer.disconnect(() => { resolve() })
  })).catch(() => {})
}

function toRecord (message: Message): ConsumedRecord {
  const { partition, offset, timestamp = -1, key, value, headers = [] } = message
  return {
    partition,
    offset,
    timestamp,
    key: key === null || key === undefined ? null : Buffer.from(key),
    value,
    headers: headers.flatMap(header =>
      Object.entries(header).map(([name, bytes]) => [name, Buffer.from(bytes)] as const))
  }
}
