// The lag of every partition of a flow, kept over faults, pauses, restarts of lanes and hand-overs:
// fed by what lanes count, and by the source itself where no lane fetches.
import type { PartitionCounters } from '../../dataplane/index.ts'
import type { ClusterAdmin, Isolation } from '../cluster/cluster-admin.ts'
import { partitionKey } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'
import { EndOffsets } from './end-offsets.ts'
import {
  endStaleMs, PartitionLag, unknownLag, type LagFigures, type SourceEnd, type UnackedTimes
} from './partition-lag.ts'
import type { FlowPartition } from './partition-table.ts'
import { recordTimes } from './record-times.ts'
import { isAtRest, RestingPartitions } from './resting-partitions.ts'

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
  /** The end of the log that the source told while no lane read the partition. */
  restingEnd: bigint | undefined
  /** What the source's time index tells of the first record that the target lacks. */
  firstRecord: FirstRecord | undefined
}

interface FirstRecord {
  readonly from: bigint
  /** Epoch ms; undefined: its timestamp is not known. */
  readonly timestampMs: number | undefined
  /** How often the source was asked. */
  readonly looks: number
}

/** A broker without an answer looks like one without such a record. */
const looksMax = 3
/** Their search is some thirty requests a broker. Further ones are searched in the next round. */
const searchedPerRound = 1_000

const noTimes: UnackedTimes = { oldestUnackedMs: undefined, endFirstSeenMs: undefined }

export class PartitionLags {
  readonly #options: PartitionLagsOptions
  readonly #ends: EndOffsets
  /** By name, so that a partition that comes back continues ageing. */
  readonly #followed = new Map<string, Followed>()
  readonly #resting: RestingPartitions

  constructor (options: PartitionLagsOptions) {
    this.#options = options
    const { clock, recreatedAs } = options
    this.#resting = new RestingPartitions(
      { clock, recreatedAs, mayAsk: partition => this.#mayKnow(partition) })
    this.#ends = new EndOffsets(options.source, options.isolation, options.clock)
  }

  /** Learns what the lane of a partition has counted. */
  observe ({ partition, row }: CountedPartition): void {
    const known = this.#followedAs(partition)
    this.#followed.set(partitionKey(partition), known)
    known.upstream = partition.progress?.upstream ?? known.upstream
    const end = known.recreatedAs === undefined ? endOf(row) : undefined
    if (end === undefined) return
    known.restingEnd = undefined
    known.lag.learn(end, this.#upstreamOf(partition, known), this.#options.clock.now())
  }

  /** Forgets the partitions that are not among these. */
  forgetOthers (partitions: readonly FlowPartition[]): void {
    if (this.#followed.size <= partitions.length) return
    const kept = new Set(partitions.map(partitionKey))
    for (const key of this.#followed.keys()) if (!kept.has(key)) this.#followed.delete(key)
  }

  /**
   * Asks the source for the ends that lanes have not reported lately. Returns the partitions whose
   * ends are other ones than before.
   */
  async refresh (partitions: Iterable<FlowPartition>): Promise<readonly FlowPartition[]> {
    const nowMs = this.#options.clock.now()
    return await this.#ask([...partitions].filter(partition =>
      this.#mayKnow(partition) && this.#isStale(partition, nowMs)))
  }

  /** The same for those that no lane reads: soon, and how old what they lack is. */
  async refreshResting (
    partitions: Iterable<FlowPartition>, onChanged: (partitions: readonly FlowPartition[]) => void
  ): Promise<void> {
    const due = this.#resting.takeDue(partitions)
    onChanged(await this.#ask(due))
    onChanged(await this.#findFirstRecords(due))
  }

  async #ask (partitions: readonly FlowPartition[]): Promise<readonly FlowPartition[]> {
    if (partitions.length === 0) return []
    const { beginsAtStart, clock, recreatedAs } = this.#options
    const answers = await this.#ends.ask(partitions, partition =>
      recreatedAs(partition) !== undefined ||
      (partition.progress === undefined && beginsAtStart(partition.topic)))
    const nowMs = clock.now()
    return answers.flatMap(({ end, partition, start }) => {
      const known = this.#followedAs(partition)
      const before = { ...known.lag.end, restingEnd: known.restingEnd }
      this.#followed.set(partitionKey(partition), known)
      known.upstream = partition.progress?.upstream ?? known.upstream
      // One that begins at the end begins at the first end that was seen.
      known.start ??= start ?? end.highWatermark
      known.restingEnd = isAtRest(partition) ? end.highWatermark : undefined
      known.lag.learn(end, this.#upstreamOf(partition, known), nowMs)
      const isSame = before.highWatermark === end.highWatermark &&
        before.lastStableOffset === end.lastStableOffset && before.restingEnd === known.restingEnd
      return isSame ? [] : [partition]
    })
  }

  /** Returns the partitions of which it was found. */
  async #findFirstRecords (
    partitions: readonly FlowPartition[]
  ): Promise<readonly FlowPartition[]> {
    const wanted = partitions.flatMap(partition => {
      const known = this.#followedAs(partition)
      const { firstRecord, lag } = known
      const from = this.#upstreamOf(partition, known)
      if (from === undefined || (lag.end?.highWatermark ?? -1n) <= from) return []
      if (firstRecord?.from === from &&
          (firstRecord.timestampMs !== undefined || firstRecord.looks >= looksMax)) return []
      return [{ partition, from }]
    }).slice(0, searchedPerRound)
    if (wanted.length === 0) return []
    const { clock, source } = this.#options
    const found = await recordTimes(source, wanted, clock.now())
    return found.map(({ from, partition, timestampMs }) => {
      const known = this.#followedAs(partition)
      const looks = known.firstRecord?.from === from ? known.firstRecord.looks + 1 : 1
      known.firstRecord = { from, timestampMs, looks }
      return partition
    })
  }

  /** `quietMs`: when the source last said that nothing is new, epoch ms; undefined: not yet. */
  lagOf ({ partition, row }: CountedPartition, quietMs?: number): LagFigures {
    const known = this.#followedAs(partition)
    if (quietMs !== undefined && known.recreatedAs === undefined) known.lag.seeSame(quietMs)
    const upstream = this.#upstreamOf(partition, known)
    // It is not the log that the position is of, or that log was truncated.
    const isElsewhere = isAtRest(partition) && known.restingEnd !== undefined &&
      upstream !== undefined && upstream > known.restingEnd
    if (isElsewhere) return unknownLag
    const times = known.recreatedAs === undefined ? timesOf(partition, row) : noTimes
    return known.lag.at(upstream, this.#withFirstRecord(known, upstream, times),
      this.#options.clock.now())
  }

  #withFirstRecord (
    { firstRecord }: Followed, upstream: bigint | undefined, times: UnackedTimes
  ): UnackedTimes {
    if (firstRecord?.timestampMs === undefined || firstRecord.from !== upstream) return times
    const { endFirstSeenMs = Infinity } = times
    return { ...times, endFirstSeenMs: Math.min(endFirstSeenMs, firstRecord.timestampMs) }
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
    return {
      partition, lag, recreatedAs,
      start: undefined, upstream: undefined, restingEnd: undefined, firstRecord: undefined
    }
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
