// Carries out the moves of partition-state.ts: writes them into the table, sends requests to the
// lanes, and notifies the log, the fault policy, and a hand-over that waits.
import type { LanePool } from '../lanes/lane-pool.ts'
import type { Clock } from '../time/clock.ts'
import type { PartitionCondition, PartitionEvent } from './partition-state.ts'
import { assignmentOf, type FlowPartition, type PartitionTable } from './partition-table.ts'

export interface AppliedMove {
  readonly partition: FlowPartition
  readonly before: PartitionCondition
  readonly event: PartitionEvent
  /** Epoch ms. */
  readonly atMs: number
}

export interface PartitionMovesOptions {
  readonly table: PartitionTable
  readonly lanes: Pick<LanePool, 'assign' | 'revoke'>
  /** Index into batchings of the contract. */
  readonly batchingOf: (topic: string) => number
  /**
   * An event to apply before any assignment, if the topic is not the one of the partition's
   * progress.
   */
  readonly recreationOf: (partition: FlowPartition) => PartitionEvent | undefined
  readonly clock: Clock
  readonly onMoved: (move: AppliedMove) => void
}

/**
 * Where the target's log begins now, if retention deleted the records at the partition's position.
 */
interface ScanStart {
  readonly scanFrom?: bigint
}

export class PartitionMoves {
  readonly #options: PartitionMovesOptions

  constructor (options: PartitionMovesOptions) {
    this.#options = options
  }

  move (partition: FlowPartition, event: PartitionEvent, scan: ScanStart = {}): void {
    this.moveAll([[partition, event]], scan)
  }

  /** Sends one message for each lane and kind of request, however many partitions move. */
  moveAll (
    events: ReadonlyArray<readonly [FlowPartition, PartitionEvent]>, scan: ScanStart = {}
  ): void {
    const { lanes } = this.#options
    const assigned: FlowPartition[] = []
    const revoked: FlowPartition[] = []
    const moves = events.flatMap(([partition, event]) => {
      const { asks, moves } = this.#apply(partition, event)
      if (asks === 'assign') assigned.push(partition)
      if (asks === 'revoke') revoked.push(partition)
      return moves
    })
    for (const [lane, ofLane] of byLane(assigned)) {
      lanes.assign(lane, ofLane.map(partition => {
        const batching = this.#options.batchingOf(partition.topic)
        return { ...assignmentOf(partition), ...scan, ...batching === 0 ? {} : { batching } }
      }))
    }
    for (const [lane, ofLane] of byLane(revoked)) lanes.revoke(lane, ofLane.map(({ id }) => id))
    // Notify last: the notified code may move the same partitions again.
    for (const move of moves) this.#options.onMoved(move)
  }

  #apply (
    partition: FlowPartition, event: PartitionEvent
  ): { readonly asks: 'none' | 'assign' | 'revoke', readonly moves: readonly AppliedMove[] } {
    const { clock, recreationOf, table } = this.#options
    const atMs = clock.now()
    const before = { ...partition }
    const asks = table.apply(partition, event, atMs)
    const moves: AppliedMove[] = [{ partition, before, event, atMs }]
    const recreation = asks === 'assign' ? recreationOf(partition) : undefined
    if (recreation === undefined) return { asks, moves }
    // The lane never receives the assignment, only the revoke, and answers as for an unknown
    // partition.
    const assigned = { ...partition }
    const asksInstead = table.apply(partition, recreation, atMs)
    return {
      asks: asksInstead,
      moves: [...moves, { partition, before: assigned, event: recreation, atMs }]
    }
  }
}

function byLane (
  partitions: readonly FlowPartition[]
): ReadonlyMap<number, readonly FlowPartition[]> {
  const lanes = new Map<number, FlowPartition[]>()
  for (const partition of partitions) {
    const ofLane = lanes.get(partition.lane)
    if (ofLane === undefined) lanes.set(partition.lane, [partition])
    else ofLane.push(partition)
  }
  return lanes
}
