// Decides about a faulted partition: stop it, or resume it behind the lost records. Pure: the
// decision follows from the fault, the user's policies and the offset ranges of both logs. Sequence
// and downstream offset count records that this flow appended (invariant B), so a skip moves the
// upstream offset only.
import type { TopicSettings } from '../config/config-table.ts'
import type { Side } from '../config/property-path.ts'
import type { ErrorName } from '../errors/error-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { SkipReason } from '../observability/snapshot.ts'
import type { RepeatedPart, SkipOrder, SkippedPart } from './partition-state.ts'
import { backToCommon, movedTo } from '../progress/leader-epochs.ts'
import type { Progress } from '../progress/progress.ts'
import { backTo, newestPointUpTo, withoutHistory } from '../progress/progress-history.ts'

export type FaultPolicies = Omit<TopicSettings, 'batching' | 'bandwidth.share'>

export interface Fault {
  readonly errorName: string
  readonly detail: string
  readonly progress: Progress
  /** The source offset after the records that cannot be mirrored; -1n: not known. */
  readonly skipTo: bigint
  /** The largest number of records that a skip to `skipTo` can leave out. */
  readonly skipRecords: bigint
  /** Leader epoch of the batch before `skipTo`, -1: not known. */
  readonly skipEpoch: number
}

/** What a partition of a cluster holds: offsets from `start` up to, not including, `end`. */
export interface LogRange {
  readonly start: bigint
  readonly end: bigint
}

export type FaultAction =
  /** No policy applies: the partition stays faulted, and the flow retries it. */
  | { readonly kind: 'keepFaulted' }
  /** The partition stays stopped until an operator acts: a retry could hide a loss. */
  | { readonly kind: 'stop', readonly error: ReplicatorError }
  | {
    readonly kind: 'resume'
    readonly progress: Progress
    /** Where the target's log begins now, if the stored position is before that offset. */
    readonly scanFrom?: bigint
    /** Undefined: nothing is skipped. */
    readonly skip?: SkippedPart
    /** Undefined: nothing is mirrored a second time. */
    readonly again?: RepeatedPart
  }

const keepFaulted: FaultAction = { kind: 'keepFaulted' }
const sequenceModulus = 2 ** 31

const corruptErrors: ReadonlySet<string> = new Set<ErrorName>([
  'CORRUPT_MESSAGE', 'BATCH_CRC_MISMATCH', 'BATCH_MALFORMED', 'CODEC_FAILED', '_BAD_COMPRESSION'
])

/** RECORD_REFUSED names one record; brokers before 2.4 name only the batch that contains it. */
const refusedErrors: ReadonlySet<string> = new Set<ErrorName>([
  'RECORD_REFUSED', 'INVALID_TIMESTAMP', 'INVALID_RECORD'
])

/** The cluster that the fault concerns, if the decision needs the offset range of its log. */
export function sideOfFault (errorName: string): Side | undefined {
  if (errorName === 'OFFSET_OUT_OF_RANGE' || errorName === 'SOURCE_TRUNCATED') return 'source'
  if (errorName === 'TARGET_OUT_OF_RANGE' || errorName === 'TARGET_OVERWRITTEN') return 'target'
  return undefined
}

/** The offset ranges of the partition on both clusters, as far as the decision needs them. */
export interface LogRanges {
  readonly source?: LogRange
  readonly target?: LogRange
}

