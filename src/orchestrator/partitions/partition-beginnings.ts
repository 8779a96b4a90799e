// Finds where partitions in state `positioning` begin: at the position on record or, if a partition
// was never mirrored, where start-positions.ts says. A partition that cannot begin now is retried
// after a growing wait, independent of the interval at which topics are refreshed.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { FlowSettings } from '../config/config-table.ts'
import { isRelative, type TopicStarts } from '../config/offset-reset.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import { assignLanes } from '../lanes/lane-assignor.ts'
import { partitionKey, type Progress } from '../progress/progress.ts'
import { withPoint } from '../progress/progress-history.ts'
import { systemRandom, type Clock } from '../time/clock.ts'
import { backoffDelayMs } from '../time/retry.ts'
import type { FirstLook } from './first-look.ts'
import type { PartitionMoves } from './partition-moves.ts'
import type { FlowPartition, PartitionTable } from './partition-table.ts'
import type { SlotPositions } from './slot-positions.ts'
import {
  notEmptyOnTarget, startAt, startPositions, type FirstPosition, type StartPosition
} from './start-positions.ts'
import type { KnownTopicIds } from './topic-ids.ts'

export interface PartitionBeginningsOptions {
  readonly config: {
    readonly settings: Pick<FlowSettings, 'target.not.empty'>
    readonly starts: TopicStarts
  }
  readonly source: ClusterAdmin
  readonly target: ClusterAdmin
  readonly table: PartitionTable
  readonly moves: PartitionMoves
  readonly positions: SlotPositions
  readonly topicIds: KnownTopicIds
  readonly lanes: number
  /** Reads the positions of the partitions of these slots from the progress topic. */
  readonly restore: (slots: readonly number[]) => Promise<ReadonlyMap<string, Progress>>
  /** Resolves once these positions are on record. */
  readonly keep: (positions: ReadonlyArray<StartPosition<FlowPartition>>) => Promise<void>
  readonly firstLook: FirstLook
  /** Receives partitions that had no position on record, once their start position is on record. */
  readonly onBegun: (begun: readonly Begun[]) => void
  readonly clock: Clock
}

export interface Begun extends FirstPosition<FlowPartition> {
  /** The partition was created after the flow's first look, so it begins at its earliest offset. */
  readonly isBornLater: boolean
}

const backoff = { initialMs: 500, maxMs: 30_000 }
// After a broker creates a thousand topics, it needs half a minute to become leader of the last
// partition. A wait that kept doubling until then would last another half minute.
const retriableBackoff = { initialMs: 500, maxMs: 3_000 }
const roundMsMax = 1_000

export class PartitionBeginnings {
  readonly #options: PartitionBeginningsOptions
  #round: Promise<void> = Promise.resolve()
  /** Slots whose progress is being read or written for partitions that begin. */
  readonly #busy = new Set<number>()

  constructor (options: PartitionBeginningsOptions) {
    this.#options = options
  }

  /** Begins every partition that is due. Calls run one after the other. Never rejects. */
  async begin (): Promise<void> {
    this.#round = this.#round.then(async () => { await this.#beginOnce() })
    await this.#round
  }

  async #beginOnce (): Promise<void> {
    const { positions, table } = this.#options
    const due = [...table.positioning].filter(partition => this.#isDue(partition))
    const recorded = due.flatMap(partition => {
      const progress = positions.of(partition)
      return progress === undefined ? [] : [{ partition, progress }]
    })
    this.#place(recorded)
    await this.#settleFirstLooks()
    const fresh = due.filter(partition => this.#isOpen(partition) && this.#isSettled(partition))
    if (fresh.length === 0) return
    try {
      await this.#beginFresh(fresh)
    } catch (thrown) {
      for (const partition of fresh) this.#refuse(partition, ReplicatorError.from(thrown))
    }
  }

  /** Runs for all owned slots, before any partition begins in one of them. */
  async #settleFirstLooks (): Promise<void> {
    const { config: { starts }, firstLook, positions } = this.#options
    if (!starts.isRelative) return
    await this.#forOneRound(firstLook.settle(positions.slots))
  }

