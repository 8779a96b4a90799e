// The load: producers that write numbered, check-summed records to several topics at once, with
// acks=all, until they are stopped. What fails is not sent again: what the source holds counts.
import { crc32 } from 'node:zlib'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'
import type { ConsumedRecord } from '../../test/kafka/kafka-consumer.ts'
import { TestProducer, type Codec, type ProducedRecord } from '../../test/kafka/kafka-producer.ts'
import { between, createRandom, type Random } from '../random.ts'

export interface LoadedTopic {
  readonly name: string
  readonly partitions: number
  readonly codec: Codec
  readonly idempotent: boolean
}

export const loadedTopics: readonly LoadedTopic[] = [
  { name: 'chaos.plain', partitions: 4, codec: 'none', idempotent: false },
  { name: 'chaos.packed', partitions: 4, codec: 'lz4', idempotent: true },
  { name: 'chaos.hot', partitions: 1, codec: 'lz4', idempotent: false },
  { name: 'chaos.steady', partitions: 3, codec: 'none', idempotent: true }
]

const turnMs = 100
const valueBytesMax = 600

export class NumberedLoad {
  readonly #producers: readonly TopicProducer[]

  private constructor (producers: readonly TopicProducer[]) {
    this.#producers = producers
  }

  /** `recordsPerSecond` over all topics. */
  static async start (
    cluster: KafkaCluster, seed: number, recordsPerSecond: number
  ): Promise<NumberedLoad> {
    const perTurn = Math.ceil(recordsPerSecond / loadedTopics.length * turnMs / 1000)
    const producers = await Promise.all(loadedTopics.map(async (topic, index) =>
      await TopicProducer.start(cluster, topic, createRandom(seed + index), perTurn)))
    return new NumberedLoad(producers)
  }

  get acked (): number { return sum(this.#producers.map(({ acked }) => acked)) }

  get failed (): number { return sum(this.#producers.map(({ failed }) => failed)) }

  /** Resolves when everything written is acked or has failed. */
  async stop (): Promise<void> {
    await Promise.all(this.#producers.map(async producer => { await producer.stop() }))
  }
}

class TopicProducer {
  acked = 0
  failed = 0
  readonly #topic: LoadedTopic
  readonly #random: Random
  readonly #producer: TestProducer
  readonly #running: Promise<void>
  readonly #next: number[]
  #stopping = false

  private constructor (
    topic: LoadedTopic, random: Random, producer: TestProducer, perTurn: number
  ) {
    this.#topic = topic
    this.#random = random
    this.#producer = producer
    this.#next = Array.from({ length: topic.partitions }, () => 0)
    this.#running = this.#run(perTurn)
  }

  static async start (
    cluster: KafkaCluster, topic: LoadedTopic, random: Random, perTurn: number
  ): Promise<TopicProducer> {
    const { codec, idempotent } = topic
    const producer = await TestProducer.open(cluster.plainBootstrapServers,
      { codec, idempotent, lingerMs: 10, batchRecordsMax: 40, timeoutMs: 60_000 })
    return new TopicProducer(topic, random, producer, perTurn)
  }

  async stop (): Promise<void> {
    this.#stopping = true
    await this.#running
    await this.#producer.close()
  }

  async #run (perTurn: number): Promise<void> {
    const outstanding = new Set<Promise<void>>()
    while (!this.#stopping) {
      // A cluster that stands still must not be answered with a heap of records.
      if (outstanding.size < 5_000) {
        for (let count = 0; count < perTurn; count++) {
          const sent = this.#send(this.#create()).finally(() => { outstanding.delete(sent) })
          outstanding.add(sent)
        }
      }
      await sleep(turnMs)
    }
    await Promise.all(outstanding)
  }

  async #send (record: ProducedRecord): Promise<void> {
    await this.#producer.send(this.#topic.name, record).then(
      () => { this.acked += 1 }, () => { this.failed += 1 })
  }

  #create (): ProducedRecord {
    const partition = between(this.#random, 0, this.#topic.partitions - 1)
    const number = this.#next[partition] ?? 0
    this.#next[partition] = number + 1
    const text = 'abcdefghij'.repeat(between(this.#random, 0, valueBytesMax / 10))
    return {
      partition,
      key: `${partition}-${number}`,
      value: `${number} ${checksum(`${number} ${text}`)} ${text}`,
      headers: [['number', String(number)]]
    }
  }
}

/** Undefined when the record is what its producer wrote; else what is wrong with it. */
export function defectOf (record: ConsumedRecord): string | undefined {
  const value = record.value?.toString('latin1') ?? ''
  const [number = '', sum = ''] = value.split(' ', 2)
  const text = value.slice(number.length + sum.length + 2)
  if (record.key?.toString('latin1') !== `${record.partition}-${number}`) return 'key'
  return checksum(`${number} ${text}`) === sum ? undefined : 'checksum'
}

function checksum (text: string): string {
  return crc32(text).toString(16)
}

function sum (numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
