// The lag of every partition of a flow, kept over faults, pauses, restarts of lanes and hand-overs:
// fed by what lanes count, and by the source itself where no lane fetches.
import type { PartitionCounters } from '../../dataplane/index.ts'
import type { ClusterAdmin, Isolation } from '../cluster/cluster-admin.ts'
import { partitionKey } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'
import { EndOffsets } from './end-offsets.ts'
import {
  endStaleMs, PartitionLag, type LagFigures, type SourceEnd, type UnackedTimes
} from './partition-lag.ts'
import type { FlowPartition } from './partition-table.ts'

export interface PartitionLagsOptions {
  readonly source: ClusterAdmin
  readonly isolation: Isolation
  /** Whether a partition that was never mirrored begins at the start of its log. */
  readonly beginsAtStart: (topic: string) => boolean
  /** The id of the new source topic, where progress is of a deleted one of the same name. */
  readonly recreatedAs: (partition: FlowPartition) => string | undefined
  /** False: where the partition stands is on record, and that has not been read yet. */
  readonly isRead: (partition: FlowPartition) => boolean
  readonly clock: Clock
}

/** A partition, and what its lane counted of it last; undefined: no lane has it. */
export interface CountedPartition {
  readonly partition: FlowPartition
  readonly row: PartitionCounters | undefined
}

interface Followed {
  readonly partition: FlowPartition
  readonly lag: PartitionLag
  /** The recreated topic that these figures are of; undefined: the topic of progress. */
  readonly recreatedAs: string | undefined
  /** Where a partition begins that has no position in this topic. */
  start: bigint | undefined
  /** Its last known position in this topic: its slot may leave, come back, and not be readable. */
  upstream: bigint | undefined
}

const noTimes: UnackedTimes = { oldestUnackedMs: undefined, endFirstSeenMs: undefined }

export class PartitionLags {
  readonly #options: PartitionLagsOptions
  readonly #ends: EndOffsets
  /** By name, so that a partition that comes back goes on ageing. */
  readonly #followed = new Map<string, Followed>()

  constructor (options: PartitionLagsOptions) {
    this.#options = options
    this.#ends = new EndOffsets(options.source, options.isolation, options.clock)
  }

