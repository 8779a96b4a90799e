// What a bench prints and writes: lines, names and logs that other programs read.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HistogramLogReader } from 'hdr-histogram-js'
import { BenchCounts } from '../../../src/orchestrator/bench/bench-counts.ts'
import {
  renderBenchTable, renderPerfTestLine, type BenchResult
} from '../../../src/orchestrator/bench/bench-result.ts'
import { parseBenchSettings } from '../../../src/orchestrator/bench/bench-table.ts'
import { renderHistogramLog } from '../../../src/orchestrator/bench/histogram-log.ts'
import { renderLatencyChart } from '../../../src/orchestrator/bench/latency-chart.ts'
import { createHistogram } from '../../../src/orchestrator/bench/latency-record.ts'
import { ombResult } from '../../../src/orchestrator/bench/omb-result.ts'

/** Two seconds: 100 records of 10 ms each, then 300 of 20 ms. */
function createResult (): BenchResult {
  const parsed = parseBenchSettings({ recordSize: '1000', partitions: '2' })
  assert.ok(parsed.ok)
  const counts = new BenchCounts()
  counts.begin(1_700_000_000_000)
  for (const [records, latencyMs, endMs] of [[100, 10, 1_000], [300, 20, 2_000]] as const) {
    counts.published += records
    counts.mirrored += records - 10
    counts.publishLatency.add(latencyMs / 10, records)
    counts.publishDelay.add(0.5, records)
    counts.endToEndLatency.add(latencyMs, records)
    counts.sample(1_700_000_000_000 + endMs)
  }
  return {
    settings: parsed.settings, batchRecords: 10, counts, publishSeconds: 2, mirrorSeconds: 2,
    mirrorCpuSeconds: 0.5, mirrorPeakRssBytes: 1e8
  }
}

const near = (actual: unknown, expected: number): void => {
  assert.ok(typeof actual === 'number' && Math.abs(actual - expected) <= expected / 100,
    `${String(actual)} is not about ${expected}`)
}

describe('the line of kafka-producer-perf-test', () => {
  test('has Kafka\'s form, with a MB of 1,048,576 bytes', () => {
    const latency = createHistogram()
    latency.recordValueWithCount(2_000, 990)
    latency.recordValueWithCount(50_000, 10)
    const line = renderPerfTestLine(1_000, 1_048_576, 2, latency)
    assert.match(line, new RegExp('^1000 records sent, 500\\.0 records/sec \\(0\\.50 MB/sec\\), ' +
      '2\\.48 ms avg latency, 50\\.0\\d ms max latency, 2 ms 50th, 2 ms 95th, 2 ms 99th, ' +
      '50 ms 99\\.9th\\.$'))
  })

  test('is the last line of the result, and says what was mirrored', () => {
    const lines = renderBenchTable(createResult()).split('\n')
    assert.match(lines.at(-1) ?? '', /^380 records sent, 190\.0 records\/sec/)
    assert.match(lines.at(-3) ?? '', /^400 records sent, 200\.0 records\/sec/)
  })

  test('of nothing has no percentiles that are no numbers', () => {
    assert.doesNotMatch(renderPerfTestLine(0, 0, 0, createHistogram()), /NaN|Infinity|undefined/)
  })
})

describe('the result for the OpenMessaging Benchmark', () => {
  test('has an entry for each second, and latencies over all of them', () => {
    const omb = ombResult(createResult(), { workload: 'w', driver: 'd' })
    assert.deepEqual(omb['publishRate'], [100, 300])
    assert.deepEqual(omb['consumeRate'], [90, 290])
    assert.deepEqual(omb['backlog'], [10, 20])
    const perSecond = omb['endToEndLatency99pct'] as readonly number[]
    near(perSecond[0], 10)
    near(perSecond[1], 20)
    near(omb['aggregatedEndToEndLatency50pct'], 20)
    near(omb['aggregatedEndToEndLatencyAvg'], 17.5)
    near(omb['aggregatedPublishLatency99pct'], 2)
    near(omb['aggregatedPublishDelayLatency50pct'], 500) // microseconds
    near((omb['aggregatedEndToEndLatencyQuantiles'] as Record<string, number>)['10'], 10)
    assert.equal(omb['messageSize'], 1000)
  })
})

describe('the HdrHistogram log', () => {
  test('holds one histogram for each second, which a reader adds up', () => {
    const reader = new HistogramLogReader(renderHistogramLog(createResult().counts.samples))
    const counts: number[] = []
    for (let next = reader.nextIntervalHistogram(); next !== null;) {
      counts.push(next.totalCount)
      near(next.maxValue, counts.length * 10_000)
      next = reader.nextIntervalHistogram()
    }
    assert.deepEqual(counts, [100, 300])
  })
})

describe('the picture', () => {
  test('is one SVG without numbers that are none', () => {
    const svg = renderLatencyChart(createResult(), 'a < b')
    assert.match(svg, /^<svg [^]*<\/svg>\n$/)
    assert.match(svg, /a &lt; b/)
    assert.doesNotMatch(svg, /NaN|Infinity|undefined/)
    assert.equal(svg.match(/<polyline/g)?.length, 3)
  })
})
