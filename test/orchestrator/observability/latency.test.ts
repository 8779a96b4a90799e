import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeFromCompressedBase64 } from 'hdr-histogram-js'
import {
  emptyLatency, latencyBucket, latencySince, latencyUpperBoundsMs
} from '../../../src/orchestrator/observability/latency-buckets.ts'
import { summarizeLatency } from '../../../src/orchestrator/observability/latency-histogram.ts'
import { metricTable } from '../../../src/orchestrator/observability/metric-table.ts'
import { countLatencies } from './sample-flow.ts'

function lowerBoundMs (bucket: number): number {
  return latencyUpperBoundsMs[bucket - 1] ?? 0
}

test('bounds rise, start at 62.5 microseconds and end at 18 hours', () => {
  assert.equal(latencyUpperBoundsMs[0], 0.0625)
  assert.equal(latencyUpperBoundsMs.at(-1), 2 ** 26)
  latencyUpperBoundsMs.forEach((bound, bucket) => { assert.ok(bound > lowerBoundMs(bucket)) })
})

test('a duration lies in the bucket that counts it', () => {
  for (let bucket = 0; bucket < latencyUpperBoundsMs.length; bucket++) {
    const upperMs = latencyUpperBoundsMs[bucket]!
    assert.equal(latencyBucket(lowerBoundMs(bucket)), bucket)
    assert.equal(latencyBucket(upperMs - 1e-9 * upperMs), bucket)
  }
  assert.equal(latencyBucket(-1), 0)
  assert.equal(latencyBucket(1e12), latencyUpperBoundsMs.length)
})

test('a bucket from 1 ms up is at most a sixteenth wide', () => {
  latencyUpperBoundsMs.forEach((bound, bucket) => {
    if (bound > 1) assert.ok((bound - lowerBoundMs(bucket)) / lowerBoundMs(bucket) <= 1 / 16)
  })
})

test('every le of the metrics is a bound of the buckets, so folding is exact', () => {
  const rows = [
    metricTable.longhaul_replication_latency_seconds, metricTable.longhaul_record_age_seconds
  ]
  for (const { buckets } of rows) {
    for (const seconds of buckets) assert.ok(latencyUpperBoundsMs.includes(seconds * 1000))
  }
})

test('percentiles of 1..10000 ms are right within a bucket and never too low', () => {
  const values = Array.from({ length: 10_000 }, (_, index) => index + 1)
  const summary = summarizeLatency([countLatencies(values)])
  assert.ok(summary)
  assert.equal(summary.count, 10_000)
  assert.equal(summary.maxMs, 10_000)
  assert.equal(summary.meanMs, 5000.5)
  const expected = [
    [summary.p50Ms, 5000], [summary.p90Ms, 9000], [summary.p99Ms, 9900], [summary.p999Ms, 9990]
  ] as const
  for (const [actual, exact] of expected) {
    assert.ok(actual >= exact && actual <= exact * (1 + 1 / 16 + 1 / 1000), `${actual} ~ ${exact}`)
  }
})

test('lanes are merged, and the encoding decodes to the same counts', () => {
  const summary = summarizeLatency([countLatencies([1, 2, 3]), countLatencies([50])])
  assert.equal(summary?.count, 4)
  const decoded = decodeFromCompressedBase64(summary?.hdrBase64 ?? '', 64)
  assert.equal(decoded.totalCount, 4)
  assert.ok(Math.abs(decoded.maxValue - 50_000) <= 50)
})

test('what is beyond the last bound counts at the largest value seen', () => {
  const summary = summarizeLatency([countLatencies([2 ** 27])])
  assert.equal(summary?.p50Ms, 2 ** 27)
})

test('nothing counted has no percentiles', () => {
  assert.equal(summarizeLatency([emptyLatency]), undefined)
  assert.equal(summarizeLatency([]), undefined)
})

test('the difference of two snapshots is what happened between them', () => {
  const earlier = countLatencies([1, 1, 500])
  const latest = countLatencies([1, 1, 500, 9])
  const between = summarizeLatency([latencySince(latest, earlier)])
  assert.equal(between?.count, 1)
  assert.ok((between?.p99Ms ?? 0) < 10)
  assert.equal(latencySince(earlier, latest), earlier)
  assert.equal(latencySince(latest, undefined), latest)
})
