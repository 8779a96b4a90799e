// What a line and its clusters are like, measured before the sweep: round trips, how much one
// connection passes, how large batches are, and how long the target needs to commit one.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { BatchSample } from '../cluster/cluster-samples.ts'
import type { Clock } from '../time/clock.ts'

export interface SampledTopic {
  readonly topic: string
  readonly partition: number
  readonly node: number
  readonly offset: bigint
}

const requests = 5
const answerMsMax = 10_000

/** The shortest of several requests: a busy broker delays the others by its own work. */
export async function measureRoundTripMs (
  admin: ClusterAdmin, broker: number, clock: Clock
): Promise<number> {
  let best = Infinity
  for (let i = 0; i <= requests; i++) {
    const startMs = clock.monotonic()
    await admin.describeCluster({ broker, timeoutMs: answerMsMax })
    // The first request may have opened the connection.
    if (i > 0) best = Math.min(best, clock.monotonic() - startMs)
  }
  return best
}

const firstBytes = 256 * 1024
const enoughMs = 1_000

export interface ConnectionRate {
  readonly bytesPerSecond: number
  /** What a connection has under way: its rate times the round trip. */
  readonly windowBytes: number
}

/** Of one connection to the source, by answers that double up to `bytesMax`. */
export async function measureConnection (
  source: ClusterAdmin, from: SampledTopic, roundTripMs: number, bytesMax: number
): Promise<ConnectionRate> {
  let best: BatchSample | undefined
  for (let size = firstBytes; size <= bytesMax; size *= 2) {
    const sample = await sampleOf(source, from, size, 0)
    if (best === undefined || sample.bytes > best.bytes) best = sample
    if (sample.elapsedMs >= enoughMs || sample.bytes < size / 2) break
  }
  const { bytes = 0, elapsedMs = 1 } = best ?? {}
  const bytesPerSecond = bytes / Math.max(elapsedMs, 0.1) * 1000
  return { bytesPerSecond, windowBytes: bytesPerSecond * roundTripMs / 1000 }
}

const sampledBytes = 1024 * 1024
const sampledBatches = 50

export interface BatchFigures {
  /** The median. */
  readonly bytes: number
  /** Of the median batch, as in compression.type. */
  readonly codec: string
  readonly bytesARecord: number
}

/** Of the batches at the beginning of these partitions; undefined: none has records. */
export async function measureBatches (
  source: ClusterAdmin, topics: readonly SampledTopic[]
): Promise<BatchFigures | undefined> {
  const sampled = []
  for (const each of topics) {
    const { partitions } = await sampleOf(source, each, sampledBytes, sampledBatches)
    sampled.push(...partitions.flatMap(({ batches }) => batches))
  }
  const median = sampled.toSorted((one, other) => one.bytes - other.bytes)[
    Math.floor(sampled.length / 2)]
  if (median === undefined) return undefined
  const counted = sampled.filter(({ records }) => records > 0)
  const records = counted.reduce((sum, batch) => sum + batch.records, 0)
  const bytes = counted.reduce((sum, batch) => sum + batch.bytes, 0)
  return { bytes: median.bytes, codec: median.codec, bytesARecord: bytes / Math.max(records, 1) }
}

async function sampleOf (
  source: ClusterAdmin, { node, offset, partition, topic }: SampledTopic, bytesMax: number,
  batchesMax: number
): Promise<BatchSample> {
  return await source.sampleBatches({
    node,
    bytesMax,
    batchesMax,
    partitions: [
      { topic, partition, offset, batchBytesMax: 0, keepsProducerTimestamps: false }
    ]
  })
}
