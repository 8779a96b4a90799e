// The last minutes of a flow's figures, for the graphs: one column of times and one of each figure.
// A poll without an answer is a gap, not a line between the figures before and after. Pure.
import type { Flow } from './answers.ts'

export interface Sample {
  readonly records: number | null
  readonly bytes: number | null
  readonly lagRecords: number | null
  readonly lagSeconds: number | null
  readonly p50Ms: number | null
  readonly p99Ms: number | null
}

export type Figure = keyof Sample

/** Thirty minutes at one sample in two seconds. */
const samplesMax = 900
const gap: Sample = {
  records: null, bytes: null, lagRecords: null, lagSeconds: null, p50Ms: null, p99Ms: null
}

export class History {
  readonly #timesByFlow = new Map<string, number[]>()
  readonly #samplesByFlow = new Map<string, Sample[]>()

  add (flows: readonly Flow[], atMs: number): void {
    for (const each of flows) {
      this.#push(each.flow, atMs, {
        records: each.recordsPerSecond,
        bytes: each.bytesPerSecond,
        lagRecords: each.lagRecords,
        lagSeconds: each.lagSecondsMax,
        p50Ms: each.recentLatencyP50Ms,
        p99Ms: each.recentLatencyP99Ms
      })
    }
  }

  addGap (atMs: number): void {
    for (const flow of this.#timesByFlow.keys()) this.#push(flow, atMs, gap)
  }

  /** Times in seconds, then one column for each figure. */
  columns (
    flow: string, figures: readonly Figure[]
  ): [times: number[], ...figures: Array<Array<number | null>>] {
    const samples = this.#samplesByFlow.get(flow) ?? []
    return [
      (this.#timesByFlow.get(flow) ?? []).map(ms => ms / 1000),
      ...figures.map(figure => samples.map(sample => sample[figure]))
    ]
  }

  #push (flow: string, atMs: number, sample: Sample): void {
    const times = this.#timesByFlow.get(flow) ?? []
    const samples = this.#samplesByFlow.get(flow) ?? []
    this.#timesByFlow.set(flow, times)
    this.#samplesByFlow.set(flow, samples)
    times.push(atMs)
    samples.push(sample)
    if (times.length > samplesMax) {
      times.shift()
      samples.shift()
    }
  }
}
