// Statistics of one flow: collects the counters of its lanes once a second and makes of them, and
// of the states of its partitions, the snapshot that metrics, progress line and summary read.
import { batchReasons } from '../../dataplane/contract/contract-table.ts'
import {
  decodeLane, decodePartitions, type LaneCounters, type NativeStats, type PartitionCounters
} from '../../dataplane/index.ts'
import type { FlowConfig } from '../config/config.ts'
import { latencyUpperBoundsMs } from '../observability/latency-buckets.ts'
import type {
  CountsByCode, FlowSnapshot, FlowState, LaneSnapshot, PartitionSnapshot
} from '../observability/snapshot.ts'
import type { Clock } from '../time/clock.ts'
import type { FlowProblems } from '../observability/flow-problems.ts'
import type { LanePool } from '../lanes/lane-pool.ts'
import type { FlowPartitions } from '../partitions/flow-partitions.ts'
import type { FlowPartition } from '../partitions/partition-table.ts'
import { shownOf } from '../partitions/shown-state.ts'

export interface FlowStatisticsOptions {
  readonly config: FlowConfig
  readonly partitions: FlowPartitions
  readonly lanes: LanePool
  readonly problems: FlowProblems
  readonly clock: Clock
}

/** What one lane counted, decoded once. */
interface LaneFigures {
  readonly stats: NativeStats
  readonly counters: LaneCounters
  /** By the id of the partition. */
  readonly rows: ReadonlyMap<number, PartitionCounters>
}

export class FlowStatistics {
  readonly #options: FlowStatisticsOptions
  #lanes: ReadonlyArray<LaneFigures | undefined> = []

  constructor (options: FlowStatisticsOptions) {
    this.#options = options
  }

  /** Asks every lane. One that does not answer keeps its last figures. */
  async collect (): Promise<void> {
    const { lanes, partitions } = this.#options
    const fresh = await Promise.all(Array.from({ length: lanes.size }, async (_, lane) =>
      await lanes.stats(lane)))
    this.#lanes = fresh.map((stats, lane) => stats === undefined
      ? this.#lanes[lane]
      : decoded(stats))
    partitions.onCaughtUp([...partitions.table.values()].filter(partition =>
      isCaughtUpSince(this.#rowOf(partition), partition.trouble?.retriedAtMs)))
  }

  /** Acked by the lane that has the partition now. */
  bytesById (): ReadonlyMap<number, number> {
    return new Map([...this.#options.partitions.table.values()].flatMap(partition => {
      const row = this.#rowOf(partition)
      return row === undefined ? [] : [[partition.id, Number(row.bytes)] as const]
    }))
  }

  snapshot (state: FlowState): FlowSnapshot {
    const { config, partitions, problems } = this.#options
    return {
      ...FlowStatistics.empty(config, state),
      lanes: this.#lanes.flatMap((figures, lane) => figures === undefined
        ? []
        : [this.#laneSnapshot(lane, figures)]),
      partitions: [...partitions.table.values()].map(partition =>
        this.#partitionSnapshot(partition, partition.lane, this.#rowOf(partition))),
      moved: this.#movedSnapshots(),
      errorsByCode: problems.counts,
      progressWrittenMs: partitions.lastWriteMs,
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
      partitions: [],
      moved: [],
      errorsByCode: new Map(),
      progressWrittenMs: undefined
    }
  }

  #rowOf ({ id, lane }: FlowPartition): PartitionCounters | undefined {
    return this.#lanes[lane]?.rows.get(id)
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
      evictions: counters.evictions,
      errorsByCode: countsByCode(stats.errors),
      latency: {
        upperBoundsMs: latencyUpperBoundsMs,
        counts: [...stats.latency],
        sumMs: stats.latencySumMs
      }
    }
  }

  /** Without a row: its lane has not counted anything of it, or none has it. */
  #partitionSnapshot (
    partition: FlowPartition, lane: number, row: PartitionCounters | undefined
  ): PartitionSnapshot {
    const { topic, remoteTopic, partition: number, progress } = partition
    const newestRecordMs = row !== undefined && row.ackedTimestampMs >= 0n && row.records > 0n
      ? Number(row.ackedTimestampMs)
      : undefined
    const lagRecords = row === undefined ? undefined : this.#lagRecords(row)
    const shown = shownOf(partition, lagRecords === 0)
    return {
      topic,
      remoteTopic,
      partition: number,
      lane,
      state: shown.state,
      code: shown.error?.code ?? 0,
      reason: shown.error?.message ?? (shown.pausedBy === undefined ? '' : `by ${shown.pausedBy}`),
      sinceMs: shown.sinceMs,
      records: row?.records ?? 0n,
      batches: row?.batches ?? 0n,
      bytes: row?.bytes ?? 0n,
      batchesPassedThrough: row?.passedThrough ?? 0n,
      reencodedByReason: byReason(row, reencodedColumns),
      droppedByReason: byReason(row, droppedColumns),
      retries: row?.retries ?? 0n,
      recordsResumed: row?.resumedRecords ?? 0n,
      recordsDoubled: row?.doubledRecords ?? 0n,
      newestRecordMs,
      upstreamOffset: progress?.upstream ?? 0n,
      highWatermark: row?.highWatermark ?? -1n,
      lagRecords,
      lagSeconds: lagRecords === 0
        ? 0
        : newestRecordMs === undefined || lagRecords === undefined
          ? undefined
          : Math.max(0, (this.#options.clock.now() - newestRecordMs) / 1000)
    }
  }

  /** Records that a reader of the source sees and one of the target does not. */
  #lagRecords (row: PartitionCounters): number | undefined {
    if (row.highWatermark < 0n) return undefined
    const committedOnly = this.#options.config.settings['isolation.level'] === 'read_committed'
    const end = committedOnly && row.lastStableOffset >= 0n
      ? row.lastStableOffset
      : row.highWatermark
    return Math.max(0, Number(end - row.upstreamOffset))
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

const reencodedColumns: Readonly<Record<string, keyof PartitionCounters>> = {
  old_magic: 'reencodedOldMagic',
  compacted: 'reencodedCompacted',
  mid_batch: 'reencodedMidBatch',
  log_append_time: 'reencodedLogAppendTime',
  too_large: 'reencodedTooLarge'
}

const droppedColumns: Readonly<Record<string, keyof PartitionCounters>> = {
  control: 'droppedControl',
  empty: 'droppedEmpty',
  aborted: 'droppedAborted',
  looped: 'droppedLooped',
  stale: 'droppedStale'
}

function byReason (
  row: PartitionCounters | undefined, columns: Readonly<Record<string, keyof PartitionCounters>>
): readonly bigint[] {
  if (row === undefined) return []
  return batchReasons.map(reason => {
    const column = columns[reason]
    return column === undefined ? 0n : row[column]
  })
}

function countsByCode (rows: BigInt64Array): CountsByCode {
  const counts = new Map<number, bigint>()
  for (let row = 0; row < rows.length; row += 2) {
    counts.set(Number(rows[row]), rows[row + 1] ?? 0n)
  }
  return counts
}
