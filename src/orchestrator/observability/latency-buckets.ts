// The bounds of the buckets that lanes count durations in. Which they are, the contract says:
// latencyBuckets, log-linear in whole milliseconds.
import { latencyBuckets } from '../../dataplane/contract/contract-table.ts'
import type { LatencySnapshot } from './snapshot.ts'

const { count: bucketCount, subBuckets } = latencyBuckets

/**
 * Where each bucket ends; the value itself belongs to the next one. The last bucket of the contract
 * has no end and so no entry: it also takes everything beyond. Powers of two are always bounds, and
 * the `le` bounds of the metric table are chosen from them: folding one into the other is exact.
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

/** What was counted between two snapshots of one histogram; all of it if the counters restarted. */
export function latencySince (
  latest: LatencySnapshot, earlier: LatencySnapshot | undefined
): LatencySnapshot {
  if (earlier === undefined) return latest
  const counts = latest.counts.map((count, bucket) =>
    Number(count) - Number(earlier.counts[bucket] ?? 0))
  if (counts.some((count) => count < 0)) return latest
  return { ...latest, counts, sumMs: Number(latest.sumMs) - Number(earlier.sumMs) }
}