  /** Learns what the lane of a partition has counted. */
  observe ({ partition, row }: CountedPartition): void {
    const known = this.#followedAs(partition)
    this.#followed.set(partitionKey(partition), known)
    known.upstream = partition.progress?.upstream ?? known.upstream
    const end = known.recreatedAs === undefined ? endOf(row) : undefined
    if (end === undefined) return
    known.lag.learn(end, this.#upstreamOf(partition, known), this.#options.clock.now())
  }

  /** Forgets the partitions that are not among these. */
  forgetOthers (partitions: readonly FlowPartition[]): void {
    if (this.#followed.size <= partitions.length) return
    const kept = new Set(partitions.map(partitionKey))
    for (const key of this.#followed.keys()) if (!kept.has(key)) this.#followed.delete(key)
  }

  /** Asks the source for the ends that lanes have not reported lately. */
  async refresh (partitions: Iterable<FlowPartition>): Promise<void> {
    const { beginsAtStart, clock, recreatedAs } = this.#options
    const stale = [...partitions].filter(partition =>
      this.#mayKnow(partition) && this.#isStale(partition, clock.now()))
    if (stale.length === 0) return
    const answers = await this.#ends.ask(stale, partition => recreatedAs(partition) !== undefined ||
      (partition.progress === undefined && beginsAtStart(partition.topic)))
    const nowMs = clock.now()
    for (const { end, partition, start } of answers) {
      const known = this.#followedAs(partition)
      this.#followed.set(partitionKey(partition), known)
      known.upstream = partition.progress?.upstream ?? known.upstream
      // One that begins at the end begins at the first end that was seen.
      known.start ??= start ?? end.highWatermark
      known.lag.learn(end, this.#upstreamOf(partition, known), nowMs)
    }
  }

  /** `quietMs`: when the source last said that nothing is new, epoch ms; undefined: not yet. */
  lagOf ({ partition, row }: CountedPartition, quietMs?: number): LagFigures {
    const known = this.#followedAs(partition)
    if (quietMs !== undefined && known.recreatedAs === undefined) known.lag.seeSame(quietMs)
    const times = known.recreatedAs === undefined ? timesOf(partition, row) : noTimes
    return known.lag.at(this.#upstreamOf(partition, known), times, this.#options.clock.now())
  }

  /** From when on the last end of the log that was reported says nothing any more, epoch ms. */
  staleFrom (partition: FlowPartition): number {
    return (this.endOf(partition)?.knownMs ?? -Infinity) + endStaleMs
  }

  endOf (partition: FlowPartition): SourceEnd | undefined {
    return this.#followed.get(partitionKey(partition))?.lag.end
  }

  /** Those on which a transaction is open, as far as was seen. */
  withOpenTransactions (): readonly FlowPartition[] {
    return [...this.#followed.values()]
      .filter(({ lag }) => lag.stableSinceMs !== undefined)
      .map(({ partition }) => partition)
  }

  /** Since when a transaction has been open on the partition, as far as was seen; epoch ms. */
  openTransactionSince (partition: FlowPartition): number | undefined {
    return this.#followed.get(partitionKey(partition))?.lag.stableSinceMs
  }

  /**
   * The ends of a deleted topic say nothing about the recreated one, so those begin anew. A
   * decision that moves the position into the recreated topic keeps them.
   */
  #followedAs (partition: FlowPartition): Followed {
    const known = this.#followed.get(partitionKey(partition))
    const recreatedAs = this.#options.recreatedAs(partition)
    if (known?.partition === partition && known.recreatedAs === recreatedAs) return known
    if (known !== undefined && known.recreatedAs === recreatedAs) return { ...known, partition }
    if (known !== undefined && recreatedAs === undefined) {
      return { ...known, partition, recreatedAs }
    }
    const isCommittedOnly = this.#options.isolation === 'read_committed'
    const lag = new PartitionLag(isCommittedOnly)
    return { partition, lag, recreatedAs, start: undefined, upstream: undefined }
  }

  /** A position in the deleted topic is none in the recreated one: all of that is missing. */
  #upstreamOf (
    { progress }: FlowPartition, { recreatedAs, start, upstream }: Followed
  ): bigint | undefined {
    return recreatedAs === undefined ? progress?.upstream ?? upstream ?? start : start
  }

  /** Before its position on record is read, all of its log would look as if it were missing. */
  #mayKnow (partition: FlowPartition): boolean {
    return this.#options.isRead(partition) || partition.progress !== undefined ||
      this.#followedAs(partition).upstream !== undefined
  }

  #isStale (partition: FlowPartition, nowMs: number): boolean {
    return this.#followedAs(partition).lag.isStale(nowMs)
  }
}

function endOf (row: PartitionCounters | undefined): SourceEnd | undefined {
  if (row === undefined || row.endKnownMs === 0n) return undefined
  const { endKnownMs, highWatermark, lastStableOffset } = row
  return { highWatermark, lastStableOffset, knownMs: Number(endKnownMs) }
}

/** A lane knows these only of what it is mirroring: of a fault it has forgotten its queue. */
function timesOf (
  { state }: FlowPartition, row: PartitionCounters | undefined
): UnackedTimes {
  if (row === undefined || (state !== 'assigned' && state !== 'moving')) return noTimes
  const { endFirstSeenMs, oldestUnackedMs } = row
  return {
    oldestUnackedMs: oldestUnackedMs < 0n ? undefined : Number(oldestUnackedMs),
    endFirstSeenMs: endFirstSeenMs <= 0n ? undefined : Number(endFirstSeenMs)
  }
}
