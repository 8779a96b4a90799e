// A steady load of numbered records, and the check that a topic has each number of each partition
// once and in order.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CleanUp, KafkaCluster } from '../kafka/cluster.ts'
import { describeDisorder } from '../kafka/disorder.ts'
import { readTopic } from '../kafka/kafka-consumer.ts'
import { TestProducer, type Codec } from '../kafka/kafka-producer.ts'

export interface LoadSettings {
  readonly partitions: number
  /** The partitions that are written to; all by default. */
  readonly loaded?: readonly number[]
  readonly codec?: Codec
  /** The minimum size; by default records have all sizes up to 200. */
  readonly recordBytes?: number
  /** Records of each partition in one round; there are several rounds a second. */
  readonly recordsPerTurn?: number
}

// Idempotent, so that the producer's own retries neither lose, duplicate nor reorder records.
const idempotent = { idempotent: true, lingerMs: 2, batchRecordsMax: 50 }
const turnMs = 30

/** Writes from its start until it is stopped. */
export class SequenceLoad {
  readonly #producer: TestProducer
  readonly #topic: string
  readonly #settings: LoadSettings
  readonly #running: Promise<void>
  #stopping = false
  #written = 0

  private constructor (producer: TestProducer, topic: string, settings: LoadSettings) {
    this.#producer = producer
    this.#topic = topic
    this.#settings = settings
    this.#running = this.#run()
    // stop() reports the failure; until then it must not end the process.
    this.#running.catch(() => {})
  }

  /**
   * A load that its test does not stop ends with the test, otherwise the process would never end.
   */
  static async start (
    t: CleanUp, cluster: KafkaCluster, topic: string, settings: LoadSettings
  ): Promise<SequenceLoad> {
    const { codec = 'lz4' } = settings
    const producer = await TestProducer.open(
      cluster.plainBootstrapServers, { ...idempotent, codec })
    const load = new SequenceLoad(producer, topic, settings)
    t.after(async () => { await load.stop().catch(() => {}) })
    return load
  }

  /** Acknowledged records of one partition so far. */
  get written (): number { return this.#written }

  /** Waits for records in flight; returns how many records every partition has. */
  async stop (): Promise<number> {
    this.#stopping = true
    try {
      await this.#running
    } finally {
      await this.#producer.close()
    }
    return this.#written
  }

  async #run (): Promise<void> {
    const { partitions, recordBytes, recordsPerTurn = 20 } = this.#settings
    const { loaded = Array.from({ length: partitions }, (_, each) => each) } = this.#settings
    while (!this.#stopping) {
      const from = this.#written
      const turn = Array.from({ length: recordsPerTurn }, (_, number) =>
        loaded.map((partition, at) => {
          const padding = recordBytes ?? (number * loaded.length + at) % 200
          return { value: `${from + number} ${'x'.repeat(padding)}`, partition }
        })).flat()
      await this.#producer.sendAll(this.#topic, turn)
      this.#written += recordsPerTurn
      await sleep(turnMs)
    }
  }
}

/** Fails with the lost, duplicate and reordered numbers. */
export async function assertEachOnceInOrder (
  cluster: KafkaCluster, topic: string, partitions: number | readonly number[], count: number
): Promise<void> {
  const loaded = typeof partitions === 'number'
    ? Array.from({ length: partitions }, (_, each) => each)
    : partitions
  const records = await readTopic(cluster.plainBootstrapServers, topic,
    { expected: count * loaded.length })
  for (const partition of loaded) {
    const numbers = records.filter(record => record.partition === partition)
      .map(({ value }) => Number.parseInt(value?.toString() ?? '', 10))
    assert.deepEqual(describeDisorder(numbers, count), [], `${topic}-${partition}`)
  }
}
