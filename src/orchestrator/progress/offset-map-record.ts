// The offset map of a partition as the progress topic stores it, and when it is written.
//
//   {"topic":"orders","partition":3,"offsets":true}
//   {"version":2,"era":0,"start":["0","0"],"whole":true,"spans":"0,0,100 1,0,20",
//    "at":["121","120",120]}
//
// A span is written as the number of offsets without records of the flow before it, on the source
// and on the target, and its number of records; a span with gaps also has its length on both sides.
// `at` is the position at which the map ends. The position on record may be later: until a new span
// begins, only the last span grows, and the map is not written again.
import type { MapPoint, OffsetMap, OffsetSpan } from '../offsets/offset-map.ts'
import { emptyMap, isExact, mappedTo } from '../offsets/offset-map.ts'
import { partitionKey, type Progress, type TopicPartition } from './progress.ts'

/** The map on record. It counts only for positions of its era. */
export interface OffsetMapOnRecord {
  readonly era: number
  readonly map: OffsetMap
  readonly at: MapPoint
}

/** The fields of the record, without the version. */
export function offsetMapFields (progress: Progress): object {
  const { spans, start, whole } = mapText(offsetMapOf(progress))
  const { downstream, era = 0, sequence, upstream } = progress
  return { era, start, whole, spans, at: [String(upstream), String(downstream), sequence] }
}

/** Undefined: no offset map. */
export function toOffsetMap (
  fields: Readonly<Record<string, unknown>>, at: MapPoint | undefined
): OffsetMapOnRecord | undefined {
  const { era, spans: text, start: pair, whole } = fields
  const start = toPair(pair)
  if (typeof era !== 'number' || typeof whole !== 'boolean' || typeof text !== 'string' ||
    start === undefined || at === undefined) return undefined
  let [upstream, downstream] = start
  const spans: OffsetSpan[] = []
  for (const group of text.split(' ').filter(group => group !== '')) {
    const span = toSpan(group, upstream, downstream)
    if (span === undefined) return undefined
    spans.push(span)
    upstream = span.upstream + span.upstreamLength
    downstream = span.downstream + span.downstreamLength
  }
  const map = { start: { upstream: start[0], downstream: start[1] }, isWhole: whole, spans }
  return { era, map, at }
}

/** The position with the map on record, extended to the position. */
export function withOffsetMap (
  position: Progress, record: OffsetMapOnRecord | undefined
): Progress {
  if (record === undefined || record.era !== (position.era ?? 0)) return position
  return { ...position, offsets: mappedTo(record.map, record.at, position) }
}

/** The map of a partition; without a stored map, a map that begins at the present position. */
export function offsetMapOf ({ downstream, offsets, sequence, upstream }: Progress): OffsetMap {
  return offsets ?? emptyMap({ upstream, downstream }, sequence === 0 && downstream === 0n)
}

/** Which maps are on record, apart from the growth of their last span. */
export class WrittenOffsetMaps {
  readonly #written = new Map<string, string>()

  /** A map without spans is on record if only the record says where the map begins. */
  isDue (source: TopicPartition, progress: Progress): boolean {
    const { offsets } = progress
    return offsets !== undefined && (offsets.spans.length > 0 || !offsets.isWhole) &&
      this.#written.get(partitionKey(source)) !== shapeOf(progress)
  }

  written (source: TopicPartition, progress: Progress): void {
    if (progress.offsets !== undefined) {
      this.#written.set(partitionKey(source), shapeOf(progress))
    }
  }

  forget (source: TopicPartition): void { this.#written.delete(partitionKey(source)) }

  clear (): void { this.#written.clear() }
}

function shapeOf ({ era = 0, offsets }: Progress): string {
  const last = offsets?.spans.at(-1)
  return [era, offsets?.start.upstream, offsets?.spans.length, last?.upstream, last?.downstream,
    last !== undefined && isExact(last)].join('/')
}

function mapText ({ isWhole, spans, start }: OffsetMap): {
  readonly start: readonly string[], readonly whole: boolean, readonly spans: string
} {
  let { downstream, upstream } = start
  const groups = spans.map(span => {
    const { records } = span
    const numbers = [span.upstream - upstream, span.downstream - downstream, records]
    if (!isExact(span)) numbers.push(span.upstreamLength, span.downstreamLength)
    upstream = span.upstream + span.upstreamLength
    downstream = span.downstream + span.downstreamLength
    return numbers.join(',')
  })
  return {
    start: [String(start.upstream), String(start.downstream)], whole: isWhole,
    spans: groups.join(' ')
  }
}

function toSpan (group: string, upstream: bigint, downstream: bigint): OffsetSpan | undefined {
  const numbers = group.split(',')
  if (!numbers.every(number => /^\d{1,19}$/.test(number))) return undefined
  const [skipped, others, records, upstreamLength = records, downstreamLength = records] =
    numbers.map(BigInt)
  if (skipped === undefined || others === undefined || records === undefined ||
    upstreamLength === undefined || downstreamLength === undefined) return undefined
  return {
    upstream: upstream + skipped,
    downstream: downstream + others,
    upstreamLength,
    downstreamLength,
    records
  }
}

function toPair (pair: unknown): readonly [bigint, bigint] | undefined {
  if (!Array.isArray(pair)) return undefined
  const [upstream, downstream] = pair as readonly unknown[]
  return isOffset(upstream) && isOffset(downstream)
    ? [BigInt(upstream), BigInt(downstream)]
    : undefined
}

function isOffset (text: unknown): text is string {
  return typeof text === 'string' && /^\d{1,19}$/.test(text)
}
