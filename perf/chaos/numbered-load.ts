// The load: idempotent producers that write numbered, check-summed records to several topics until
// they are stopped. A failed record is not sent again: only the records on the source count.
import { crc32 } from 'node:zlib'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaCluster } from '../../test/kafka/cluster.ts'
import type { ConsumedRecord } from '../../test/kafka/kafka-consumer.ts'
import { TestProducer, type Codec, type ProducedRecord } from '../../test/kafka/kafka-producer.ts'
import type { Random } from '../../src/orchestrator/time/clock.ts'
import { createRandom } from '../../src/orchestrator/time/seeded-random.ts'
import { between } from '../random.ts'

export interface LoadedTopic {
  readonly name: string
  readonly partitions: number
  readonly codec: Codec
}

/**
 * A fault deletes and recreates this topic; the key of a record names the generation of the topic.
 */
export const recreatedTopic: LoadedTopic =
  { name: 'chaos.recreated', partitions: 2, codec: 'lz4' }

export const loadedTopics: readonly LoadedTopic[] = [
  { name: 'chaos.plain', partitions: 4, codec: 'none' },
  { name: 'chaos.packed', partitions: 4, codec: 'lz4' },
  { name: 'chaos.hot', partitions: 1, codec: 'lz4' },
  { name: 'chaos.steady', partitions: 3, codec: 'none' },
  recreatedTopic
]

export function partitionName (topic: string, partition: number): string {
  return `${topic}-${partition}`
}

export function allPartitions (topics: readonly LoadedTopic[]): readonly string[] {
  return topics.flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => partitionName(name, partition)))
}

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

  /**
   * Stops the producer of the topic while `recreate` deletes and recreates it. If `recreate`
   * rejects, the topic is the one it was: the numbers of its records continue.
   */
  async whileRecreated (topic: LoadedTopic, recreate: () => Promise<void>): Promise<void> {
    const producer = this.#producers[loadedTopics.indexOf(topic)]
    if (producer === undefined) throw new Error(`no load of ${topic.name}`)
    await producer.stop()
    try {
      await recreate()
      producer.topicIsNew()
    } finally {
      await producer.startAgain()
    }
  }

  /** Resolves when every written record is acknowledged or has failed. */
  async stop (): Promise<void> {
    await Promise.all(this.#producers.map(async producer => { await producer.end() }))
  }
}

/** How often the topic of this record had been recreated before the record was written. */
export function recreationOf (record: ConsumedRecord): number {
  return Number(record.key?.toString('latin1').split('-')[1])
}

/** The highest number of the records; an argument for each would exceed the stack. 0: no record. */
export function newestRecreation (records: readonly ConsumedRecord[]): number {
  return records.reduce((newest, record) => Math.max(newest, recreationOf(record)), 0)
}

class TopicProducer {
  acked = 0
  failed = 0
  readonly #cluster: KafkaCluster
  readonly #topic: LoadedTopic
  readonly #random: Random
  readonly #perTurn: number
  readonly #next: number[]
  /** How often the topic was recreated. */
  #recreations = 0
  #stopping = false
  #ended = false
  #running: Promise<void> = Promise.resolve()

  private constructor (
    cluster: KafkaCluster, topic: LoadedTopic, random: Random, perTurn: number
  ) {
    this.#cluster = cluster
    this.#topic = topic
    this.#random = random
    this.#perTurn = perTurn
    this.#next = Array.from({ length: topic.partitions }, () => 0)
  }

  static async start (
    cluster: KafkaCluster, topic: LoadedTopic, random: Random, perTurn: number
  ): Promise<TopicProducer> {
    const started = new TopicProducer(cluster, topic, random, perTurn)
    await started.#open()
    return started
  }

  /** Resolves when every written record is acknowledged or has failed. */
  async stop (): Promise<void> {
    this.#stopping = true
    await this.#running
  }

  /** Ends the load: it does not start again. */
  async end (): Promise<void> {
    this.#ended = true
    await this.stop()
  }

  /** The topic was recreated: the numbers of its records begin at 0. */
  topicIsNew (): void {
    this.#recreations += 1
    this.#next.fill(0)
  }

  async startAgain (): Promise<void> {
    if (!this.#ended) await this.#open()
  }

  async #open (): Promise<void> {
    const { codec } = this.#topic
    const producer = await TestProducer.open(this.#cluster.plainBootstrapServers,
      { codec, lingerMs: 10, batchRecordsMax: 40, timeoutMs: 60_000 })
    this.#stopping = false
    this.#running = this.#run(producer)
  }

  async #run (producer: TestProducer): Promise<void> {
    const outstanding = new Set<Promise<void>>()
    while (!this.#stopping) {
      // While the cluster does not answer, records must not pile up.
      if (outstanding.size < 5_000) {
        for (let count = 0; count < this.#perTurn; count++) {
          const sent = this.#send(producer, this.#create())
            .finally(() => { outstanding.delete(sent) })
          outstanding.add(sent)
        }
      }
      await sleep(turnMs)
    }
    await Promise.all(outstanding)
    await producer.close()
  }

  async #send (producer: TestProducer, record: ProducedRecord): Promise<void> {
    await producer.send(this.#topic.name, record).then(
      () => { this.acked += 1 }, () => { this.failed += 1 })
  }

  #create (): ProducedRecord {
    const partition = between(this.#random, 0, this.#topic.partitions - 1)
    const number = this.#next[partition] ?? 0
    this.#next[partition] = number + 1
    const text = 'abcdefghij'.repeat(between(this.#random, 0, valueBytesMax / 10))
    return {
      partition,
      key: `${partition}-${this.#recreations}-${number}`,
      value: `${number} ${checksum(`${number} ${text}`)} ${text}`,
      headers: [['number', String(number)]]
    }
  }
}

/** Undefined if the record is as its producer wrote it; otherwise the part that differs. */
export function defectOf (record: ConsumedRecord): string | undefined {
  const value = record.value?.toString('latin1') ?? ''
  const [number = '', sum = ''] = value.split(' ', 2)
  const text = value.slice(number.length + sum.length + 2)
  const [partition, , numberInKey] = record.key?.toString('latin1').split('-') ?? []
  if (partition !== String(record.partition) || numberInKey !== number) return 'key'
  return checksum(`${number} ${text}`) === sum ? undefined : 'checksum'
}

function checksum (text: string): string {
  return crc32(text).toString(16)
}

function sum (numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
