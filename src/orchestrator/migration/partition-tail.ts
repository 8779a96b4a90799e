// Where a partition that MirrorMaker 2 has mirrored continues: after the tail that the target holds
// beyond the committed position. Reads both logs; tail-comparison.ts describes the comparison.
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { LogReader, LogRecord } from '../cluster/log-reader.ts'
import { listOffsetsPatiently } from '../cluster/offsets.ts'
import type { Clock } from '../time/clock.ts'
import { anchorOf, TailComparison, type SourceRecord } from './tail-comparison.ts'

/** A partition on both clusters, as they report it once MirrorMaker 2 is stopped. */
export interface MigratedPartition {
  /** The name on the source. */
  readonly topic: string
  readonly remoteTopic: string
  readonly partition: number
  /** The source offset that follows the last one that MirrorMaker 2 has committed. */
  readonly committed: bigint
  readonly sourceStart: bigint
  /** Up to which the flow mirrors: with read_committed, the first record of an open transaction. */
  readonly sourceEnd: bigint
  readonly sourceHighWatermark: bigint
  readonly targetStart: bigint
  readonly targetEnd: bigint
  /** Whether the target has replaced the timestamps of the records (LogAppendTime). */
  readonly hasAppendTimes: boolean
}

export interface TailResult {
  /** The source offset to continue at. */
  readonly upstream: bigint
  /** Source records beyond the committed position that the target holds. */
  readonly found: bigint
  /** Why records may be mirrored twice; undefined: no record is mirrored twice. */
  readonly doubt: string | undefined
}

export interface TailReaders {
  readonly target: ClusterAdmin
  readonly ofSource: Pick<LogReader, 'read'>
  /** The source with read_uncommitted. */
  readonly ofUncommitted: Pick<LogReader, 'read'>
  readonly ofTarget: Pick<LogReader, 'read'>
  readonly clock: Clock
}

// How many records before the committed position are read to find the anchor: first, and again if
// those records repeat each other.
const anchorSizes = [1_000n, 10_000n] as const
/** For one partition, at 100 bytes of memory a record; MirrorMaker 2 commits once a minute. */
export const tailRecordsMax = 2_000_000

export async function findTail (
  partition: MigratedPartition, readers: TailReaders, signal: AbortSignal
): Promise<TailResult> {
  const { committed, hasAppendTimes, sourceHighWatermark, targetEnd, targetStart } = partition
  const goOn = (doubt?: string): TailResult => ({ upstream: committed, found: 0n, doubt })
  if (committed >= sourceHighWatermark || targetStart >= targetEnd) return goOn()
  if (hasAppendTimes) {
    return goOn('the remote topic has message.timestamp.type=LogAppendTime, so its ' +
      'records do not have the timestamps of the source')
  }
  const anchor = await readAnchor(partition, readers, signal)
  if (anchor === undefined) {
    return goOn(`the source holds no records before offset ${committed} by which the place of ` +
      'the target\'s records is known')
  }
  const begin = anchor[0] ?? await recordAfterAnchor(partition, readers, signal)
  if (begin === undefined) return goOn()
  const tail = await readTail(begin.timestampMs, partition, readers, signal)
  if (tail === undefined) {
    return goOn(`the target holds more than ${tailRecordsMax} records from the time of the ` +
      'committed position on')
  }
  const comparison = new TailComparison(tail)
  const missing = anchor.find(record => !comparison.finds(record))
  const beyond = missing === undefined
    ? await skipFound(partition, comparison, readers, signal)
    : { upstream: committed, found: 0n, missing }
  if (beyond.missing !== undefined) {
    return goOn(`the target does not hold the source record at offset ${beyond.missing.offset}, ` +
      'which was mirrored: it was changed on its way, compacted or deleted')
  }
  return { upstream: beyond.upstream, found: beyond.found, doubt: undefined }
}

/** Up to where the records are compared that MirrorMaker 2 has surely mirrored. */
function anchorEnd ({ committed, sourceEnd }: MigratedPartition): bigint {
  return committed < sourceEnd ? committed : sourceEnd
}

