// Statistics of one flow: collects counters from its lanes and puts them into the snapshot that
// metrics, the progress line and the summary are made of.
import {
  batchReasons, partitionCounters, partitionStates
} from '../../dataplane/contract/contract-table.ts'
import {
  decodeLane, decodePartitions, type NativeStats, type PartitionCounters
} from '../../dataplane/index.ts'
import type { FlowConfig } from '../config/config.ts'
import { latencyUpperBoundsMs } from '../observability/latency-buckets.ts'
import type {
  CountsByCode, FlowSnapshot, FlowState, LaneSnapshot, PartitionSnapshot
} from '../observability/snapshot.ts'
import type { Clock } from '../time/clock.ts'
import type { FlowProblems } from '../observability/flow-problems.ts'
import type { LanePool } from '../lanes/lane-pool.ts'
import type { PartitionMirror, RefusedPartition } from '../partitions/partition-mirror.ts'

/** Figures of a partition, and the lane that counted them. */
interface LaneRow {
  readonly lane: number
  readonly row: PartitionCounters
}

export interface FlowStatisticsOptions {
  readonly config: FlowConfig
  readonly mirror: PartitionMirror
  readonly lanes: LanePool
  readonly problems: FlowProblems
  readonly clock: Clock
}

export class FlowStatistics {
  readonly #config: FlowConfig
  readonly #mirror: PartitionMirror
  readonly #lanes: LanePool
  readonly #problems: FlowProblems
  readonly #clock: Clock
  #stats: ReadonlyArray<NativeStats | undefined> = []

  constructor ({ clock, config, lanes, mirror, problems }: FlowStatisticsOptions) {
    this.#config = config
    this.#mirror = mirror
    this.#lanes = lanes
    this.#problems = problems
    this.#clock = clock
  }

