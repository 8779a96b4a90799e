// A move of a partition as users see it: the shown state before and after. Moves that change
// nothing of what is shown are no events. Caught-up is not a move, and is shown as running here.
import { shownOf } from '../partitions/shown-state.ts'
import type { AppliedMove } from '../partitions/partition-moves.ts'
import type { PartitionState } from '../observability/snapshot.ts'

export interface MoveEvent {
  readonly flow: string
  readonly topic: string
  readonly partition: number
  readonly atMs: number
  readonly before: PartitionState
  readonly state: PartitionState
  /** The name of the error behind the state; '': none. */
  readonly error: string
  readonly reason: string
}

export function moveEventOf (
  flow: string, { atMs, before, partition }: AppliedMove
): MoveEvent | undefined {
  const [shownBefore, shown] = [shownOf(before, false), shownOf(partition, false)]
  const isSame = shownBefore.state === shown.state &&
    shownBefore.error?.message === shown.error?.message
  if (isSame) return undefined
  const { error, pausedBy, state } = shown
  return {
    flow,
    topic: partition.topic,
    partition: partition.partition,
    atMs,
    before: shownBefore.state,
    state,
    error: error?.errorName ?? '',
    reason: error?.message ?? (pausedBy === undefined ? '' : `by ${pausedBy}`)
  }
}
