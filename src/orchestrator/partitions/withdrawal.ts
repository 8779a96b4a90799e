// Revokes partitions from their lanes and waits until none of their batches is in flight: when
// their slot is assigned to another process, when their topic is no longer mirrored, and when the
// flow ends.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import type { PartitionFaults } from './partition-faults.ts'
import type { PartitionMoves } from './partition-moves.ts'
import type { FlowPartition } from './partition-table.ts'

export interface WithdrawalOptions {
  readonly moves: PartitionMoves
  readonly faults: Pick<PartitionFaults, 'settled'>
  readonly clock: Clock
  readonly onError: (error: ReplicatorError) => void
}

export class Withdrawal {
  readonly #options: WithdrawalOptions
  readonly #wakers = new Set<() => void>()

  constructor (options: WithdrawalOptions) {
    this.#options = options
  }

  /** Call it after every move: a withdrawal may wait for that move. */
  wake (): void {
    for (const wake of this.#wakers) wake()
  }

  /**
   * Resolves once the partitions are removed, at the latest after `drainMs`, with the partitions of
   * which the target has not acknowledged every sent record.
   */
  async withdraw (
    partitions: readonly FlowPartition[], drainMs: number
  ): Promise<readonly FlowPartition[]> {
    const { clock, faults, moves, onError } = this.#options
    const deadline = clock.monotonic() + drainMs
    // A retry of a faulted partition may end in the same fault, which the log already names.
    const faulted = new Set(partitions.filter(({ trouble }) => trouble !== undefined))
    moves.moveAll(partitions.filter(isPresent).map(partition => [partition, { kind: 'withdraw' }]))
    await this.#until(() => !partitions.some(isPresent), deadline)
    const left = partitions.filter(isPresent)
    const isUnacknowledged = (partition: FlowPartition): boolean =>
      isDropped(partition) && !faulted.has(partition)
    const unacknowledged = partitions.filter(each => isPresent(each) || isUnacknowledged(each))
    if (left.length > 0) {
      onError(new ReplicatorError('DRAIN_TIMED_OUT', `${left.length} partitions`))
      moves.moveAll(left.map(partition => [partition, { kind: 'abandon' }]))
    }
    // A position that a decision is about to record must be on record before another process reads
    // the slot.
    let isSettled = false
    const settled = faults.settled(partitions).then(() => {
      isSettled = true
      this.wake()
    })
    await Promise.race([settled, this.#until(() => isSettled, deadline)])
    return unacknowledged
  }

  async #until (isDone: () => boolean, deadline: number): Promise<void> {
    const { clock } = this.#options
    while (!isDone() && clock.monotonic() < deadline) {
      const woken = new AbortController()
      const wake = (): void => { woken.abort() }
      this.#wakers.add(wake)
      await clock.sleep(deadline - clock.monotonic(), woken.signal).catch(() => {})
      this.#wakers.delete(wake)
    }
  }
}

/** The lane has released the partition before the target acknowledged every sent record. */
function isDropped ({ report }: FlowPartition): boolean {
  return report.state === 'stopped' && report.code !== 0
}

function isPresent ({ state }: FlowPartition): boolean {
  return state !== 'removed'
}
