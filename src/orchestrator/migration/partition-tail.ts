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
  readonly sourceEnd: bigint
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
  const { committed, hasAppendTimes, sourceEnd, targetEnd, targetStart } = partition
  const goOn = (doubt?: string): TailResult => ({ upstream: committed, found: 0n, doubt })
  if (committed >= sourceEnd || targetStart >= targetEnd) return goOn()
  if (hasAppendTimes) {
    return goOn('the remote topic has message.timestamp.type=LogAppendTime, so its ' +
      'records do not have the timestamps of the source')
  }
  const anchor = await readAnchor(partition, readers, signal)
  if (anchor === undefined) {
    return goOn(`the source holds no records before offset ${committed} by which the place of ` +
      'the target\'s records is known')
  }
  const begin = anchor[0] ?? await recordAt(partition, readers, signal)
  if (begin === undefined) return goOn()
  const tail = await readTail(begin.timestampMs, partition, readers, signal)
  if (tail === undefined) {
    return goOn(`the target holds more than ${tailRecordsMax} records from the time of the ` +
      'committed position on')
  }
  const comparison = new TailComparison(tail)
  const missing = anchor.find(record => !comparison.finds(record))
  if (missing !== undefined) {
    return goOn(`the target does not hold the source record at offset ${missing.offset}, which ` +
      'was mirrored: it was changed on its way, compacted or deleted')
  }
  return { ...await skipFound(partition, comparison, readers, signal), doubt: undefined }
}

async function readAnchor (
  { committed, partition, sourceStart, targetStart, topic }: MigratedPartition,
  { ofSource }: TailReaders, signal: AbortSignal
): Promise<readonly SourceRecord[] | undefined> {
  // The first records of both logs: no equal record precedes them.
  if (committed <= sourceStart) return targetStart === 0n ? [] : undefined
  for (const size of anchorSizes) {
    const from = committed - size > sourceStart ? committed - size : sourceStart
    const records: LogRecord[] = []
    await ofSource.read({ topic, partition, from, end: committed }, record => {
      records.push(record)
      return true
    }, signal)
    const anchor = anchorOf(records, from === 0n)
    if (anchor !== undefined) return anchor
    if (from === sourceStart) return undefined
  }
  return undefined
}

/** The first source record after the committed position. */
async function recordAt (
  { committed, partition, sourceEnd, topic }: MigratedPartition, { ofSource }: TailReaders,
  signal: AbortSignal
): Promise<SourceRecord | undefined> {
  let found: SourceRecord | undefined
  await ofSource.read({ topic, partition, from: committed, end: sourceEnd }, record => {
    found = record
    return false
  }, signal)
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

async function skipFound (
  { committed, partition, sourceEnd, topic }: MigratedPartition, comparison: TailComparison,
  { ofSource }: TailReaders, signal: AbortSignal
): Promise<Pick<TailResult, 'upstream' | 'found'>> {
  let upstream = committed
  let found = 0n
  await ofSource.read({ topic, partition, from: committed, end: sourceEnd }, record => {
    if (!comparison.finds(record)) return false
    upstream = record.offset + 1n
    found++
    return true
  }, signal)
  return { upstream, found }
}
