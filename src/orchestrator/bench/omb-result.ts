// The figures of a bench under the names of the OpenMessaging Benchmark's result, for the programs
// that read those. Latencies are milliseconds, delays microseconds; arrays have one entry for each
// second. Pure.
import type { Histogram } from 'hdr-histogram-js'
import type { BenchResult } from './bench-result.ts'
import type { BenchSample } from './bench-counts.ts'
import { meanMs, percentileMs } from './latency-record.ts'

const percentiles = [
  ['50pct', 50], ['75pct', 75], ['95pct', 95], ['99pct', 99], ['999pct', 99.9],
  ['9999pct', 99.99], ['99999pct', 99.999], ['Max', 100]
] as const
/** The points of the aggregated quantiles: finer towards the end. */
const quantiles = [
  0, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 97, 98, 99, 99.5, 99.9, 99.95, 99.99,
  99.999, 100
] as const

interface Kind {
  readonly name: string
  readonly unitsAMs: number
  readonly ofSample: (sample: BenchSample) => Histogram
  readonly total: Histogram
}

export function ombResult (
  result: BenchResult, names: { readonly workload: string, readonly driver: string }
): Readonly<Record<string, unknown>> {
  const { counts, settings } = result
  const samples = counts.samples.filter(({ seconds }) => seconds > 0)
  const kinds: readonly Kind[] = [
    {
      name: 'publishLatency', unitsAMs: 1, total: counts.publishLatency.total,
      ofSample: sample => sample.publishLatency
    },
    {
      name: 'publishDelayLatency', unitsAMs: 1000, total: counts.publishDelay.total,
      ofSample: sample => sample.publishDelay
    },
    {
      name: 'endToEndLatency', unitsAMs: 1, total: counts.endToEndLatency.total,
      ofSample: sample => sample.endToEndLatency
    }
  ]
  return {
    ...names,
    messageSize: settings.recordSize,
    topics: 1,
    partitions: settings.partitions,
    producersPerTopic: settings.producers,
    consumersPerTopic: 1,
    publishRate: samples.map(({ published, seconds }) => published / seconds),
    publishErrorRate: samples.map(({ publishErrors, seconds }) => publishErrors / seconds),
    consumeRate: samples.map(({ mirrored, seconds }) => mirrored / seconds),
    backlog: samples.map(({ backlog }) => backlog),
    ...Object.assign({}, ...kinds.map(kind => latencyFields(kind, samples))) as object
  }
}

function latencyFields (
  { name, ofSample, total, unitsAMs }: Kind, samples: readonly BenchSample[]
): Readonly<Record<string, unknown>> {
  const aggregated = `aggregated${name[0]?.toUpperCase()}${name.slice(1)}`
  const histograms = samples.map(ofSample)
  const fields: ReadonlyArray<readonly [string, unknown]> = [
    [`${name}Avg`, histograms.map(each => meanMs(each) * unitsAMs)],
    [`${aggregated}Avg`, meanMs(total) * unitsAMs],
    ...percentiles.flatMap(([suffix, at]): ReadonlyArray<readonly [string, unknown]> => [
      [`${name}${suffix}`, histograms.map(each => percentileMs(each, at) * unitsAMs)],
      [`${aggregated}${suffix}`, percentileMs(total, at) * unitsAMs]
    ]),
    [`${aggregated}Quantiles`, Object.fromEntries(
      quantiles.map(at => [String(at), percentileMs(total, at) * unitsAMs]))]
  ]
  return Object.fromEntries(fields)
}
