// Revokes partitions from their lanes and waits until none of their batches is in flight: when
// their slot is assigned to another process, when their topic is no longer mirrored, and when the
// flow ends.
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import type { PartitionFaults } from './partition-faults.ts'
import type { PartitionMoves } from './partition-moves.ts'
import type { FlowPartition } from './partition-table.ts'
import { sideOf } from './waiting-partitions.ts'

export interface WithdrawalOptions {
  readonly moves: PartitionMoves
  readonly faults: Pick<PartitionFaults, 'settled'>
  readonly clock: Clock
  readonly onError: (error: ReplicatorError) => void
}

/** A lane needs less to release a partition without batches in flight. */
const releaseMs = 1_000

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
   * which the target has not acknowledged every sent record. `mustArrive`: a lane releases at once
   * a partition whose batches wait to be sent again; so a partition for which this returns true
   * stays in its lane until the target has acknowledged one, or little of `drainMs` is left.
   */
  async withdraw (
    partitions: readonly FlowPartition[], drainMs: number,
    mustArrive: (partition: FlowPartition) => boolean = () => false
  ): Promise<readonly FlowPartition[]> {
    const { clock, faults, moves, onError } = this.#options
    const deadline = clock.monotonic() + drainMs
    // A retry of a faulted partition may end in the same fault, which the log already names.
    const faulted = new Set(partitions.filter(({ trouble }) => trouble !== undefined))
    const retried = partitions.filter(each => waitsForTarget(each) && mustArrive(each))
    const withdraw = (some: readonly FlowPartition[]): void => {
      moves.moveAll(some.filter(isPresent).map(partition => [partition, { kind: 'withdraw' }]))
    }
    const staying = new Set(retried)
    withdraw(partitions.filter(each => !staying.has(each)))
    await this.#until(() => !retried.some(sendsAgain),
      deadline - Math.min(releaseMs, drainMs / 2))
    withdraw(retried)
    await this.#until(() => !partitions.some(isPresent), deadline)
    const late = partitions.filter(isPresent)
    const isUnacknowledged = (partition: FlowPartition): boolean =>
      isDropped(partition) && !faulted.has(partition)
    const unacknowledged = partitions.filter(each => isPresent(each) || isUnacknowledged(each))
    if (late.length > 0) {
      onError(new ReplicatorError('DRAIN_TIMED_OUT', `${late.length} partitions`))
      moves.moveAll(late.map(partition => [partition, { kind: 'abandon' }]))
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

function waitsForTarget (partition: FlowPartition): boolean {
  return sendsAgain(partition) && sideOf(partition.report) === 'target'
}

/** Before that, a lane that has found the leader again scans the target. */
function sendsAgain ({ report, state, trouble }: FlowPartition): boolean {
  return state === 'assigned' && trouble === undefined && report.state !== 'running'
}

/** The lane has released the partition before the target acknowledged every sent record. */
function isDropped ({ report }: FlowPartition): boolean {
  return report.state === 'stopped' && report.code !== 0
}

function isPresent ({ state }: FlowPartition): boolean {
  return state !== 'removed'
}
