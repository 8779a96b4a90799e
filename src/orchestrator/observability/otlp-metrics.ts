// The metrics of a scrape in OpenTelemetry's form, with the names, labels and values of /metrics:
// one text is the source of both, so that they cannot differ.
// otlp-export loads this file, and with it the SDK, only if a file asks for it.
import {
  AggregationTemporality, DataPointType, type DataPoint, type Histogram, type MetricData,
  type MetricDescriptor
} from '@opentelemetry/sdk-metrics'

/** ValueType.DOUBLE of @opentelemetry/api. */
const double = 1

interface Sample {
  readonly suffix: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

interface Family {
  readonly name: string
  readonly help: string
  type: string
  readonly samples: Sample[]
}

export interface MetricTimes {
  /** When the counters began. */
  readonly startMs: number
  readonly nowMs: number
}

export function otlpMetrics (text: string, times: MetricTimes): readonly MetricData[] {
  return familiesOf(text).flatMap((family): readonly MetricData[] => {
    const { help: description, name, samples, type } = family
    if (samples.length === 0) return []
    const descriptor: MetricDescriptor = { name, description, unit: '', valueType: double }
    const base = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE }
    const { GAUGE, HISTOGRAM, SUM } = DataPointType
    switch (type) {
      case 'gauge':
        return [{ ...base, dataPointType: GAUGE, dataPoints: pointsOf(samples, times) }]
      case 'counter':
        return [{
          ...base, dataPointType: SUM, isMonotonic: true, dataPoints: pointsOf(samples, times)
        }]
      case 'histogram':
        return [{ ...base, dataPointType: HISTOGRAM, dataPoints: histogramsOf(samples, times) }]
      default: return []
    }
  })
}

function familiesOf (text: string): readonly Family[] {
  const families: Family[] = []
  for (const line of text.split('\n')) {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    const family = families.at(-1)
    if (keyword === 'HELP') families.push({ name, help: rest, type: '', samples: [] })
    else if (keyword === 'TYPE' && family !== undefined) family.type = rest
    else if (family !== undefined) {
      const [, full = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line) ?? []
      if (value === undefined) continue
      family.samples.push({
        suffix: full.slice(family.name.length), labels: labelsOf(labels), value: Number(value)
      })
    }
  }
  return families
}

function labelsOf (text: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
    .map(([, name = '', value = '']) => [name, value.replaceAll(/\\(.)/g, (_, escaped: string) =>
      escaped === 'n' ? '\n' : escaped)]))
}

function pointsOf (samples: readonly Sample[], times: MetricTimes): Array<DataPoint<number>> {
  // JSON has no number for an unknown value.
  return samples.filter(({ value }) => Number.isFinite(value))
    .map(({ labels, value }) => pointOf(labels, value, times))
}

function pointOf<Value> (
  attributes: Readonly<Record<string, string>>, value: Value, { nowMs, startMs }: MetricTimes
): DataPoint<Value> {
  return { attributes, value, startTime: hrTime(startMs), endTime: hrTime(nowMs) }
}

interface Parts {
  readonly labels: Readonly<Record<string, string>>
  readonly boundaries: number[]
  readonly counts: number[]
  sum: number
  count: number
}

function histogramsOf (
  samples: readonly Sample[], times: MetricTimes
): Array<DataPoint<Histogram>> {
  const byLabels = new Map<string, Parts>()
  for (const { labels: { le, ...labels }, suffix, value } of samples) {
    const key = JSON.stringify(labels)
    const parts = byLabels.get(key) ?? { labels, boundaries: [], counts: [], sum: 0, count: 0 }
    byLabels.set(key, parts)
    if (suffix === '_sum') parts.sum = value
    else if (suffix === '_count') parts.count = value
    else {
      // Prometheus counts a record in each bucket that is large enough, OpenTelemetry in one.
      parts.counts.push(value - parts.counts.reduce((total, one) => total + one, 0))
      if (le !== '+Inf') parts.boundaries.push(Number(le))
    }
  }
  return [...byLabels.values()].map(({ boundaries, count, counts, labels, sum }) =>
    pointOf(labels, { buckets: { boundaries, counts }, sum, count }, times))
}

function hrTime (ms: number): [seconds: number, nanoseconds: number] {
  return [Math.floor(ms / 1000), Math.floor(ms % 1000) * 1_000_000]
}
