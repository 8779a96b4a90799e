// A Prometheus histogram whose bucket counts are counted elsewhere. prom-client's own only knows
// observe(), one call a value; the lanes have counted millions by then.
import { Histogram } from 'prom-client'
import type { LatencySnapshot } from './snapshot.ts'

interface HistogramSample {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

interface SnapshotHistogramOptions {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly string[]
  readonly buckets: readonly number[]
  readonly registers: ConstructorParameters<typeof Histogram>[0]['registers'] & {}
}

export class SnapshotHistogram extends Histogram {
  readonly #name: string
  readonly #help: string
  readonly #bounds: readonly number[]
  #samples: HistogramSample[] = []

  constructor (options: SnapshotHistogramOptions) {
    super({ ...options, labelNames: [...options.labelNames], buckets: [...options.buckets] })
    this.#name = options.name
    this.#help = options.help
    this.#bounds = options.buckets
  }

  clear (): void {
    this.#samples = []
  }

  setSeries (labels: Readonly<Record<string, string | number>>, latency: LatencySnapshot): void {
    const cumulative = cumulativeCounts(latency, this.#bounds)
    const count = latency.counts.reduce<number>((sum, one) => sum + Number(one), 0)
    this.#bounds.forEach((bound, index) => {
      this.#add('_bucket', { le: bound, ...labels }, cumulative[index] ?? 0)
    })
    this.#add('_bucket', { le: '+Inf', ...labels }, count)
    this.#add('_sum', labels, Number(latency.sumMs) / 1000)
    this.#add('_count', labels, count)
  }

  /** What prom-client's registry asks a histogram for; not in its types, but in our tests. */
  async getForPromString (): Promise<object> {
    return {
      name: this.#name,
      help: this.#help,
      type: 'histogram',
      values: [...this.#samples],
      aggregator: 'sum'
    }
  }

  #add (suffix: string, labels: HistogramSample['labels'], value: number): void {
    this.#samples.push({ metricName: this.#name + suffix, labels, value })
  }
}

/** How many observations lie at or below each bound; a bucket counts where its upper end does. */
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
