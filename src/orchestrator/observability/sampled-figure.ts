// A figure over the last half to whole minute, sampled as Kafka's client metrics sample theirs: in
// two windows of half a minute, of which the older one is dropped when the newer one is over. So a
// figure needs the same memory whatever happens in a minute.

interface Window {
  readonly startMs: number
  count: number
  sum: number
  min: number
  max: number
}

export interface FigureStatistics {
  /** Of the last addition, however long ago that was. */
  readonly last: number
  readonly min: number
  readonly max: number
  readonly avg: number
}

export const windowMs = 30_000

export class SampledFigure {
  #newer: Window
  #older: Window | undefined
  #last: number | undefined

  constructor (nowMs: number) {
    this.#newer = emptyWindow(nowMs)
  }

  /** `count` observations that sum up to `sum`: together one value for least, most and last. */
  add (nowMs: number, count: number, sum = 0): void {
    if (count <= 0) return
    this.#turn(nowMs)
    const mean = sum / count
    this.#last = mean
    this.#newer.count += count
    this.#newer.sum += sum
    this.#newer.min = Math.min(this.#newer.min, mean)
    this.#newer.max = Math.max(this.#newer.max, mean)
  }

  /** Observations a second, over half a minute at least: a figure that begins is no peak. */
  rate (nowMs: number): number {
    this.#turn(nowMs)
    const elapsedMs = this.#older === undefined
      ? nowMs - this.#newer.startMs + windowMs
      : nowMs - this.#older.startMs
    return (this.#newer.count + (this.#older?.count ?? 0)) / (elapsedMs / 1000)
  }

  /** Undefined where nothing was observed in the time. */
  statistics (nowMs: number): FigureStatistics | undefined {
    this.#turn(nowMs)
    const windows = [this.#newer, ...this.#older === undefined ? [] : [this.#older]]
    const count = windows.reduce((total, window) => total + window.count, 0)
    if (count === 0 || this.#last === undefined) return undefined
    return {
      last: this.#last,
      min: Math.min(...windows.map(({ min }) => min)),
      max: Math.max(...windows.map(({ max }) => max)),
      avg: windows.reduce((total, { sum }) => total + sum, 0) / count
    }
  }

  #turn (nowMs: number): void {
    const elapsedMs = nowMs - this.#newer.startMs
    if (elapsedMs < windowMs) return
    const isOlderRecent = elapsedMs < 2 * windowMs
    this.#older = isOlderRecent ? this.#newer : emptyWindow(nowMs - windowMs)
    this.#newer = emptyWindow(isOlderRecent ? this.#newer.startMs + windowMs : nowMs)
  }
}

function emptyWindow (startMs: number): Window {
  return { startMs, count: 0, sum: 0, min: Infinity, max: -Infinity }
}