export function judgeFault (
  fault: Fault, policies: FaultPolicies, { source, target }: LogRanges
): FaultAction {
  const { errorName } = fault
  if (errorName === 'RECORD_TOO_LARGE') {
    return judgeUnmirrorable(fault, policies['record.too.large'], 'record_too_large')
  }
  if (refusedErrors.has(errorName)) {
    return judgeUnmirrorable(fault, policies['record.refused'], 'record_refused')
  }
  if (corruptErrors.has(errorName)) {
    return judgeUnmirrorable(fault, policies['corrupt.batch'], 'corrupt_batch')
  }
  if (source === undefined) return keepFaulted
  if (errorName === 'OFFSET_OUT_OF_RANGE') return judgeSource(fault, policies['data.loss'], source)
  if (errorName === 'SOURCE_TRUNCATED') return judgeDiverged(fault, policies['data.loss'])
  if (errorName === 'TARGET_OUT_OF_RANGE' && target !== undefined) {
    return judgeTarget(fault, policies['data.loss'], source, target)
  }
  if (errorName === 'TARGET_OVERWRITTEN' && target !== undefined) {
    return judgeOverwritten(fault, source, target)
  }
  return keepFaulted
}

/** The topic of `side` was deleted and recreated; `log` is that of the new topic. */
export function judgeRecreated (
  fault: Pick<Fault, 'progress'>, policies: FaultPolicies,
  changed: { readonly side: Side, readonly topic: string, readonly log: LogRange }
): FaultAction {
  const { log, side, topic } = changed
  const { progress } = fault
  const range = `holds offsets ${log.start} to ${log.end}`
  // Neither text repeats the one of TOPIC_RECREATED.
  const why = side === 'source'
    ? `the deleted source topic ${topic} was mirrored up to ${describe(progress)}, the new topic ` +
      range
    : `target topic ${topic} is not the previous one, or the flow now mirrors to another name: ` +
      `the previous topic received the records up to ${describe(progress)}, and ${topic} ` +
      `${range}. Records before that are not mirrored again`
  if (policies['topic.recreated'] === 'stop') {
    return { kind: 'stop', error: new ReplicatorError('TOPIC_RECREATED', why) }
  }
  // Batches in flight may already be in a new target topic: scan that topic from its start.
  const moved = withoutHistory(side === 'source'
    ? movedTo(progress, log.start, -1)
    : { ...progress, downstream: log.start })
  // The number of records of the deleted topic that were not mirrored is unknown.
  return {
    kind: 'resume', progress: moved, skip: { reason: 'topic_recreated', records: 0n, why }
  }
}

/** An operator may move the position forward only: moving it back would duplicate records. */
export function judgeOrder (progress: Progress, { by, to, why }: SkipOrder): FaultAction {
  if (to <= progress.upstream) return { kind: 'resume', progress }
  return {
    kind: 'resume',
    progress: withoutHistory(movedTo(progress, to, -1)),
    skip: { reason: 'operator', records: to - progress.upstream, why: `by ${by}: ${why}` }
  }
}

function judgeUnmirrorable (
  fault: Fault, policy: 'stop' | 'skip', reason: SkipReason
): FaultAction {
  const { detail, progress, skipRecords, skipTo } = fault
  if (policy === 'stop' || skipTo <= progress.upstream) return keepFaulted
  return {
    kind: 'resume',
    progress: withoutHistory(movedTo(progress, skipTo, fault.skipEpoch)),
    skip: { reason, records: skipRecords, why: `${fault.errorName}: ${detail}` }
  }
}

function judgeSource (fault: Fault, policy: 'stop' | 'skip', log: LogRange): FaultAction {
  const { progress } = fault
  const { upstream } = progress
  if (upstream >= log.start && upstream <= log.end) return keepFaulted
  const isTrimmed = upstream < log.start
  const why = isTrimmed
    ? `source offset ${upstream} is next, the source log begins at ${log.start}: up to ` +
      `${log.start - upstream} records are lost`
    : `records up to source offset ${upstream} were mirrored, the source log ends at ${log.end}`
  if (policy === 'stop') {
    const name = isTrimmed ? 'OFFSET_OUT_OF_RANGE' : 'SOURCE_TRUNCATED'
    return { kind: 'stop', error: new ReplicatorError(name, why) }
  }
  return {
    kind: 'resume',
    progress: withoutHistory(movedTo(progress, isTrimmed ? log.start : log.end, -1)),
    skip: { reason: 'data_loss', records: isTrimmed ? log.start - upstream : 0n, why }
  }
}

