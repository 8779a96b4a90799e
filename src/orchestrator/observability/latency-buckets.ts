// The bucket bounds that lanes count durations in: log-linear, so that one short array holds
// 62.5 microseconds to 18 hours with an error of at most 1/16.
import type { LatencySnapshot } from './snapshot.ts'

/** Steps an octave. */
const octaveSteps = 16
/** Octaves from 1 ms up: 2^26 ms is 18.6 hours. */
const octaves = 26

/**
 * The unit is 1/16 ms. Bucket i < 16 holds [i, i+1) units; above, octave o holds 16 steps of 2^o
 * units. For a duration of u units, with o = floor(log2 u) - 4:
 *
 *     i = u < 16 ? u : 16 * (o + 1) + ((u >> o) - 16)
 *
 * so counting costs one bit-width and one shift. Whole powers of two in milliseconds are bounds,
 * which the `le` bounds of the metric table are chosen from: folding the one into the other is exact.
 */
export const latencyUpperBoundsMs: readonly number[] = Array.from(
  { length: octaveSteps * (octaves + 1) },
  (_, index) => {
    if (index < octaveSteps) return (index + 1) / octaveSteps
    const octave = Math.floor(index / octaveSteps) - 1
    const step = index % octaveSteps
    return (octaveSteps + step + 1) * 2 ** octave / octaveSteps
  }
)

/** The bucket of a duration; the number of bounds for one that is beyond them all. */
export function latencyBucket (ms: number): number {
  const units = Math.floor(Math.max(0, ms) * octaveSteps)
  if (units < octaveSteps) return units
  const octave = Math.floor(Math.log2(units)) - 4
  const step = Math.floor(units / 2 ** octave) - octaveSteps
  return Math.min(octaveSteps * (octave + 1) + step, latencyUpperBoundsMs.length)
}

export const emptyLatency: LatencySnapshot = {
  upperBoundsMs: latencyUpperBoundsMs,
  counts: [],
  sumMs: 0,
  maxMs: 0
}

/** What was counted between two snapshots of one histogram; all of it if the counters restarted. */
export function latencySince (
  latest: LatencySnapshot, earlier: LatencySnapshot | undefined
): LatencySnapshot {
  if (earlier === undefined) return latest
  const counts = latest.counts.map((count, index) =>
    Number(count) - Number(earlier.counts[index] ?? 0))
  if (counts.some((count) => count < 0)) return latest
  return { ...latest, counts, sumMs: latest.sumMs - earlier.sumMs }
}