  /** Asks every lane; one that does not run keeps its last figures. */
  async collect (): Promise<void> {
    const lanes = Array.from({ length: this.#lanes.size }, (_, lane) => lane)
    const fresh = await Promise.all(lanes.map(async lane => await this.#lanes.stats(lane)))
    this.#stats = fresh.map((stats, lane) => stats ?? this.#stats[lane])
  }

  /** Acked by the lane that has the partition now. */
  bytesById (): ReadonlyMap<number, number> {
    const [present] = this.#laneRows()
    return new Map(present.map(({ row }) => [Number(row.id), Number(row.bytes)]))
  }

  snapshot (state: FlowState): FlowSnapshot {
    const [present, moved] = this.#laneRows()
    return {
      ...FlowStatistics.empty(this.#config, state),
      lanes: this.#stats.flatMap((stats, lane) => stats === undefined
        ? []
        : [this.#laneSnapshot(lane, stats)]),
      partitions: [
        ...[...present, ...this.#untoldRows(present)]
          .flatMap(row => this.#partitionSnapshot(row) ?? []),
        ...[...this.#mirror.refused].map(refused => this.#refusedSnapshot(refused))
      ],
      moved: moved.flatMap(row => this.#partitionSnapshot(row) ?? []),
      errorsByCode: this.#problems.counts,
      progressWrittenMs: this.#mirror.lastWriteMs,
      skipped: this.#mirror.skipped,
      mirroredAgain: this.#mirror.mirroredAgain
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

  /** Those of lanes that have their partition now, and those of lanes that it was moved from. */
  #laneRows (): readonly [readonly LaneRow[], readonly LaneRow[]] {
    const present: LaneRow[] = []
    const moved: LaneRow[] = []
    for (const [lane, stats] of this.#stats.entries()) {
      for (const row of stats === undefined ? [] : decodePartitions(stats)) {
        const owner = this.#mirror.table.byId(Number(row.id))?.lane
        if (owner !== undefined) (owner === lane ? present : moved).push({ lane, row })
      }
    }
    return [present, moved]
  }

  /** Of partitions that their lane has said nothing of: just given to it, or withheld from it. */
  #untoldRows (rows: readonly LaneRow[]): readonly LaneRow[] {
    const told = new Set(rows.map(({ row }) => Number(row.id)))
    return [...this.#mirror.table.values()]
      .filter(({ id }) => !told.has(id))
      .map(({ id, lane, progress, state }) => ({
        lane,
        row: {
          ...emptyRow,
          id: BigInt(id),
          state: BigInt(partitionStates.indexOf(state)),
          upstreamOffset: progress.upstream
        }
      }))
  }

  #refusedSnapshot ({ partition, error }: RefusedPartition): PartitionSnapshot {
    return {
      ...partition,
      lane: -1,
      state: 'faulted',
      code: error.code,
      records: 0,
      batches: 0,
      bytes: 0,
      batchesPassedThrough: 0,
      reencodedByReason: [],
      droppedByReason: [],
      retries: 0,
      recordsResumed: 0,
      recordsDoubled: 0,
      newestRecordMs: undefined,
      upstreamOffset: 0,
      highWatermark: 0,
      lagRecords: undefined,
      lagSeconds: undefined
    }
  }

  #laneSnapshot (lane: number, stats: NativeStats): LaneSnapshot {
    const row = decodeLane(stats)
    return {
      lane,
      ...this.#lanes.stateOf(lane),
      inFlightBytes: Number(row.heldBytes),
      inFlightBytesMax: Number(row.heldBytesMax),
      fetchRequests: row.fetchRequests,
      produceRequests: row.produceRequests,
      sourceThrottleMs: row.sourceThrottleMs,
      targetThrottleMs: row.targetThrottleMs,
      fetchedBytes: row.fetchResponseBytes,
      evictions: row.evictions,
      errorsByCode: countsByCode(stats.errors),
      latency: {
        upperBoundsMs: latencyUpperBoundsMs,
        counts: [...stats.latency],
        sumMs: stats.latencySumMs
      }
    }
  }

  #partitionSnapshot ({ lane, row }: LaneRow): PartitionSnapshot | undefined {
    const partition = this.#mirror.table.byId(Number(row.id))
    if (partition === undefined) return undefined
    const { topic, remoteTopic, partition: number, verdict } = partition
    // While it is tried again it counts as faulted, or an alert would end with each attempt.
    const { triedAtMs = 0 } = partition
    const isFaulted = verdict !== undefined || row.caughtUpAtMs < triedAtMs
    const newestRecordMs = row.ackedTimestampMs >= 0n && row.records > 0n
      ? Number(row.ackedTimestampMs)
      : undefined
    const lagRecords = this.#lagRecords(row)
    return {
      topic,
      remoteTopic,
      partition: number,
      lane,
      state: isFaulted ? 'faulted' : partitionStates[Number(row.state)] ?? 'faulted',
      code: verdict?.code ?? Number(row.code),
      records: row.records,
      batches: row.batches,
      bytes: row.bytes,
      batchesPassedThrough: row.passedThrough,
      reencodedByReason: byReason(row, reencodedColumns),
      droppedByReason: byReason(row, droppedColumns),
      retries: row.retries,
      recordsResumed: row.resumedRecords,
      recordsDoubled: row.doubledRecords,
      newestRecordMs,
      upstreamOffset: row.upstreamOffset,
      highWatermark: row.highWatermark,
      lagRecords,
      lagSeconds: lagRecords === 0
        ? 0
        : newestRecordMs === undefined || lagRecords === undefined
          ? undefined
          : Math.max(0, (this.#clock.now() - newestRecordMs) / 1000)
    }
  }

  /** Records that a reader of the source sees and one of the target does not. */
  #lagRecords (row: PartitionCounters): number | undefined {
    if (row.highWatermark < 0n) return undefined
    const committedOnly = this.#config.settings['isolation.level'] === 'read_committed'
    const end = committedOnly && row.lastStableOffset >= 0n
      ? row.lastStableOffset
      : row.highWatermark
    return Math.max(0, Number(end - row.upstreamOffset))
  }
}

const emptyRow = {
  ...Object.fromEntries(Object.keys(partitionCounters).map(column => [column, 0n])),
  highWatermark: -1n,
  lastStableOffset: -1n,
  ackedTimestampMs: -1n
} as unknown as PartitionCounters

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
  row: PartitionCounters, columns: Readonly<Record<string, keyof PartitionCounters>>
): readonly bigint[] {
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
