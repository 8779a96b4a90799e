// The figures of a bench, as a table for people and as lines in the form of Kafka's
// kafka-producer-perf-test, which other programs read. Pure.
import Table from 'cli-table3'
import type { Histogram } from 'hdr-histogram-js'
import { formatBytes, formatCount, formatSeconds } from '../observability/format.ts'
import type { BenchCounts, BenchSample } from './bench-counts.ts'
import type { BenchSettings } from './bench-table.ts'
import { meanMs, percentileMs } from './latency-record.ts'

export interface BenchResult {
  readonly settings: BenchSettings
  readonly batchRecords: number
  readonly counts: BenchCounts
  /** From the first record until the source had acknowledged the last one. */
  readonly publishSeconds: number
  /** From the first record until the last one was visible on the target. */
  readonly mirrorSeconds: number
  /** Of the mirror's process, from the first record until the last one was visible. */
  readonly mirrorCpuSeconds: number
  readonly mirrorPeakRssBytes: number
}

const bytesOfMB = 1024 * 1024

/** Latencies as kafka-producer-perf-test prints them; a MB is 1,048,576 bytes there. */
export function renderPerfTestLine (
  records: number, bytes: number, seconds: number, latency: Histogram
): string {
  const perSecond = seconds > 0 ? records / seconds : 0
  const megabytes = seconds > 0 ? bytes / bytesOfMB / seconds : 0
  const at = (percentile: number): string => percentileMs(latency, percentile).toFixed(0)
  return `${records} records sent, ${perSecond.toFixed(1)} records/sec ` +
    `(${megabytes.toFixed(2)} MB/sec), ${meanMs(latency).toFixed(2)} ms avg latency, ` +
    `${percentileMs(latency, 100).toFixed(2)} ms max latency, ${at(50)} ms 50th, ` +
    `${at(95)} ms 95th, ${at(99)} ms 99th, ${at(99.9)} ms 99.9th.`
}

export function renderBenchTable (result: BenchResult): string {
  const { batchRecords, counts, mirrorCpuSeconds, mirrorPeakRssBytes, mirrorSeconds } = result
  const { publishSeconds, settings } = result
  const valueBytes = counts.mirrored * settings.recordSize
  const table = new Table({ style: { head: [], border: [] }, colAligns: ['left', 'right'] })
  table.push(
    ['Records written / mirrored', `${whole(counts.published)} / ${whole(counts.mirrored)}`],
    ['Batches', `of ${whole(batchRecords)} records, ${settings.compression}`],
    ['Written in / mirrored in', `${formatSeconds(publishSeconds)} / ` +
      formatSeconds(mirrorSeconds)],
    ['Throughput of the mirror', `${formatCount(rate(counts.mirrored, mirrorSeconds))} records/s`],
    ['', `${formatBytes(rate(valueBytes, mirrorSeconds))}/s of values`],
    ['', `${formatBytes(rate(counts.mirroredBytes, mirrorSeconds))}/s of batches`],
    ['Records that the source refused', whole(counts.publishErrors)],
    ['CPU time of the mirror', `${mirrorCpuSeconds.toFixed(2)} s`],
    ['', `${perGigabyte(mirrorCpuSeconds, counts.mirroredBytes)} s for a GB of batches`],
    ['Memory of the mirror, at most', formatBytes(mirrorPeakRssBytes)]
  )
  const latencies = new Table({
    head: ['Latency, ms', 'mean', '50 %', '95 %', '99 %', '99.9 %', 'max'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right']
  })
  latencies.push(
    latencyRow('created to visible on the target', counts.endToEndLatency.total),
    latencyRow('sent to acknowledged by the source', counts.publishLatency.total),
    latencyRow('created to sent', counts.publishDelay.total)
  )
  return [
    table.toString(),
    latencies.toString(),
    'Produced to the source, in the form of kafka-producer-perf-test:',
    renderPerfTestLine(counts.published, counts.publishedBytes, publishSeconds,
      counts.publishLatency.total),
    'Mirrored to the target, latency from end to end:',
    renderPerfTestLine(counts.mirrored, valueBytes, mirrorSeconds, counts.endToEndLatency.total)
  ].join('\n')
}

export function renderSample (sample: BenchSample, recordSize: number): string {
  const { backlog, endToEndLatency, mirrored, published, seconds } = sample
  const p99 = endToEndLatency.totalCount === 0
    ? '-'
    : formatSeconds(percentileMs(endToEndLatency, 99) / 1000)
  return `${formatCount(rate(published, seconds))} records/s written  ` +
    `${formatCount(rate(mirrored, seconds))} mirrored  ` +
    `${formatBytes(rate(mirrored * recordSize, seconds))}/s  ` +
    `behind ${formatCount(backlog)}  p99 ${p99}`
}

function latencyRow (name: string, histogram: Histogram): string[] {
  return [name, meanMs(histogram).toFixed(2),
    ...[50, 95, 99, 99.9, 100].map(percentile => percentileMs(histogram, percentile).toFixed(2))]
}

function perGigabyte (cpuSeconds: number, bytes: number): string {
  return bytes === 0 ? '-' : (cpuSeconds * 1e9 / bytes).toFixed(2)
}

function rate (count: number, seconds: number): number { return seconds > 0 ? count / seconds : 0 }

function whole (count: number): string { return count.toLocaleString('en-US') }