/**
 * From the end of the anchor on. Behind the begin of an open transaction a flow with read_committed
 * reads nothing, but MirrorMaker 2 reads uncommitted records by default.
 */
async function readSource (
  partition: MigratedPartition, take: (record: SourceRecord) => boolean,
  { ofSource, ofUncommitted }: TailReaders, signal: AbortSignal
): Promise<void> {
  const { partition: number, sourceEnd, sourceHighWatermark, topic } = partition
  const from = anchorEnd(partition)
  const state = { isWanted: true }
  const takeOne = (record: SourceRecord): boolean => {
    state.isWanted = take(record)
    return state.isWanted
  }
  await ofSource.read({ topic, partition: number, from, end: sourceEnd }, takeOne, signal)
  if (!state.isWanted) return
  const open = { topic, partition: number, from: sourceEnd, end: sourceHighWatermark }
  await ofUncommitted.read(open, takeOne, signal)
}

async function readAnchor (
  migrated: MigratedPartition, { ofSource }: TailReaders, signal: AbortSignal
): Promise<readonly SourceRecord[] | undefined> {
  const { partition, sourceStart, targetStart, topic } = migrated
  const end = anchorEnd(migrated)
  // The first records of both logs: no equal record precedes them.
  if (end <= sourceStart) return targetStart === 0n ? [] : undefined
  for (const size of anchorSizes) {
    const from = end - size > sourceStart ? end - size : sourceStart
    const records: LogRecord[] = []
    await ofSource.read({ topic, partition, from, end }, record => {
      records.push(record)
      return true
    }, signal)
    const anchor = anchorOf(records, from === 0n)
    if (anchor !== undefined) return anchor
    if (from === sourceStart) return undefined
  }
  return undefined
}

/** The first source record after the anchor. */
async function recordAfterAnchor (
  partition: MigratedPartition, readers: TailReaders, signal: AbortSignal
): Promise<SourceRecord | undefined> {
  let found: SourceRecord | undefined
  await readSource(partition, record => {
    found = record
    return false
  }, readers, signal)
  return found
}

/**
 * Digests of the target's records from this timestamp on. Undefined: there are too many records.
 */
async function readTail (
  timestampMs: number, { partition, remoteTopic, targetEnd }: MigratedPartition,
  { clock, ofTarget, target }: TailReaders, signal: AbortSignal
): Promise<readonly string[] | undefined> {
  // The first offset with the wanted timestamp or a later one, so at or before the record.
  const [listed] = await listOffsetsPatiently(target,
    [{ topic: remoteTopic, partition, at: BigInt(timestampMs) }], 'read_uncommitted', clock)
  if (listed?.error !== undefined) throw listed.error
  if (listed === undefined || listed.offset < 0n) return []
  if (targetEnd - listed.offset > BigInt(tailRecordsMax)) return undefined
  const digests: string[] = []
  await ofTarget.read({ topic: remoteTopic, partition, from: listed.offset, end: targetEnd },
    ({ digest }) => {
      digests.push(digest)
      return true
    }, signal)
  return digests
}

interface Skipped extends Pick<TailResult, 'upstream' | 'found'> {
  /** A record before the committed position that the target does not hold. */
  missing: SourceRecord | undefined
}

async function skipFound (
  partition: MigratedPartition, comparison: TailComparison, readers: TailReaders,
  signal: AbortSignal
): Promise<Skipped> {
  const { committed } = partition
  let upstream = committed
  let found = 0n
  const before: Pick<Skipped, 'missing'> = { missing: undefined }
  await readSource(partition, record => {
    const isCommitted = record.offset < committed
    if (!comparison.finds(record)) {
      if (isCommitted) before.missing = record
      return false
    }
    if (isCommitted) return true
    upstream = record.offset + 1n
    found++
    return true
  }, readers, signal)
  return { upstream, found, ...before }
}
