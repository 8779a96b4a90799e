// What a mirror passes when its connections are open: what it mirrors at first is not counted, and
// neither are the last records, when one partition may be the last. Pure.

export interface SteadyLimits {
  /** Records that there are to mirror. */
  readonly records: number
  /** How long the mirror runs at most, from its first record on. */
  readonly stepMs: number
}

/** Of the records, or of the time, whichever is over first. */
const warmShare = { records: 0.5, time: 0.6 }
const recordsMeasured = 0.95
/** How much faster the second half of the measured time may be than its first half. */
const risingShare = 1.1

interface Sample {
  readonly atMs: number
  readonly count: number
}

export class SteadyMeter {
  readonly #limits: SteadyLimits
  #first: Sample | undefined
  #from: Sample | undefined
  #last: Sample | undefined
  readonly #samples: Sample[] = []

  constructor (limits: SteadyLimits) { this.#limits = limits }

  get hasBegun (): boolean { return this.#first !== undefined }

  /** `count`: records on the target. True: the measurement is complete. */
  see (atMs: number, count: number): boolean {
    const { records, stepMs } = this.#limits
    const sample = { atMs, count }
    if (count > 0) this.#first ??= sample
    if (this.#first === undefined) return false
    const sinceMs = atMs - this.#first.atMs
    const isWarm = count >= records * warmShare.records || sinceMs >= stepMs * warmShare.time
    if (isWarm) this.#from ??= sample
    if (this.#from === undefined) return false
    this.#last = sample
    this.#samples.push(sample)
    return count >= records * recordsMeasured || sinceMs >= stepMs
  }

  /** How long it measured; 0: not yet. */
  get seconds (): number {
    return ((this.#last?.atMs ?? 0) - (this.#from?.atMs ?? 0)) / 1000
  }

  /** The mirror was still becoming faster: it has not opened all its connections. */
  get isRising (): boolean {
    const [from, last] = [this.#from, this.#last]
    if (from === undefined || last === undefined) return false
    const middleMs = (from.atMs + last.atMs) / 2
    const middle = this.#samples.find(({ atMs }) => atMs >= middleMs) ?? last
    return last.count - middle.count > risingShare * (middle.count - from.count)
  }

  get recordsPerSecond (): number {
    const records = (this.#last?.count ?? 0) - (this.#from?.count ?? 0)
    return records === 0 ? 0 : records / Math.max(this.seconds, 0.001)
  }
}