/**
 * The source leader has reported the offset up to which the source and the mirror agree (KIP-595).
 */
function judgeDiverged (fault: Fault, policy: 'stop' | 'skip'): FaultAction {
  const { progress } = fault
  if (fault.skipTo < 0n) return keepFaulted
  const common = backToCommon(progress, fault.skipEpoch, fault.skipTo)
  const records = progress.upstream - common.upstream
  const why = `${fault.detail}: up to ${records} records from source offset ` +
    `${common.upstream} on were mirrored, and the source has lost them`
  if (policy === 'stop') {
    return { kind: 'stop', error: new ReplicatorError('SOURCE_TRUNCATED', why) }
  }
  return {
    kind: 'resume',
    progress: withoutHistory(common),
    skip: { reason: 'data_loss', records, why }
  }
}

function judgeTarget (
  fault: Fault, policy: 'stop' | 'skip', source: LogRange, log: LogRange
): FaultAction {
  const { progress } = fault
  const { downstream } = progress
  // Retention deleted only records that were mirrored long ago: nothing is lost. Scan the rest.
  if (downstream < log.start) return { kind: 'resume', progress, scanFrom: log.start }
  if (downstream <= log.end) return keepFaulted
  const lost = downstream - log.end
  const loss = `${describe(progress)} was acknowledged, the target log ends at ${log.end}: up to ` +
    `${lost} records are lost on the target`
  const point = newestPointUpTo(progress, log.end)
  // If the log has no records, a scan cannot count how many records the log held.
  const isCounted = point !== undefined && (point.downstream >= log.start || log.start < log.end)
  if (isCounted && point.upstream >= source.start) {
    return {
      kind: 'resume',
      progress: backTo(progress, point),
      ...(point.downstream < log.start ? { scanFrom: log.start } : {}),
      again: { records: lost, why: loss }
    }
  }
  const why = loss + (isCounted
    ? `, and the source log, which begins at ${source.start}, no longer holds all of them`
    : ', and their source offsets are not known')
  if (policy === 'stop') {
    return { kind: 'stop', error: new ReplicatorError('TARGET_TRUNCATED', why) }
  }
  // Invariant B: the sequence counts the records of this flow on the target. `lost` is exact where
  // no other producer writes. Otherwise the broker refuses the next batch as out of order, and the
  // partition stops.
  const sequence = Number(
    (BigInt(progress.sequence) - lost % BigInt(sequenceModulus) + BigInt(sequenceModulus)) %
    BigInt(sequenceModulus))
  return {
    kind: 'resume',
    progress: withoutHistory({ ...progress, downstream: log.end, sequence }),
    skip: { reason: 'data_loss', records: lost, why }
  }
}

/**
 * Another producer has appended records where the target lost records of this flow. The position
 * moves back by one point of history. If the target holds the last record of that point, the resume
 * finds that record; otherwise the same fault occurs again and this function moves the position
 * back further. A skip is not possible: the number of this flow's remaining records, and so the
 * next sequence, is unknown.
 */
function judgeOverwritten ({ progress }: Fault, source: LogRange, log: LogRange): FaultAction {
  const why = `${describe(progress)} was acknowledged, and before that the target holds a record ` +
    'of another producer'
  const point = newestPointUpTo(progress, progress.downstream - 1n)
  if (point !== undefined && point.upstream >= source.start && point.downstream >= log.start) {
    const again = { records: progress.downstream - point.downstream, why }
    return { kind: 'resume', progress: backTo(progress, point), again }
  }
  const detail = `${why}; the source offset of the last record of this flow is not known, or the ` +
    'source no longer holds it'
  return { kind: 'stop', error: new ReplicatorError('TARGET_TRUNCATED', detail) }
}

function describe ({ upstream, downstream }: Progress): string {
  return `source offset ${upstream} = target offset ${downstream}`
}
