// The snapshot of one partition, from the counters of its lane, its condition and its lag.
import { batchReasons } from '../../dataplane/contract/contract-table.ts'
import type { PartitionCounters } from '../../dataplane/index.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { PartitionSnapshot } from '../observability/snapshot.ts'
import type { LagFigures, SourceEnd } from '../partitions/partition-lag.ts'
import type { FlowPartition } from '../partitions/partition-table.ts'
import { shownOf } from '../partitions/shown-state.ts'

export interface CountedPartitionLag {
  readonly partition: FlowPartition
  /** The lane that counted `row`; -1: none. */
  readonly lane: number
  /** Undefined: no lane has counted the partition. */
  readonly row: PartitionCounters | undefined
  readonly lag: LagFigures
  readonly end: SourceEnd | undefined
  /** The error of a paused partition once it is resumed: a recreated topic has the name now. */
  readonly recreation: ReplicatorError | undefined
}

export function partitionSnapshot (
  { end, lag, lane, partition, recreation, row }: CountedPartitionLag, nowMs: number
): PartitionSnapshot {
  const { topic, remoteTopic, partition: number, progress } = partition
  const { error, pausedBy, sinceMs, state } = shownOf(partition, isCaughtUp(lag))
  return {
    topic,
    remoteTopic,
    partition: number,
    lane,
    state,
    code: error?.code ?? (pausedBy === undefined ? 0 : recreation?.code ?? 0),
    reason: error?.message ?? (pausedBy === undefined ? '' : pauseText(pausedBy, recreation)),
    sinceMs,
    records: row?.records ?? 0n,
    batches: row?.batches ?? 0n,
    bytes: row?.bytes ?? 0n,
    batchesPassedThrough: row?.passedThrough ?? 0n,
    reencodedByReason: row === undefined || row.passedThrough === row.batches
      ? noReasons
      : byReason(row, reencodedColumns),
    droppedByReason: row === undefined || !hasDropped(row)
      ? noReasons
      : byReason(row, droppedColumns),
    retries: row?.retries ?? 0n,
    recordsResumed: row?.resumedRecords ?? 0n,
    recordsDoubled: row?.doubledRecords ?? 0n,
    recordsLooped: row?.loopedRecords ?? 0n,
    newestRecordMs: newestRecordMs(row, nowMs),
    latencySumMs: row?.latencySumMs ?? 0n,
    upstreamOffset: progress?.upstream ?? 0n,
    ...skipOf(partition, error),
    highWatermark: end?.highWatermark ?? -1n,
    lagRecords: lag.records,
    lagOpenTransactionRecords: lag.openTransactionRecords,
    lagSeconds: lag.seconds
  }
}

/** After a fault of the control plane, the last report of the lane is about something else. */
function skipOf (
  { progress, report: { code, skipTo } }: FlowPartition, error: ReplicatorError | undefined
): Pick<PartitionSnapshot, 'skipTo'> {
  return error?.code === code && skipTo > (progress?.upstream ?? 0n) ? { skipTo } : {}
}

function pauseText (by: string, recreation: ReplicatorError | undefined): string {
  return recreation === undefined ? `by ${by}` : `by ${by}. ${recreation.message}`
}

/** Whether no record is left that a reader of the source may read. */
function isCaughtUp ({ openTransactionRecords, records }: LagFigures): boolean {
  return records !== undefined && records === openTransactionRecords
}

/** After a record with a future timestamp was mirrored, the largest timestamp shows no age. */
function newestRecordMs (row: PartitionCounters | undefined, nowMs: number): number | undefined {
  if (row === undefined || row.ackedTimestampMs < 0n || row.records === 0n) return undefined
  const newestMs = Number(row.ackedTimestampMs)
  return newestMs > nowMs + skewMs ? undefined : newestMs
}

/** Clocks of producers may be ahead of ours. */
const skewMs = 60_000

const reencodedColumns: Readonly<Record<string, keyof PartitionCounters>> = {
  old_magic: 'reencodedOldMagic',
  compacted: 'reencodedCompacted',
  mid_batch: 'reencodedMidBatch',
  log_append_time: 'reencodedLogAppendTime',
  codec: 'reencodedCodec',
  too_large: 'reencodedTooLarge',
  merged: 'reencodedMerged'
}

const droppedColumns: Readonly<Record<string, keyof PartitionCounters>> = {
  control: 'droppedControl',
  empty: 'droppedEmpty',
  aborted: 'droppedAborted',
  looped: 'droppedLooped',
  stale: 'droppedStale'
}

/** Shared by most partitions: there are thousands, and a snapshot every second. */
const noReasons: readonly bigint[] = []

function hasDropped (row: PartitionCounters): boolean {
  return Object.values(droppedColumns).some(column => row[column] > 0n)
}

function byReason (
  row: PartitionCounters, columns: Readonly<Record<string, keyof PartitionCounters>>
): readonly bigint[] {
  return batchReasons.map(reason => {
    const column = columns[reason]
    return column === undefined ? 0n : row[column]
  })
}
