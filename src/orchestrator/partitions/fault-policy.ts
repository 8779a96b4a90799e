// What becomes of a partition that cannot go on as it is: stop it, or go on behind what is lost.
// Pure: from the fault, the user's policies and what the clusters say to one decision. Sequence
// and downstream offset count records that were put (invariant B), so a skip moves upstream only.
import type { TopicSettings } from '../config/config-table.ts'
import type { ErrorName } from '../errors/error-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { SkipReason } from '../observability/snapshot.ts'
import type { RepeatedPart, SkipOrder, SkippedPart } from './partition-state.ts'
import { backToCommon, movedTo } from '../progress/leader-epochs.ts'
import type { Progress } from '../progress/progress.ts'
import { backTo, newestPointUpTo, withoutHistory } from '../progress/progress-history.ts'

export type FaultPolicies = TopicSettings

export interface Fault {
  readonly errorName: string
  readonly detail: string
  readonly progress: Progress
  /** The source offset behind what cannot be mirrored, -1n: not known. */
  readonly skipTo: bigint
  /** How many records that leaves out, at most. */
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
  /** Not a matter of policy: it stays as it is, and is tried again from time to time. */
  | { readonly kind: 'leave' }
  /** Stays stopped whatever comes: trying again could pass over a loss without a word. */
  | { readonly kind: 'stop', readonly error: ReplicatorError }
  | {
    readonly kind: 'resume'
    readonly progress: Progress
    /** Where the target's log begins now, if progress speaks of what it has trimmed since. */
    readonly scanFrom?: bigint
    /** Undefined: nothing is skipped. */
    readonly skip?: SkippedPart
    /** Undefined: nothing that was mirrored is mirrored again. Records: at most. */
    readonly again?: RepeatedPart
  }

const leave: FaultAction = { kind: 'leave' }
const sequenceModulus = 2 ** 31

const corruptErrors: ReadonlySet<string> = new Set<ErrorName>([
  'CORRUPT_MESSAGE', 'BATCH_CRC_MISMATCH', 'BATCH_MALFORMED', 'CODEC_FAILED', '_BAD_COMPRESSION'
])

/** RECORD_REFUSED is of one record; brokers before 2.4 only name the batch that it is in. */
const refusedErrors: ReadonlySet<string> = new Set<ErrorName>([
  'RECORD_REFUSED', 'INVALID_TIMESTAMP', 'INVALID_RECORD'
])

/** The side that the fault is about, where the decision needs to know what the logs hold. */
export function sideOfFault (errorName: string): 'source' | 'target' | undefined {
  if (errorName === 'OFFSET_OUT_OF_RANGE' || errorName === 'SOURCE_TRUNCATED') return 'source'
  if (errorName === 'TARGET_OUT_OF_RANGE' || errorName === 'TARGET_OVERWRITTEN') return 'target'
  return undefined
}

/** What the clusters hold of the partition, as far as the decision needs it. */
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
  if (source === undefined) return leave
  if (errorName === 'OFFSET_OUT_OF_RANGE') return judgeSource(fault, policies['data.loss'], source)
  if (errorName === 'SOURCE_TRUNCATED') return judgeDiverged(fault, policies['data.loss'])
  if (errorName === 'TARGET_OUT_OF_RANGE' && target !== undefined) {
    return judgeTarget(fault, policies['data.loss'], source, target)
  }
  if (errorName === 'TARGET_OVERWRITTEN' && target !== undefined) {
    return judgeOverwritten(fault, source, target)
  }
  return leave
}

