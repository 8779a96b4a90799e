// A figure over the last half to whole minute, sampled like Kafka's client metrics: in two windows
// of half a minute; the older window is dropped when the newer one ends. So a figure needs the same
// memory however many observations a minute has.

interface Window {
  readonly startMs: number
  count: number
  sum: number
  min: number
  max: number
}

export interface FigureStatistics {
  /** The last addition, however old it is. */
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

  /** `count` observations with the sum `sum`: one value for minimum, maximum and last. */
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

  /** Observations a second, over half a minute at least, so that a new figure does not peak. */
  rate (nowMs: number): number {
    this.#turn(nowMs)
    const elapsedMs = this.#older === undefined
      ? nowMs - this.#newer.startMs + windowMs
      : nowMs - this.#older.startMs
    return (this.#newer.count + (this.#older?.count ?? 0)) / (elapsedMs / 1000)
  }

  /** Undefined if there was no observation in that time. */
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
