// Latency buckets compared with the data plane's arithmetic, and percentiles with known data.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeFromCompressedBase64 } from 'hdr-histogram-js'
import { latencyBuckets } from '../../../src/dataplane/contract/contract-table.ts'
import {
  emptyLatency, latencySince, latencyUpperBoundsMs, percentileMs, summarizeLatency
} from '../../../src/orchestrator/observability/latency.ts'
import { metricTable } from '../../../src/orchestrator/observability/metric-table.ts'
import { countLatencies } from './sample-flow.ts'

test('bounds are whole milliseconds up to 8 and rise by at most an eighth from there', () => {
  assert.deepEqual(latencyUpperBoundsMs.slice(0, 12), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  assert.deepEqual(latencyUpperBoundsMs.slice(15, 18), [16, 18, 20])
  assert.equal(latencyUpperBoundsMs.length, latencyBuckets.count - 1)
  for (let bucket = 8; bucket < latencyUpperBoundsMs.length; bucket++) {
    const growth = latencyUpperBoundsMs[bucket]! / latencyUpperBoundsMs[bucket - 1]!
    assert.ok(growth > 1 && growth <= 1 + 1 / 8, `bucket ${bucket}`)
  }
})

// The same arithmetic as LatencyCounts::BucketOf of the data plane, which counts into the buckets.
test('a duration counted by the data plane is between the bounds of its bucket', () => {
  for (const ms of [0, 1, 7, 8, 9, 15, 16, 17, 100, 1023, 1024, 12_345, 3_600_000, 200_000_000]) {
    const shift = Math.floor(Math.log2(ms)) - 3
    const bucket = ms < 8 ? ms : 8 + shift * 8 + Math.floor(ms / 2 ** shift) - 8
    assert.ok(ms < latencyUpperBoundsMs[bucket]!, `${ms} ms`)
    assert.ok(ms >= (latencyUpperBoundsMs[bucket - 1] ?? 0), `${ms} ms`)
  }
})

test('every le of the metrics is a bound of the buckets, so sums are exact', () => {
  const { buckets } = metricTable.longhaul_replication_latency_seconds
  for (const seconds of buckets) assert.ok(latencyUpperBoundsMs.includes(seconds * 1000))
})

test('percentiles of 1..10000 ms are right within a bucket and never too low', () => {
  const values = Array.from({ length: 10_000 }, (_, index) => index + 1)
  const summary = summarizeLatency([countLatencies(values)])
  assert.ok(summary)
  assert.equal(summary.count, 10_000)
  assert.equal(summary.meanMs, 5000.5)
  const expected = [
    [summary.p50Ms, 5000], [summary.p90Ms, 9000], [summary.p99Ms, 9900], [summary.p999Ms, 9990],
    [summary.maxMs, 10_000]
  ] as const
  for (const [actual, exact] of expected) {
    assert.ok(actual >= exact && actual <= exact * (1 + 1 / 8 + 1 / 1000), `${actual} ~ ${exact}`)
  }
})

test('lanes are merged, and the encoding decodes to the same counts', () => {
  const summary = summarizeLatency([countLatencies([1, 2, 3]), countLatencies([50])])
  assert.equal(summary?.count, 4)
  const decoded = decodeFromCompressedBase64(summary?.hdrBase64 ?? '', 64)
  assert.equal(decoded.totalCount, 4)
  assert.ok(Math.abs(decoded.maxValue - 52_000) <= 52)
})

test('a duration above the last bound counts as a day', () => {
  const summary = summarizeLatency([countLatencies([2 ** 40])])
  assert.ok((summary?.p50Ms ?? 0) >= 24 * 3600 * 1000)
})

test('an empty histogram has no percentiles', () => {
  assert.equal(summarizeLatency([emptyLatency]), undefined)
  assert.equal(summarizeLatency([]), undefined)
})

test('the difference of two snapshots has the counts between them', () => {
  const earlier = countLatencies([1, 1, 500])
  const latest = countLatencies([1, 1, 500, 9])
  const between = summarizeLatency([latencySince(latest, earlier)])
  assert.equal(between?.count, 1)
  assert.ok((between?.p99Ms ?? 0) < 11)
  assert.equal(latencySince(earlier, latest), earlier)
  assert.equal(latencySince(latest, undefined), latest)
})

test('a percentile from buckets is that of the histogram, to the bucket', () => {
  const latencies = [countLatencies([0, 3, 3, 700]), countLatencies([5, 90, 90, 12_000])]
  const summary = summarizeLatency(latencies)
  assert.ok(summary !== undefined)
  for (const [percentile, ms] of [[50, summary.p50Ms], [90, summary.p90Ms], [99, summary.p99Ms]]) {
    const ofBuckets = percentileMs(latencies, percentile ?? 0)
    // HdrHistogram rounds to three digits.
    assert.ok(Math.abs((ofBuckets ?? 0) / (ms ?? 1) - 1) < 0.001, `${ofBuckets} and ${ms}`)
  }
  assert.equal(percentileMs([emptyLatency], 99), undefined)
})