/** The topic of `side` is another one than progress speaks of; `log` is of the new one. */
export function judgeRecreated (
  fault: Pick<Fault, 'progress'>, policies: FaultPolicies,
  changed: { readonly side: 'source' | 'target', readonly topic: string, readonly log: LogRange }
): FaultAction {
  const { log, side, topic } = changed
  const { progress } = fault
  const why = `${side} topic ${topic} is not the one that was mirrored up to ` +
    `${describe(progress)}; the new one holds offsets ${log.start} to ${log.end}`
  if (policies['topic.recreated'] === 'stop') {
    return { kind: 'stop', error: new ReplicatorError('TOPIC_RECREATED', why) }
  }
  // On a new target topic what is in flight may have arrived already: the scan begins at its start.
  const moved = withoutHistory(side === 'source'
    ? movedTo(progress, log.start, -1)
    : { ...progress, downstream: log.start })
  // How much of the old topic was left nobody can tell any more.
  return {
    kind: 'resume', progress: moved, skip: { reason: 'topic_recreated', records: 0n, why }
  }
}

/** An operator moves the position forward. Back it is not moved: records would be doubled. */
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
  if (policy === 'stop' || skipTo <= progress.upstream) return leave
  return {
    kind: 'resume',
    progress: withoutHistory(movedTo(progress, skipTo, fault.skipEpoch)),
    skip: { reason, records: skipRecords, why: `${fault.errorName}: ${detail}` }
  }
}

function judgeSource (fault: Fault, policy: 'stop' | 'skip', log: LogRange): FaultAction {
  const { progress } = fault
  const { upstream } = progress
  if (upstream >= log.start && upstream <= log.end) return leave
  const isTrimmed = upstream < log.start
  const why = isTrimmed
    ? `source offset ${upstream} is next, the source begins at ${log.start}: up to ` +
      `${log.start - upstream} records are lost`
    : `mirrored up to source offset ${upstream}, the source ends at ${log.end}`
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

/** A leader told where its log parts from what was read (KIP-595), longer or shorter as it is. */
function judgeDiverged (fault: Fault, policy: 'stop' | 'skip'): FaultAction {
  const { progress } = fault
  if (fault.skipTo < 0n) return leave
  const common = backToCommon(progress, fault.skipEpoch, fault.skipTo)
  const records = progress.upstream - common.upstream
  const why = `${fault.detail}: up to ${records} records from offset ${common.upstream} on are ` +
    'on the target, and on the source no more'
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
  // Retention took what was mirrored long ago: nothing is lost, the scan begins where the log does.
  if (downstream < log.start) return { kind: 'resume', progress, scanFrom: log.start }
  if (downstream <= log.end) return leave
  const lost = downstream - log.end
  const loss = `${describe(progress)} was acked, the target ends at ${log.end}: up to ${lost} ` +
    'records are lost on the target'
  const point = newestPointUpTo(progress, log.end)
  // Of a log that was trimmed to nothing no scan could tell how many records it held.
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
    ? `, and the source, which begins at ${source.start}, no longer holds all of them`
    : ', and where they are on the source is not known')
  if (policy === 'stop') {
    return { kind: 'stop', error: new ReplicatorError('TARGET_TRUNCATED', why) }
  }
  // Invariant B: the sequence counts what is there. Exact where this flow alone writes; where it is
  // not, the broker refuses the next batch as out of order, and the partition stops.
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
 * What the target lost others have written over. Back by one point: where it holds our last record
 * again the resume finds that, and else it comes here once more. Nothing can be skipped: how many
 * records of ours are left, and with it the next sequence, is not known.
 */
function judgeOverwritten ({ progress }: Fault, source: LogRange, log: LogRange): FaultAction {
  const why = `${describe(progress)} was acked, and before that the target holds a record of ` +
    'another producer'
  const point = newestPointUpTo(progress, progress.downstream - 1n)
  if (point !== undefined && point.upstream >= source.start && point.downstream >= log.start) {
    const again = { records: progress.downstream - point.downstream, why }
    return { kind: 'resume', progress: backTo(progress, point), again }
  }
  const detail = `${why}; since when is not known, or not on the source any more`
  return { kind: 'stop', error: new ReplicatorError('TARGET_TRUNCATED', detail) }
}

function describe ({ upstream, downstream }: Progress): string {
  return `source offset ${upstream} = target offset ${downstream}`
}
