// Statistics of one flow: collects the counters of its lanes once a second and makes of them, and
// of the states of its partitions, the snapshot that metrics, status line and summary read.
import {
  decodeLane, decodePartitions, type LaneCounters, type NativeStats, type PartitionCounters
} from '../../dataplane/index.ts'
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { FlowConfig } from '../config/config.ts'
import { latencyUpperBoundsMs } from '../observability/latency.ts'
import type {
  CountsByCode, FlowSnapshot, FlowState, LaneSnapshot, PartitionSnapshot
} from '../observability/snapshot.ts'
import type { Clock } from '../time/clock.ts'
import type { Log } from '../observability/log.ts'
import type { FlowProblems, Unacknowledged } from '../observability/flow-problems.ts'
import type { LanePool } from '../lanes/lane-pool.ts'
import type { FlowPartitions } from '../partitions/flow-partitions.ts'
import { OpenTransactions } from '../partitions/open-transactions.ts'
import { PartitionLags } from '../partitions/partition-lags.ts'
import { faultOf } from '../partitions/partition-state.ts'
import type { FlowPartition } from '../partitions/partition-table.ts'
import { partitionKey } from '../progress/progress.ts'
import { partitionSnapshot } from './partition-snapshot.ts'

export interface FlowStatisticsOptions {
  readonly config: FlowConfig
  readonly partitions: FlowPartitions
  readonly source: ClusterAdmin
  readonly lanes: LanePool
  /** Whether other processes own the slots that this one does not. */
  readonly othersOwn: () => boolean
  readonly problems: FlowProblems
  readonly log: Log
  readonly clock: Clock
}

/** What one lane counted, decoded once. */
interface LaneFigures {
  readonly stats: NativeStats
  readonly counters: LaneCounters
  /** By the id of the partition. */
  readonly rows: ReadonlyMap<number, PartitionCounters>
}

/** A little more than the time between two collections. */
const snapshotMs = 1_100

