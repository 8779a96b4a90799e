// Percentiles out of latency buckets, through HdrHistogram, whose encoding benchmark tools read.
import { build, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js'
import type { LatencySnapshot } from './snapshot.ts'

export interface LatencySummary {
  readonly count: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  /** The end of the highest bucket that counted. */
  readonly maxMs: number
  /** HdrHistogram V2, compressed, base64; values in microseconds. */
  readonly hdrBase64: string
}

/** HdrHistogram counts whole numbers: microseconds. */
const microsecondsAMs = 1000
const dayMicroseconds = 24 * 3600 * 1000 * microsecondsAMs

/**
 * Each bucket is recorded at its upper bound: a percentile is never flattered. What is beyond the
 * last bound counts as a day. The JavaScript implementation, not the WebAssembly one: nothing
 * to load before the first use and nothing to free after the last.
 */
export function toHdrHistogram (latencies: readonly LatencySnapshot[]): Histogram {
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

/** Undefined when nothing was counted: a percentile of nothing is no number. */
export function summarizeLatency (
  latencies: readonly LatencySnapshot[]
): LatencySummary | undefined {
  const histogram = toHdrHistogram(latencies)
  const count = histogram.totalCount
  if (count === 0) return undefined
  const percentileMs = (percentile: number): number =>
    histogram.getValueAtPercentile(percentile) / microsecondsAMs
  return {
    count,
    meanMs: latencies.reduce((sumMs, latency) => sumMs + Number(latency.sumMs), 0) / count,
    p50Ms: percentileMs(50),
    p90Ms: percentileMs(90),
    p99Ms: percentileMs(99),
    p999Ms: percentileMs(99.9),
    maxMs: percentileMs(100),
    hdrBase64: encodeIntoCompressedBase64(histogram)
  }
}
