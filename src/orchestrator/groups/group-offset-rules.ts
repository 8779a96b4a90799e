// Which offsets of a consumer group are committed on the target, and which are not. Pure.
//
// Longhaul moves a group only while the group has no members on the target, only forward, and only
// to an offset that the log of the target has reached.
import type { GroupOffset } from '../cluster/cluster-admin.ts'
import { translate, type OffsetAnswer } from '../offsets/offset-map.ts'
import { offsetMapOf } from '../progress/offset-map-record.ts'
import type { Progress } from '../progress/progress.ts'

/** The offset at which a group continues in a remote topic. */
export interface TranslatedOffset {
  /** Of the target. */
  readonly topic: string
  readonly partition: number
  /** The offset that the group has committed on the source. */
  readonly upstream: bigint
  readonly downstream: bigint
  /** The metadata that the consumer has committed with its offset. */
  readonly metadata: string
}

/**
 * Undefined: no translation, because no program has mirrored a record of the partition, or the
 * offset is before the first offset of the partition's map. An imported position has no map yet. A
 * group that is ahead of the mirror continues at the mirror's end.
 */
export function answerFor (
  { offset }: Pick<GroupOffset, 'offset'>, progress: Progress
): OffsetAnswer | undefined {
  if (offset < 0n) return undefined
  const offsets = offsetMapOf(progress)
  if (offsets.isWhole && offsets.spans.length === 0) return undefined
  const answer = translate(offsets, offset, progress)
  return answer.offset === undefined ? undefined : answer
}

export function translatedBy (
  { metadata, offset, partition }: GroupOffset, topic: string, answer: OffsetAnswer | undefined
): TranslatedOffset | undefined {
  return answer?.offset === undefined
    ? undefined
    : { topic, partition, upstream: offset, downstream: answer.offset, metadata }
}

/** `state`: of the group on the target, as Kafka prints it; undefined: it has no such group. */
export function mayMove (state: string | undefined): boolean {
  return state === undefined || state === 'Empty' || state === 'Dead'
}

/** Offsets that are ahead of the group's committed offset on the target, or new to the group. */
export function forwards (
  wanted: readonly TranslatedOffset[], onTarget: readonly GroupOffset[]
): readonly TranslatedOffset[] {
  const committed = new Map(onTarget.map(each => [keyOf(each), each.offset]))
  return wanted.filter(each => each.downstream > (committed.get(keyOf(each)) ?? -1n))
}

/** Offsets that the log has reached. `ends`: by keyOf; a partition without an end is left out. */
export function withinLog (
  wanted: readonly TranslatedOffset[], ends: ReadonlyMap<string, bigint>
): readonly TranslatedOffset[] {
  return wanted.filter(each => each.downstream <= (ends.get(keyOf(each)) ?? -1n))
}

export function keyOf (
  { partition, topic }: { readonly topic: string, readonly partition: number }
): string {
  return `${topic}/${partition}`
}
