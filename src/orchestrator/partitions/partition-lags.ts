// The lag of every partition of a flow, kept over faults, pauses, restarts of lanes and hand-overs.
// The lanes' counters feed it, and the source itself if no lane fetches a partition.
import type { PartitionCounters } from '../../dataplane/index.ts'
import type { ClusterAdmin, Isolation } from '../cluster/cluster-admin.ts'
import { partitionKey } from '../progress/progress.ts'
import type { Clock } from '../time/clock.ts'
import { EndOffsets } from './end-offsets.ts'
import {
  PartitionLag, unknownLag, type LagFigures, type SourceEnd, type UnackedTimes
} from './partition-lag.ts'
import type { FlowPartition } from './partition-table.ts'
import { recordTimes } from './record-times.ts'
import { isAtRest, RestingPartitions } from './resting-partitions.ts'

export interface PartitionLagsOptions {
  readonly source: ClusterAdmin
  readonly isolation: Isolation
  /** Whether a partition that was never mirrored begins at the start of its log. */
  readonly beginsAtStart: (topic: string) => boolean
  /**
   * The id of the new source topic, if the progress belongs to a deleted topic of the same name.
   */
  readonly recreatedAs: (partition: FlowPartition) => string | undefined
  /** False: the partition's position on record has not been read yet. */
  readonly isRead: (partition: FlowPartition) => boolean
  readonly clock: Clock
}

/** A partition with the newest counters of its lane; undefined: no lane has the partition. */
export interface CountedPartition {
  readonly partition: FlowPartition
  readonly row: PartitionCounters | undefined
}

interface Followed {
  readonly partition: FlowPartition
  readonly lag: PartitionLag
  /** The recreated topic that these figures describe; undefined: the topic of the progress. */
  readonly recreatedAs: string | undefined
  /** Where a partition without a position in this topic begins. */
  start: bigint | undefined
  /**
   * The last known position in this topic; kept because the slot may be revoked, assigned again and
   * then be unreadable.
   */
  upstream: bigint | undefined
  /** The end of the log that the source reported while no lane read the partition. */
  restingEnd: bigint | undefined
  /** The first record that the target lacks, as the source's time index reports it. */
  firstRecord: FirstRecord | undefined
}

interface FirstRecord {
  readonly from: bigint
  /** Epoch ms; undefined: its timestamp is not known. */
  readonly timestampMs: number | undefined
  /** How often the source was asked for the timestamp. */
  readonly looks: number
}

/** A broker that does not answer looks like a broker without such a record. */
const looksMax = 3
/** A search takes some thirty requests a broker. The next round searches further partitions. */
const searchedPerRound = 1_000

const noTimes: UnackedTimes = { oldestUnackedMs: undefined, endFirstSeenMs: undefined }

export class PartitionLags {
  readonly #options: PartitionLagsOptions
  readonly #ends: EndOffsets
  /** By name, so that the age of a partition's lag is kept when its slot is assigned again. */
  readonly #followed = new Map<string, Followed>()
  readonly #resting: RestingPartitions

  constructor (options: PartitionLagsOptions) {
    this.#options = options
    const { clock, recreatedAs } = options
    this.#resting = new RestingPartitions(
      { clock, recreatedAs, mayAsk: partition => this.#mayKnow(partition) })
    this.#ends = new EndOffsets(options.source, options.isolation, options.clock)
  }

  /** Receives the newest counters of a partition's lane. */
  observe ({ partition, row }: CountedPartition): void {
    const known = this.#followedAs(partition)
    this.#followed.set(partitionKey(partition), known)
    known.upstream = partition.progress?.upstream ?? known.upstream
    const end = known.recreatedAs === undefined ? endOf(row) : undefined
    if (end === undefined) return
    known.restingEnd = undefined
    known.lag.learn(end, this.#upstreamOf(partition, known), this.#options.clock.now())
  }

  /** How many partitions are followed. */
  get size (): number { return this.#followed.size }

  /** Forgets every partition that is not in this list. */
  forgetOthers (partitions: readonly FlowPartition[]): void {
    const kept = new Set(partitions.map(partitionKey))
    for (const key of this.#followed.keys()) if (!kept.has(key)) this.#followed.delete(key)
  }

  /**
   * Asks the source for the ends that lanes have not reported lately. Returns the partitions whose
   * end has changed.
   */
  async refresh (partitions: Iterable<FlowPartition>): Promise<readonly FlowPartition[]> {
    const nowMs = this.#options.clock.now()
    return await this.#ask([...partitions].filter(partition =>
      this.#mayKnow(partition) && this.#followedAs(partition).lag.mustAsk(nowMs)))
  }

  /**
   * The same for partitions that no lane reads: more often, and with the age of missing records.
   */
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
      // A partition that begins at the end of its log begins at the first end that was seen.
      known.start ??= start ?? end.highWatermark
      known.restingEnd = isAtRest(partition) ? end.highWatermark : undefined
      known.lag.learn(end, this.#upstreamOf(partition, known), nowMs)
      const isSame = before.highWatermark === end.highWatermark &&
        before.lastStableOffset === end.lastStableOffset && before.restingEnd === known.restingEnd
      return isSame ? [] : [partition]
    })
  }

  /** Returns the partitions whose first missing record was found. */
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

  /**
   * `quietMs`: when the source last reported that it has no new records, epoch ms; undefined:
   * never.
   */
  lagOf ({ partition, row }: CountedPartition, quietMs?: number): LagFigures {
    const known = this.#followedAs(partition)
    if (quietMs !== undefined && known.recreatedAs === undefined) known.lag.seeSame(quietMs)
    const upstream = this.#upstreamOf(partition, known)
    // The position belongs to another log, or the log was truncated below the position.
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

  endOf (partition: FlowPartition): SourceEnd | undefined {
    return this.#followed.get(partitionKey(partition))?.lag.end
  }

  /** The partitions on which an open transaction was seen. */
  withOpenTransactions (): readonly FlowPartition[] {
    const open: FlowPartition[] = []
    for (const { lag, partition } of this.#followed.values()) {
      if (lag.stableSinceMs !== undefined) open.push(partition)
    }
    return open
  }

  /** Since when an open transaction has been seen on the partition, epoch ms. */
  openTransactionSince (partition: FlowPartition): number | undefined {
    return this.#followed.get(partitionKey(partition))?.lag.stableSinceMs
  }

  /**
   * The ends of a deleted topic do not apply to the recreated topic, so they are forgotten. They
   * are kept when a decision moves the position into the recreated topic.
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

  /**
   * A position in the deleted topic does not count in the recreated topic: all its records are
   * missing.
   */
  #upstreamOf (
    { progress }: FlowPartition, { recreatedAs, start, upstream }: Followed
  ): bigint | undefined {
    return recreatedAs === undefined ? progress?.upstream ?? upstream ?? start : start
  }

  /** Until the position on record has been read, every record of the log would look missing. */
  #mayKnow (partition: FlowPartition): boolean {
    return this.#options.isRead(partition) || partition.progress !== undefined ||
      this.#followedAs(partition).upstream !== undefined
  }
}

function endOf (row: PartitionCounters | undefined): SourceEnd | undefined {
  if (row === undefined || row.endKnownMs === 0n) return undefined
  const { endKnownMs, highWatermark, lastStableOffset } = row
  return { highWatermark, lastStableOffset, knownMs: Number(endKnownMs) }
}

/** A lane knows these times only for what it is mirroring: a fault clears its queue. */
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