export class FlowStatistics {
  readonly #options: FlowStatisticsOptions
  readonly #lags: PartitionLags
  readonly #openTransactions: OpenTransactions
  #snapshots: {
    readonly madeMs: number
    readonly partitions: readonly PartitionSnapshot[]
  } | undefined
  #lanes: ReadonlyArray<LaneFigures | undefined> = []
  /** Partitions of slots that were handed over, until another process is known to own them. */
  readonly #departed = new Map<string, FlowPartition>()

  constructor (options: FlowStatisticsOptions) {
    this.#options = options
    const { clock, config: { settings, starts }, log, partitions, source } = options
    const lags = this.#lags = new PartitionLags({
      source,
      isolation: settings['isolation.level'],
      beginsAtStart: topic => starts.of(topic) === 'earliest',
      recreatedAs: partition => partitions.recreatedAs(partition),
      isRead: partition => partitions.isRead(partition),
      clock
    })
    this.#openTransactions = new OpenTransactions({ source, lags, log, clock })
  }

  /** Asks every lane. One that does not answer keeps its last figures. */
  async collect (): Promise<void> {
    const { lanes, partitions } = this.#options
    const fresh = await Promise.all(Array.from({ length: lanes.size }, async (_, lane) =>
      await lanes.stats(lane)))
    this.#lanes = fresh.map((stats, lane) => stats === undefined
      ? this.#lanes[lane]
      : decoded(stats))
    this.#snapshots = undefined
    const counted = [...partitions.table.values(), ...this.#departed.values()]
    this.#lags.observe(counted.map(partition =>
      ({ partition, row: this.#rowOf(partition) })))
    const retrying = [...partitions.table.values()].filter(({ state }) => state === 'retrying')
    partitions.onCaughtUp(retrying.filter(partition =>
      isCaughtUpSince(this.#rowOf(partition), partition.trouble?.retriedAtMs)))
  }

  /** Asks the source for the ends that lanes have not reported lately. */
  async refreshEnds (): Promise<void> {
    const { othersOwn, partitions } = this.#options
    if (this.#departed.size > 0 && othersOwn()) this.#departed.clear()
    const followed = [...partitions.table.values(), ...this.#departed.values()]
    try {
      await this.#lags.refresh(followed)
    } finally {
      await this.#openTransactions.look(followed)
    }
  }

  /**
   * Partitions leave the table. Those whose slot went to another process keep their lag here until
   * that process is there: the lag of the flow must not vanish in between.
   */
  async depart (partitions: readonly FlowPartition[], isHandedOver: boolean): Promise<void> {
    await this.collect()
    if (!isHandedOver) return
    for (const partition of partitions) {
      this.#departed.set(partitionKey(partition), { ...partition, lane: -1 })
    }
  }

  /** Acked by the lane that has the partition now. */
  bytesById (): ReadonlyMap<number, number> {
    return new Map([...this.#options.partitions.table.values()].flatMap(partition => {
      const row = this.#rowOf(partition)
      return row === undefined ? [] : [[partition.id, Number(row.bytes)] as const]
    }))
  }

  /** What the target has not acknowledged of these partitions, as far as is known. */
  unacknowledged (partitions: readonly FlowPartition[]): Unacknowledged {
    const lagOf = (partition: FlowPartition): number =>
      this.#lags.lagOf({ partition, row: this.#rowOf(partition) }).records ?? 0
    const [first] = partitions
    return {
      partitions: partitions.length,
      records: partitions.reduce((sum, partition) => sum + lagOf(partition), 0),
      example: first === undefined ? '' : `${first.topic}-${first.partition}`,
      error: first === undefined || first.report.code === 0 ? undefined : faultOf(first.report)
    }
  }

  snapshot (state: FlowState): FlowSnapshot {
    const { config, partitions, problems } = this.#options
    return {
      ...FlowStatistics.empty(config, state),
      lanes: this.#lanes.flatMap((figures, lane) => figures === undefined
        ? []
        : [this.#laneSnapshot(lane, figures)]),
      partitions: this.#partitionSnapshots(),
      moved: this.#movedSnapshots(),
      topicProblems: partitions.topicProblems,
      errorsByCode: problems.counts,
      progressUnwrittenMs: partitions.progressUnwrittenMs,
      skipped: partitions.skipped,
      mirroredAgain: partitions.mirroredAgain
    }
  }

  static empty (config: FlowConfig, state: FlowState): FlowSnapshot {
    return {
      source: config.source.alias,
      target: config.target.alias,
      state,
      lanes: [],
      faultedPartitionsMax: config.settings['readiness.faulted.partitions.max'],
      topicProblems: [],
      partitions: [],
      moved: [],
      errorsByCode: new Map(),
      progressUnwrittenMs: undefined
    }
  }

  #rowOf ({ id, lane }: FlowPartition): PartitionCounters | undefined {
    return this.#lanes[lane]?.rows.get(id)
  }

  /** The same ones for a second, or until the next figures: there may be thousands. */
  #partitionSnapshots (): readonly PartitionSnapshot[] {
    const nowMs = this.#options.clock.monotonic()
    if (this.#snapshots === undefined || nowMs - this.#snapshots.madeMs >= snapshotMs) {
      const { table } = this.#options.partitions
      const partitions = [...table.values(), ...this.#stillDeparted()].map(partition =>
        this.#partitionSnapshot(partition, partition.lane, this.#rowOf(partition)))
      this.#snapshots = { madeMs: nowMs, partitions }
    }
    return this.#snapshots.partitions
  }

  #stillDeparted (): readonly FlowPartition[] {
    const { table } = this.#options.partitions
    for (const [key, partition] of this.#departed) {
      if (table.byName(partition) !== undefined) this.#departed.delete(key)
    }
    return [...this.#departed.values()]
  }

  /** The last figures of lanes that partitions were moved away from. */
  #movedSnapshots (): readonly PartitionSnapshot[] {
    const { table } = this.#options.partitions
    return this.#lanes.flatMap((figures, lane) => [...figures?.rows.entries() ?? []]
      .flatMap(([id, row]) => {
        const partition = table.byId(id)
        return partition === undefined || partition.lane === lane
          ? []
          : [this.#partitionSnapshot(partition, lane, row)]
      }))
  }

  #laneSnapshot (lane: number, { counters, stats }: LaneFigures): LaneSnapshot {
    return {
      lane,
      ...this.#options.lanes.stateOf(lane),
      inFlightBytes: Number(counters.heldBytes),
      inFlightBytesMax: Number(counters.heldBytesMax),
      fetchRequests: counters.fetchRequests,
      produceRequests: counters.produceRequests,
      sourceThrottleMs: counters.sourceThrottleMs,
      targetThrottleMs: counters.targetThrottleMs,
      fetchedBytes: counters.fetchResponseBytes,
      followerBytes: counters.followerBytes,
      evictions: counters.evictions,
      errorsByCode: countsByCode(stats.errors),
      latency: {
        upperBoundsMs: latencyUpperBoundsMs,
        counts: [...stats.latency],
        sumMs: stats.latencySumMs
      }
    }
  }

  #partitionSnapshot (
    partition: FlowPartition, lane: number, row: PartitionCounters | undefined
  ): PartitionSnapshot {
    const lag = this.#lags.lagOf({ partition, row })
    const end = this.#lags.endOf(partition)
    return partitionSnapshot({ partition, lane, row, lag, end }, this.#options.clock.now())
  }
}

function decoded (stats: NativeStats): LaneFigures {
  const rows = new Map(decodePartitions(stats).map(row => [Number(row.id), row]))
  return { stats, counters: decodeLane(stats), rows }
}

/** Whether the lane has seen nothing left to mirror since the retry of a faulted partition. */
function isCaughtUpSince (
  row: PartitionCounters | undefined, retriedAtMs: number | undefined
): boolean {
  return row !== undefined && retriedAtMs !== undefined && row.caughtUpAtMs >= retriedAtMs
}

function countsByCode (rows: BigInt64Array): CountsByCode {
  const counts = new Map<number, bigint>()
  for (let row = 0; row < rows.length; row += 2) {
    counts.set(Number(rows[row]), rows[row + 1] ?? 0n)
  }
  return counts
}
