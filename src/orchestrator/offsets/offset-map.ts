// Maps the offsets of source records to their target offsets, for one partition. Pure.
//
//   source  | records | marker | records | marker |
//           a         b        c         d        e
//   target  | records | others' | records |
//           A         B         C         D
//
// A span is a part of the log on both sides, with the number of records that the flow has appended
// there. A span without gaps, an exact span, determines the offset of each of its records; the
// spans above are a-b/A-B and c-d/C-D. Between two spans the flow has appended no record, so a
// position there leads to the next span. Two spans that touch on both sides become one.
//
// The map is bounded. When it is full, two neighbours become one span with gaps, whose answers are
// slightly too early, but never too late: a consumer that continues there misses no record.
export interface OffsetSpan {
  /** The start of the span on both sides: in an exact span, the first record. */
  readonly upstream: bigint
  readonly downstream: bigint
  readonly upstreamLength: bigint
  readonly downstreamLength: bigint
  /**
   * At least this many records of the flow are in the span; in an exact span, exactly this many.
   */
  readonly records: bigint
}

export interface OffsetMap {
  /** The start of the map. Records that the flow mirrored earlier are not in the map. */
  readonly start: OffsetPair
  /** The flow has mirrored no record before `start`. */
  readonly isWhole: boolean
  /** Ascending on both sides. */
  readonly spans: readonly OffsetSpan[]
}

/** A source offset and the target offset that belongs to it. */
export interface OffsetPair {
  readonly upstream: bigint
  readonly downstream: bigint
}

/**
 * A pair, and the number of records that the flow had appended to the target partition at that
 * point, mod 2^31.
 */
export interface MapPoint extends OffsetPair {
  readonly sequence: number
}

/** How precise an answer is. */
export type AnswerKind =
  /** The record is at the returned offset. */
  | 'exact'
  /** The flow mirrored no record at the position: the answer is the next mirrored record. */
  | 'gap'
  /**
   * The map is thinned there: the record is at the returned offset or up to `early` offsets later.
   */
  | 'thinned'
  /** The position is before the start of the map: no answer. */
  | 'before'
  /** No record is mirrored from the position on: the answer is where mirroring continues. */
  | 'end'

export interface OffsetAnswer {
  readonly kind: AnswerKind
  /** Absent: kind 'before'. */
  readonly offset?: bigint
  /** By how many offsets, at most, the answer is before the record. */
  readonly early: bigint
}

export const spansMax = 128

const sequences = 2 ** 31

export function emptyMap (start: OffsetPair, isWhole: boolean): OffsetMap {
  const { downstream, upstream } = start
  return { start: { upstream, downstream }, isWhole, spans: [] }
}

/** A span of records without gaps. */
export function exactSpan (upstream: bigint, downstream: bigint, records: bigint): OffsetSpan {
  return { upstream, downstream, records, upstreamLength: records, downstreamLength: records }
}

export function isExact (span: OffsetSpan): boolean {
  return gapsOf(span) === 0n && othersOf(span) === 0n
}

/**
 * Adds a span to the map. The map drops its entries from the span's first record on, on either
 * side: the source or the target was truncated, or records were mirrored twice, of which the later
 * ones count.
 */
export function withSpan (map: OffsetMap, span: OffsetSpan, max = spansMax): OffsetMap {
  const kept = cut(map, span)
  const last = kept.spans.at(-1)
  const spans = last !== undefined && touch(last, span)
    ? [...kept.spans.slice(0, -1), joined(last, span)]
    : [...kept.spans, span]
  return { ...kept, spans: thinned(spans, max) }
}

/** The map without all entries from these offsets on, on either side. */
export function cut (map: OffsetMap, at: OffsetPair): OffsetMap {
  const { spans, start } = map
  if (at.upstream < start.upstream || at.downstream < start.downstream) {
    return emptyMap(at, false)
  }
  const last = spans.at(-1)
  if (last === undefined || (upstreamEnd(last) <= at.upstream &&
    downstreamEnd(last) <= at.downstream)) return map
  return { ...map, spans: spans.flatMap(span => cutSpan(span, at) ?? []) }
}

/**
 * The map of a flow whose lane did not report the spans between two points: the sequences show how
 * many records the flow mirrored between the points, but not at which offsets.
 */
export function mappedTo (map: OffsetMap, before: MapPoint, after: MapPoint): OffsetMap {
  const records = BigInt((after.sequence - before.sequence + sequences) % sequences)
  const upstreamLength = after.upstream - before.upstream
  const downstreamLength = after.downstream - before.downstream
  if (upstreamLength < 0n || downstreamLength < 0n) return cut(map, after)
  const { downstream, upstream } = before
  const known = least(records, least(upstreamLength, downstreamLength))
  return known === 0n
    ? map
    : withSpan(map, { upstream, downstream, upstreamLength, downstreamLength, records: known })
}

/** From the source to the target. `end`: the position up to which the source is mirrored. */
export function translate (map: OffsetMap, upstream: bigint, end: OffsetPair): OffsetAnswer {
  return answer(map, upstream, end, forwards)
}

/** From the target to the source. */
export function translateBack (map: OffsetMap, downstream: bigint, end: OffsetPair): OffsetAnswer {
  return answer(map, downstream, end, backwards)
}

/** One direction of a translation. */
interface Direction {
  readonly from: (pair: OffsetPair) => bigint
  readonly to: (pair: OffsetPair) => bigint
  readonly lengthFrom: (span: OffsetSpan) => bigint
  readonly lengthTo: (span: OffsetSpan) => bigint
}

