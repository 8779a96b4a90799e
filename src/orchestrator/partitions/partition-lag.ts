// How far the target is behind the source in one partition. Pure: knows what the source has
// reported; the caller passes the times.
//
// The problem: lag in seconds must be right for a running partition, for a partition that no lane
// fetches, and while a cluster does not answer. The header of the oldest unacknowledged batch shows
// its age, but only in a partition that is fetched, and not if a producer sets timestamps in the
// year 2090. The time at which this process first saw an end of the log after its position is
// always known, if the process keeps that time. So each partition keeps which end it saw at which
// time, and forgets the ends that the target has passed.

export interface SourceEnd {
  readonly highWatermark: bigint
  /** -1n: not known. */
  readonly lastStableOffset: bigint
  /** When the source reported these offsets, epoch ms. */
  readonly knownMs: number
}

/**
 * Times that the partition's lane knows besides the end of the log. Epoch ms; undefined: unknown.
 */
export interface UnackedTimes {
  readonly oldestUnackedMs: number | undefined
  readonly endFirstSeenMs: number | undefined
}

export interface LagFigures {
  /** Up to the high watermark. Undefined until the source has reported it. */
  readonly records: number | undefined
  /** Of `records`, those after the start of an open transaction, which no consumer may read yet. */
  readonly openTransactionRecords: number
  readonly seconds: number | undefined
}

interface SeenEnd {
  /** An end offset of the log. */
  readonly end: bigint
  /** When this end, or an earlier end that was merged into it, was first seen. */
  readonly seenMs: number
}

export const unknownLag: LagFigures = {
  records: undefined, openTransactionRecords: 0, seconds: undefined
}

/** Enough to tell a partition that is always slightly behind from one that is stalled. */
const seenMax = 8
/**
 * After this long without a report of the end, the source may hold more records than it reported.
 */
export const endStaleMs = 15_000
/**
 * A lane reports the end of a log that it fetches several times a second. After this long without a
 * report the lane does not fetch: its target broker hangs, or its memory is in use.
 */
const endAskedMs = 5_000
/** Clocks of producers may be ahead of this host's clock. */
const skewMs = 1_000

export class PartitionLag {
  readonly #committedOnly: boolean
  #end: SourceEnd | undefined
  #seen: SeenEnd[] = []
  #stableSinceMs: number | undefined

  constructor (committedOnly: boolean) {
    this.#committedOnly = committedOnly
  }

  get end (): SourceEnd | undefined { return this.#end }

  /**
   * Since when the last stable offset has not moved although records follow it, epoch ms. A
   * transaction has been open since then, or since before this process first looked.
   */
  get stableSinceMs (): number | undefined { return this.#stableSinceMs }

  /** The source has reported that the end of its log is unchanged. */
  seeSame (knownMs: number): void {
    if (this.#end === undefined || this.#end.knownMs >= knownMs) return
    this.#end = { ...this.#end, knownMs }
  }

  isStale (nowMs: number): boolean {
    return this.#end === undefined || nowMs - this.#end.knownMs > endStaleMs
  }

  /** Whether the source must be asked for the end, because no lane has reported it lately. */
  mustAsk (nowMs: number): boolean { return mustAskForEnd(this.#end?.knownMs, nowMs) }

  /** Receives a report of the source. Reports may arrive in any order: the newest counts. */
  learn (end: SourceEnd, upstream: bigint | undefined, nowMs: number): void {
    const before = this.#end
    // A report with a later time dates from before this host's clock was set back.
    if (before !== undefined && before.knownMs > end.knownMs && before.knownMs <= nowMs) return
    this.#end = end
    const isOpen = end.lastStableOffset >= 0n && end.lastStableOffset < end.highWatermark
    const hasMoved = before?.lastStableOffset !== end.lastStableOffset
    if (!isOpen) this.#stableSinceMs = undefined
    else if (hasMoved || this.#stableSinceMs === undefined) this.#stableSinceMs = nowMs
    this.#note(end.highWatermark, nowMs)
    if (upstream !== undefined) this.#pass(upstream)
  }

  /** The lag of a partition whose next unacknowledged offset is `upstream`. */
  at (upstream: bigint | undefined, times: UnackedTimes, nowMs: number): LagFigures {
    const end = this.#end
    if (end === undefined || upstream === undefined) return unknownLag
    this.#pass(upstream)
    const stable = this.#committedOnly && end.lastStableOffset >= 0n
      ? end.lastStableOffset
      : end.highWatermark
    const records = positive(end.highWatermark - upstream)
    const openTransactionRecords = positive(end.highWatermark - max(stable, upstream))
    return { records, openTransactionRecords, seconds: this.#seconds(records, times, nowMs) }
  }

  #seconds (records: number, times: UnackedTimes, nowMs: number): number {
    const unknownMs = this.isStale(nowMs) ? nowMs - (this.#end?.knownMs ?? nowMs) : 0
    if (records === 0) return unknownMs / 1000
    const { endFirstSeenMs = Infinity, oldestUnackedMs } = times
    const seenMs = Math.min(endFirstSeenMs, this.#seen[0]?.seenMs ?? nowMs)
    const isUsable = oldestUnackedMs !== undefined && oldestUnackedMs <= nowMs + skewMs
    const sinceMs = isUsable ? oldestUnackedMs : seenMs
    return Math.max(0, unknownMs, nowMs - sinceMs) / 1000
  }

  /**
   * Merges two neighbours into one with the later end and the earlier time, so that no lag looks
   * shorter than it is.
   */
  #note (end: bigint, nowMs: number): void {
    const newest = this.#seen.at(-1)
    if (newest !== undefined && newest.end >= end) return
    this.#seen.push({ end, seenMs: nowMs })
    if (this.#seen.length <= seenMax) return
    const closest = closestPair(this.#seen)
    const [first, second] = this.#seen.slice(closest, closest + 2)
    if (first === undefined || second === undefined) return
    this.#seen.splice(closest, 2, { end: second.end, seenMs: first.seenMs })
  }

  #pass (upstream: bigint): void {
    while (this.#seen[0] !== undefined && this.#seen[0].end <= upstream) this.#seen.shift()
  }
}

/** `knownMs`: when the source reported the end last, epoch ms; undefined: never. */
export function mustAskForEnd (knownMs: number | undefined, nowMs: number): boolean {
  return knownMs === undefined || nowMs - knownMs >= endAskedMs
}

/** The two neighbours whose times differ least: merging them loses the least accuracy. */
function closestPair (seen: readonly SeenEnd[]): number {
  const gapAt = (index: number): number =>
    (seen[index + 1]?.seenMs ?? Infinity) - (seen[index]?.seenMs ?? 0)
  // Not the newest: merged, it would look older with each end that follows.
  return seen.slice(0, -2).reduce((best, _, index) => gapAt(index) < gapAt(best) ? index : best, 0)
}

function positive (records: bigint): number {
  return records > 0n ? Number(records) : 0
}

function max (one: bigint, other: bigint): bigint {
  return one > other ? one : other
}
