// One scrape of metrics as Prometheus text: one family for each row of the metric table, with its
// series as they are written. A registry that keeps each series for its next change would cost ten
// times as much: thousands of topics have tens of thousands of series, and each scrape renews all.
import {
  metricTable, type MetricLabels, type MetricName, type MetricNameOf, type MetricRow
} from './metric-table.ts'
import type { Count, LatencySnapshot } from './snapshot.ts'

type LabelValues = Readonly<Record<string, string | number>>

export class SeriesText {
  readonly #lines = new Map<string, string[]>()
  /** Rendered labels by their object: a dozen families write the labels of one topic. */
  readonly #rendered = new WeakMap<object, string>()

  constructor (names: readonly MetricName[]) {
    for (const name of names) {
      const { help, type }: MetricRow = metricTable[name]
      this.#lines.set(name, [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`])
    }
  }

  counter<Name extends MetricNameOf<'counter'>> (
    name: Name, labels: MetricLabels<Name>, value: Count
  ): void {
    const total = Number(value)
    // One invalid counter must not fail the whole scrape.
    if (Number.isFinite(total) && total >= 0) this.#add(name, '', labels, total)
  }

  /** No series at all for undefined: an unknown value is not 0. */
  gauge<Name extends MetricNameOf<'gauge'>> (
    name: Name, labels: MetricLabels<Name>, value: Count | undefined
  ): void {
    if (value !== undefined) this.#add(name, '', labels, Number(value))
  }

  histogram<Name extends MetricNameOf<'histogram'>> (
    name: Name, labels: MetricLabels<Name>, latency: LatencySnapshot
  ): void {
    const { buckets = [] }: MetricRow = metricTable[name]
    const cumulative = cumulativeCounts(latency, buckets)
    const count = latency.counts.reduce<number>((sum, one) => sum + Number(one), 0)
    buckets.forEach((bound, index) => {
      this.#add(name, '_bucket', { le: bound, ...labels }, cumulative[index] ?? 0)
    })
    this.#add(name, '_bucket', { le: '+Inf', ...labels }, count)
    this.#add(name, '_sum', labels, Number(latency.sumMs) / 1000)
    this.#add(name, '_count', labels, count)
  }

  render (): string {
    return [...this.#lines.values()].map((lines) => lines.join('\n')).join('\n\n') + '\n'
  }

  #add (name: MetricName, suffix: string, labels: LabelValues, value: number): void {
    this.#lines.get(name)?.push(`${name}${suffix}{${this.#labelsOf(labels)}} ${value}`)
  }

  #labelsOf (labels: LabelValues): string {
    const known = this.#rendered.get(labels)
    if (known !== undefined) return known
    const text = Object.entries(labels)
      .map(([name, value]) => `${name}="${escaped(String(value))}"`).join(',')
    this.#rendered.set(labels, text)
    return text
  }
}

function escaped (value: string): string {
  return /["\\\n]/.test(value)
    ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
    : value
}

/** How many observations are at or below each bound; a bucket counts at its upper bound. */
function cumulativeCounts (
  { counts, upperBoundsMs }: LatencySnapshot, boundsSeconds: readonly number[]
): number[] {
  const cumulative: number[] = []
  let index = 0
  let sum = 0
  for (const bound of boundsSeconds) {
    for (; index < upperBoundsMs.length; index++) {
      const upperMs = upperBoundsMs[index] ?? Infinity
      if (upperMs > bound * 1000) break
      sum += Number(counts[index] ?? 0)
    }
    cumulative.push(sum)
  }
  return cumulative
}