const forwards: Direction = {
  from: ({ upstream }) => upstream,
  to: ({ downstream }) => downstream,
  lengthFrom: span => span.upstreamLength,
  lengthTo: span => span.downstreamLength
}
const backwards: Direction = {
  from: forwards.to, to: forwards.from, lengthFrom: forwards.lengthTo, lengthTo: forwards.lengthFrom
}

function answer (
  map: OffsetMap, position: bigint, end: OffsetPair, direction: Direction
): OffsetAnswer {
  const { from, lengthFrom, to } = direction
  if (position < from(map.start) && !map.isWhole) return { kind: 'before', early: 0n }
  // Searches for the first span that ends after the position.
  let low = 0
  let high = map.spans.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const span = map.spans[middle]
    if (span !== undefined && from(span) + lengthFrom(span) <= position) low = middle + 1
    else high = middle
  }
  const span = map.spans[low]
  if (span === undefined) return { kind: 'end', offset: to(end), early: 0n }
  const isBefore = position < from(span)
  if (isBefore && isExact(span)) return { kind: 'gap', offset: to(span), early: 0n }
  const next = latestFirst(map.spans.slice(low + 1), end, direction)
  return inSpan(span, isBefore ? 0n : position - from(span), next, direction)
}

/** The latest possible offset of the first record of these spans. */
function latestFirst (
  spans: readonly OffsetSpan[], end: OffsetPair, { lengthTo, to }: Direction
): bigint {
  const first = spans.find(({ records }) => records > 0n)
  return first === undefined ? to(end) : to(first) + lengthTo(first) - first.records
}

/**
 * The first `distance` offsets of a span contain at least that many records minus the gaps, and at
 * most that many records. If they may contain all records of the span, the next record may be the
 * first one after the span, at `next` at the latest.
 */
function inSpan (
  span: OffsetSpan, distance: bigint, next: bigint, direction: Direction
): OffsetAnswer {
  const { lengthFrom, lengthTo, to } = direction
  const gaps = lengthFrom(span) - span.records
  const fewest = atLeast0(distance - gaps)
  const offset = to(span) + fewest
  if (isExact(span)) return { kind: 'exact', offset, early: 0n }
  const early = distance < span.records
    ? distance - fewest + lengthTo(span) - span.records
    : atLeast0(next - offset)
  return { kind: 'thinned', offset, early }
}

function cutSpan (span: OffsetSpan, at: OffsetPair): OffsetSpan | undefined {
  if (at.upstream <= span.upstream || at.downstream <= span.downstream) return undefined
  const upstreamLength = least(span.upstreamLength, at.upstream - span.upstream)
  const downstreamLength = least(span.downstreamLength, at.downstream - span.downstream)
  if (isExact(span)) {
    return exactSpan(span.upstream, span.downstream, least(upstreamLength, downstreamLength))
  }
  // Each removed offset may have held a record.
  const lost = greatest(span.upstreamLength - upstreamLength,
    span.downstreamLength - downstreamLength)
  return { ...span, upstreamLength, downstreamLength, records: atLeast0(span.records - lost) }
}

/**
 * Joins neighbours until only `max` spans are left: those whose joint span has the smallest error
 * in proportion to its distance from the end of the map, so that new positions stay exact.
 */
function thinned (spans: readonly OffsetSpan[], max: number): readonly OffsetSpan[] {
  const left = [...spans]
  const end = left.at(-1)
  while (left.length > max && end !== undefined) {
    let best = { at: 0, cost: Infinity, span: end }
    for (let at = 0; at + 1 < left.length; at++) {
      const [a, b] = [left[at], left[at + 1]]
      if (a === undefined || b === undefined) continue
      const span = joined(a, b)
      const distance = upstreamEnd(end) - span.upstream
      const cost = Number(gapsOf(span) + othersOf(span)) / Number(distance)
      if (cost < best.cost) best = { at, cost, span }
    }
    left.splice(best.at, 2, best.span)
  }
  return left
}

function joined (a: OffsetSpan, b: OffsetSpan): OffsetSpan {
  return {
    upstream: a.upstream,
    downstream: a.downstream,
    upstreamLength: upstreamEnd(b) - a.upstream,
    downstreamLength: downstreamEnd(b) - a.downstream,
    records: a.records + b.records
  }
}

/** Both exact, and b continues where a ends on both sides. */
function touch (a: OffsetSpan, b: OffsetSpan): boolean {
  return isExact(a) && isExact(b) &&
    upstreamEnd(a) === b.upstream && downstreamEnd(a) === b.downstream
}

function upstreamEnd (span: OffsetSpan): bigint { return span.upstream + span.upstreamLength }

function downstreamEnd (span: OffsetSpan): bigint { return span.downstream + span.downstreamLength }

/** Offsets of the source in the span without a record of the mirror. */
function gapsOf (span: OffsetSpan): bigint { return span.upstreamLength - span.records }

/** Offsets of the target in the span without a record of the mirror. */
function othersOf (span: OffsetSpan): bigint { return span.downstreamLength - span.records }

function atLeast0 (value: bigint): bigint { return value > 0n ? value : 0n }

function least (a: bigint, b: bigint): bigint { return a < b ? a : b }

function greatest (a: bigint, b: bigint): bigint { return a > b ? a : b }
