// Reads the remote topic as a consumer that waits for records, one Fetch at a time to each leader,
// and counts when records became visible. Every record of a batch counts from its own time.
import { fetchApi, encodeFetch, parseFetch, type FetchedBatch } from './fetch-request.ts'
import type { RequestClient } from '../cluster/native-request-client.ts'
import { timestampDelta } from './batch-template.ts'
import type { BenchClock } from './bench-clock.ts'
import type { BenchCounts } from './bench-counts.ts'
import type { TopicLeaders } from './topic-leaders.ts'

export interface TargetReaderOptions {
  readonly client: RequestClient
  readonly topic: string
  readonly leaders: TopicLeaders
  readonly clock: BenchClock
  readonly counts: BenchCounts
}

const limits = { waitMaxMs: 250, bytesMax: 16 * 1024 * 1024, partitionBytesMax: 4 * 1024 * 1024 }
const retryMs = 100
const failuresMax = 50

export class TargetReader {
  readonly #options: TargetReaderOptions
  readonly #closing = new AbortController()
  readonly #offsets: number[]
  #running: Promise<void> = Promise.resolve()
  #failures = 0

  constructor (options: TargetReaderOptions) {
    this.#options = options
    this.#offsets = Array.from({ length: options.leaders.partitions }, () => 0)
  }

  /** All that it has read; the topic must have begun empty. */
  get records (): number { return this.#offsets.reduce((sum, offset) => sum + offset, 0) }

  /** `onFailed` receives the error that ended the reading. */
  start (onFailed: (error: unknown) => void): void {
    this.#running = this.#readAll().catch(onFailed)
  }

  /** Idempotent, never rejects. A Fetch that waits ends within its time. */
  async close (): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  /** One loop for each leader; all begin again when leaders have moved. */
  async #readAll (): Promise<void> {
    const { clock, leaders } = this.#options
    await leaders.refresh()
    while (!this.#closing.signal.aborted) {
      try {
        await Promise.all(leaders.nodes().map(async node => { await this.#read(node) }))
      } catch (thrown) {
        if (this.#closing.signal.aborted) return
        if (++this.#failures > failuresMax) throw thrown
        await clock.sleepUntil(clock.now() + retryMs, this.#closing.signal)
        await leaders.refresh()
      }
    }
  }

  /** Until its partitions have another leader: then a Fetch fails. */
  async #read (node: number): Promise<void> {
    const { client, clock, leaders, topic } = this.#options
    const partitions = [...leaders.partitionsOf(node)]
    while (!this.#closing.signal.aborted) {
      const wanted = partitions.map(partition =>
        ({ partition, offset: this.#offsets[partition] ?? 0 }))
      const body = encodeFetch(topic, wanted, limits)
      const response = await client.send({ node, ...fetchApi, body })
      const nowMs = clock.now()
      for (const { batches, code, partition } of parseFetch(response)) {
        if (code !== 0) throw new Error(`${topic}-${partition}: error ${code} of the broker`)
        for (const batch of batches) this.#take(partition, batch, nowMs)
      }
      this.#failures = 0
      // A response may be full before the last partitions: each is first in turn.
      partitions.push(...partitions.splice(0, 1))
    }
  }

  #take (partition: number, batch: FetchedBatch, nowMs: number): void {
    // A broker returns whole batches, of which the first may begin before the wanted offset.
    if (batch.lastOffset < (this.#offsets[partition] ?? 0)) return
    this.#offsets[partition] = batch.lastOffset + 1
    const { counts } = this.#options
    if (batch.baseTimestampMs < counts.countFromMs) return
    counts.mirrored += batch.records
    counts.mirroredBytes += batch.bytes
    counts.lastMirroredMs = nowMs
    const spanMs = batch.maxTimestampMs - batch.baseTimestampMs
    if (spanMs === 0) {
      counts.endToEndLatency.add(nowMs - batch.baseTimestampMs, batch.records)
      return
    }
    for (let record = 0; record < batch.records; record++) {
      const createdMs = batch.baseTimestampMs +
        timestampDelta(record, { records: batch.records, spanMs })
      counts.endToEndLatency.add(nowMs - createdMs, 1)
    }
  }
}
