// Durations as lanes count them: the bounds of their buckets, sums over lanes that never fall,
// percentiles. The contract defines the buckets: log-linear in whole milliseconds.
import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js'
import { latencyBuckets } from '../../dataplane/contract/contract-table.ts'
import { CarriedSum, laneMember } from './carried-sum.ts'
import type { LaneSnapshot, LatencySnapshot } from './snapshot.ts'

const { count: bucketCount, subBuckets } = latencyBuckets

/**
 * The upper bound of each bucket; a value equal to the bound belongs to the next bucket. The last
 * bucket of the contract has no upper bound and so no entry: it counts all longer durations. Powers
 * of two are always bounds, and the `le` bounds of the metric table are chosen from them, so these
 * buckets add up exactly to those of the table.
 */
export const latencyUpperBoundsMs: readonly number[] = Array.from(
  { length: bucketCount - 1 },
  (_, bucket) => {
    if (bucket < subBuckets) return bucket + 1
    const shift = Math.floor(bucket / subBuckets) - 1
    return (subBuckets + bucket % subBuckets + 1) * 2 ** shift
  }
)

export const emptyLatency: LatencySnapshot = {
  upperBoundsMs: latencyUpperBoundsMs,
  counts: [],
  sumMs: 0
}

/** Bucket counts and their sum over lanes that appear, disappear and restart at 0. */
export class LatencySum {
  readonly #sum = new CarriedSum()

  observe (lanes: readonly LaneSnapshot[]): LatencySnapshot {
    // The sum is the first entry: a lane that has counted nothing yet may have no counts at all.
    const [sumMs = 0, ...counts] = this.#sum.observe(lanes.map((lane) =>
      laneMember(lane, [lane.latency.sumMs, ...lane.latency.counts])))
    return { upperBoundsMs: lanes[0]?.latency.upperBoundsMs ?? latencyUpperBoundsMs, counts, sumMs }
  }
}

/** The counts between two snapshots of one histogram; all counts if the counters restarted. */
export function latencySince (
  latest: LatencySnapshot, earlier: LatencySnapshot | undefined
): LatencySnapshot {
  if (earlier === undefined) return latest
  const counts = latest.counts.map((count, bucket) =>
    Number(count) - Number(earlier.counts[bucket] ?? 0))
  if (counts.some((count) => count < 0)) return latest
  return { ...latest, counts, sumMs: Number(latest.sumMs) - Number(earlier.sumMs) }
}

/**
 * The upper bound of the bucket that contains the percentile, in ms: never too low; a day for the
 * last bucket. Undefined if nothing was counted: an empty histogram has no percentile.
 */
export function percentileMs (
  latencies: readonly LatencySnapshot[], percentile: number
): number | undefined {
  const total = latencies.reduce((sum, { counts }) =>
    counts.reduce<number>((ofLane, count) => ofLane + Number(count), sum), 0)
  if (total === 0) return undefined
  let left = total * percentile / 100
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    for (const { counts } of latencies) left -= Number(counts[bucket] ?? 0)
    if (left <= 0) return latencyUpperBoundsMs[bucket] ?? dayMs
  }
  return dayMs
}

export interface LatencySummary {
  readonly count: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  /** The upper bound of the highest bucket with a count. */
  readonly maxMs: number
  /** HdrHistogram V2, compressed, base64; values in microseconds. */
  readonly hdrBase64: string
}

/** HdrHistogram counts whole numbers: microseconds. */
const microsecondsAMs = 1000
const dayMs = 24 * 3600 * 1000

/** For the summary of a run, in the encoding that benchmark tools read. */
export function summarizeLatency (
  latencies: readonly LatencySnapshot[]
): LatencySummary | undefined {
  const histogram = toHdrHistogram(latencies)
  const count = histogram.totalCount
  if (count === 0) return undefined
  const valueMs = (percentile: number): number =>
    histogram.getValueAtPercentile(percentile) / microsecondsAMs
  return {
    count,
    meanMs: latencies.reduce((sumMs, latency) => sumMs + Number(latency.sumMs), 0) / count,
    p50Ms: valueMs(50),
    p90Ms: valueMs(90),
    p99Ms: valueMs(99),
    p999Ms: valueMs(99.9),
    maxMs: valueMs(100),
    hdrBase64: encodeIntoCompressedBase64(histogram)
  }
}

/**
 * Each bucket is recorded at its upper bound. The JavaScript implementation, not the WebAssembly
 * one: nothing to load before the first use and nothing to free after the last.
 */
function toHdrHistogram (latencies: readonly LatencySnapshot[]): Histogram {
  const dayMicroseconds = dayMs * microsecondsAMs
  const histogram = build({
    // 64-bit: a lane counts more than 2^31 batches in a few months.
    bitBucketSize: 64,
    autoResize: true,
    lowestDiscernibleValue: 1,
    highestTrackableValue: dayMicroseconds,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false
  })
  for (const { counts, upperBoundsMs } of latencies) {
    counts.forEach((count, index) => {
      if (Number(count) <= 0) return
      const boundMicroseconds = (upperBoundsMs[index] ?? Infinity) * microsecondsAMs
      histogram.recordValueWithCount(Math.min(boundMicroseconds, dayMicroseconds), Number(count))
    })
  }
  return histogram
}
