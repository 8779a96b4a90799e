// Latencies of records: a histogram of the whole bench, and one of the present interval.
import { build, type Histogram } from 'hdr-histogram-js'

/** Longer ones count as an hour. */
const microsecondsMax = 3_600_000_000

export function createHistogram (): Histogram {
  return build({
    bitBucketSize: 64,
    autoResize: true,
    lowestDiscernibleValue: 1,
    highestTrackableValue: microsecondsMax,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false
  })
}

export class LatencyRecord {
  readonly total = createHistogram()
  #interval = createHistogram()

  /** Of `count` records. A clock that was set back makes no latency negative. */
  add (milliseconds: number, count: number): void {
    const microseconds = Math.round(Math.max(0, milliseconds) * 1000)
    const value = Math.min(microseconds, microsecondsMax)
    this.total.recordValueWithCount(value, count)
    this.#interval.recordValueWithCount(value, count)
  }

  /** The latencies since the last call. */
  takeInterval (): Histogram {
    const taken = this.#interval
    this.#interval = createHistogram()
    return taken
  }
}

/** The percentile in milliseconds; 0 of an empty histogram. */
export function percentileMs (histogram: Histogram, percentile: number): number {
  return histogram.totalCount === 0 ? 0 : histogram.getValueAtPercentile(percentile) / 1000
}

export function meanMs (histogram: Histogram): number {
  return histogram.totalCount === 0 ? 0 : histogram.mean / 1000
}
