// What a bench counts while it runs, and one sample of it a second. Records of the warm-up have
// earlier timestamps, and are not counted.
import type { Histogram } from 'hdr-histogram-js'
import { LatencyRecord } from './latency-record.ts'

export interface BenchSample {
  /** When the interval began, epoch ms, and how long it lasted. */
  readonly startMs: number
  readonly seconds: number
  readonly published: number
  readonly publishErrors: number
  readonly mirrored: number
  /** Published and not yet mirrored, at the end of the interval. */
  readonly backlog: number
  readonly publishLatency: Histogram
  /** From the time at which a record was to be sent until it was sent. */
  readonly publishDelay: Histogram
  readonly endToEndLatency: Histogram
}

export class BenchCounts {
  readonly publishLatency = new LatencyRecord()
  readonly publishDelay = new LatencyRecord()
  readonly endToEndLatency = new LatencyRecord()
  readonly samples: BenchSample[] = []
  /** Records with earlier timestamps are of the warm-up. */
  countFromMs = Infinity
  published = 0
  publishedBytes = 0
  publishErrors = 0
  mirrored = 0
  /** Of the batches as they are on the target. */
  mirroredBytes = 0
  /** When the last counted record became visible on the target. */
  lastMirroredMs = 0
  #last = { atMs: 0, published: 0, publishErrors: 0, mirrored: 0 }

  begin (atMs: number): void {
    this.countFromMs = atMs
    this.#last = { ...this.#last, atMs }
  }

  sample (atMs: number): BenchSample {
    const { mirrored, publishErrors, published } = this
    const last = this.#last
    const sample = {
      startMs: last.atMs,
      seconds: (atMs - last.atMs) / 1000,
      published: published - last.published,
      publishErrors: publishErrors - last.publishErrors,
      mirrored: mirrored - last.mirrored,
      backlog: Math.max(0, published - mirrored),
      publishLatency: this.publishLatency.takeInterval(),
      publishDelay: this.publishDelay.takeInterval(),
      endToEndLatency: this.endToEndLatency.takeInterval()
    }
    this.#last = { atMs, published, publishErrors, mirrored }
    this.samples.push(sample)
    return sample
  }
}