  /** Whether the slot's first look is known, and so whether the partition was created later. */
  #isSettled (partition: FlowPartition): boolean {
    const { config: { starts }, firstLook } = this.#options
    if (!isRelative(starts.of(partition.topic))) return true
    const error = firstLook.errorOf(partition.slot)
    if (error !== undefined) this.#refuse(partition, error)
    return firstLook.isSettled(partition.slot)
  }

  #isBornLater (partition: FlowPartition): boolean {
    const { config: { starts }, firstLook } = this.#options
    return isRelative(starts.of(partition.topic)) && firstLook.isBornLater(partition)
  }

  /** Work that lasts longer than a second continues after the round. */
  async #forOneRound (work: Promise<unknown>): Promise<void> {
    const done = new AbortController()
    const end = work.then(() => { done.abort() })
    await Promise.race([end, this.#options.clock.sleep(roundMsMax, done.signal).catch(() => {})])
  }

  /** Slot by slot: a progress partition without a leader delays the partitions of its slot only. */
  async #beginFresh (fresh: readonly FlowPartition[]): Promise<void> {
    const { clock, config: { starts }, source, target } = this.#options
    const { positions, problems } = await startPositions(source, target, fresh, partition =>
      startAt(starts.of(partition.topic), this.#isBornLater(partition), clock.now()))
    for (const { partition, error } of problems) this.#refuse(partition, error)
    const slots = [...new Set(positions.map(({ partition }) => partition.slot))]
    await this.#forOneRound(Promise.all(slots.map(async slot => await this.#beginSlot(slot,
      positions.filter(({ partition }) => partition.slot === slot)))))
  }

  async #beginSlot (
    slot: number, positions: ReadonlyArray<FirstPosition<FlowPartition>>
  ): Promise<void> {
    this.#busy.add(slot)
    try {
      this.#place(await this.#positionsOf(slot, positions))
    } catch (thrown) {
      const error = ReplicatorError.from(thrown)
      for (const { partition } of positions) this.#refuse(partition, error)
    } finally {
      this.#busy.delete(slot)
    }
  }

  /** Returns the start positions that are now on record; refuses partitions that have none. */
  async #positionsOf (
    slot: number, positions: ReadonlyArray<FirstPosition<FlowPartition>>
  ): Promise<ReadonlyArray<StartPosition<FlowPartition>>> {
    const { keep, onBegun, restore, topicIds } = this.#options
    // While a group forms, two processes may own a slot for a moment. The other process may already
    // have begun the partition and sent records; the end of the target, where this process would
    // begin, then lies after those records. The other process recorded its position before it sent
    // records. So this reading, which follows the request for the end of the target, finds that
    // position.
    const known = await restore([slot])
    const resumed = positions.flatMap(({ partition }) => {
      const progress = known.get(partitionKey(partition))
      return progress === undefined ? [] : [{ partition, progress }]
    })
    const begun = (await this.#allowed(positions.filter(({ partition }) =>
      !known.has(partitionKey(partition)))))
      .filter(({ partition }) => this.#isOpen(partition))
      .map(({ partition, passedOver, progress }): Begun => ({
        partition,
        passedOver,
        isBornLater: this.#isBornLater(partition),
        progress: topicIds.complete(partition, progress)
      }))
    // The position is on record before the first record is sent: after a crash, the search for
    // records that were sent begins at that position (invariant D).
    if (begun.length > 0) {
      await keep(begun)
      onBegun(begun)
    }
    return [...resumed, ...begun]
  }

  /**
   * Of partitions that were never mirrored, returns those that cannot duplicate records on the
   * target.
   */
  async #allowed (
    positions: ReadonlyArray<FirstPosition<FlowPartition>>
  ): Promise<ReadonlyArray<FirstPosition<FlowPartition>>> {
    const { config: { settings }, target } = this.#options
    if (settings['target.not.empty'] === 'begin') return positions
    const problems = await notEmptyOnTarget(target, positions)
    for (const { partition, error } of problems) this.#refuse(partition, error)
    const refused = new Set(problems.map(({ partition }) => partition))
    return positions.filter(({ partition }) => !refused.has(partition))
  }

  #place (positions: ReadonlyArray<StartPosition<FlowPartition>>): void {
    const { lanes, moves, table, topicIds } = this.#options
    const open = positions.filter(({ partition }) => this.#isOpen(partition))
    if (open.length === 0) return
    const carried = Array.from({ length: lanes }, () => 0)
    for (const { lane } of table.values()) if (lane >= 0) carried[lane] = (carried[lane] ?? 0) + 1
    const chosen = assignLanes(open.length, carried)
    moves.moveAll(open.map(({ partition, progress }, i) => [partition, {
      kind: 'position',
      progress: withPoint(topicIds.complete(partition, progress)),
      lane: chosen[i] ?? 0
    }]))
  }

  #refuse (partition: FlowPartition, error: ReplicatorError): void {
    const { clock, moves } = this.#options
    if (!this.#isOpen(partition)) return
    const failures = (partition.trouble?.attempts ?? 0) + 1
    const retryAtMs = clock.now() +
      backoffDelayMs(error.retriable ? retriableBackoff : backoff, failures, systemRandom)
    moves.move(partition, { kind: 'refusal', error, retryAtMs })
  }

  /** Whether the partition is still in the table after the clusters were asked. */
  #isOpen (partition: FlowPartition): boolean {
    return partition.state === 'positioning' && this.#options.positions.owns(partition.slot)
  }

  #isDue (partition: FlowPartition): boolean {
    const retryAtMs = partition.trouble?.retryAtMs ?? 0
    return this.#isOpen(partition) && !this.#busy.has(partition.slot) &&
      retryAtMs <= this.#options.clock.now()
  }
}
