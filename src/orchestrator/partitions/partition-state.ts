// THE state machine of a topic-partition in the control plane: its states, the events that move it
// with the causer of each event, and the request that a move sends to a lane. Pure.
// partition-moves.ts carries the moves out; shown-state.ts derives from a condition what the log,
// the metrics and readiness show.
import type { partitionStates as laneStates } from '../../dataplane/contract/contract-table.ts'
import { errorByCode, errorTable } from '../errors/error-table.ts'
import { ReplicatorError } from '../errors/replicator-error.ts'
import type { SkipReason } from '../observability/snapshot.ts'
import type { Progress } from '../progress/progress.ts'

export type LaneState = (typeof laneStates)[number]

export const partitionStates = {
  positioning: 'its start position is looked up and written to the progress topic',
  assigned: 'a lane mirrors it',
  retrying: 'a lane mirrors it again after a fault, and the fault may not be over',
  moving: 'its lane drains it; another lane gets it afterwards',
  recalled: 'its lane drains it: its topic was recreated or deleted, or an operator moves its ' +
    'position',
  deciding: 'the policy for its fault is being applied',
  faulted: 'no lane mirrors it; it is retried',
  stopped: 'a policy stopped it; only an operator starts it again',
  pausing: 'its lane drains it, because an operator paused it',
  paused: 'an operator paused it; no lane mirrors it',
  releasing: 'its lane drains it; this process mirrors it no longer',
  removed: 'this process mirrors it no longer'
} as const
export type PartitionState = keyof typeof partitionStates

/** Events, each with its cause. */
export const partitionEvents = {
  report: 'lane: its state, other than a fault',
  fault: 'lane: the partition cannot continue',
  release: 'lane: no batch of the partition is in flight, and its progress is final',
  laneEnd: 'lane pool: the lane ended with all batches that it held',
  laneStart: 'lane pool: the lane was restarted and holds no batch',
  sound: 'lane: since the retry a record was acknowledged, or no record was left to mirror',
  position: 'positions: its start position is known and on record',
  refusal: 'positions: its start position is not known, or must not be used',
  recreation: 'topic checks: the source or target topic was recreated since its progress was ' +
    'written, or the target topic was deleted',
  keepFaulted: 'fault policy: no policy applies, or the new position could not be written',
  stop: 'fault policy: the partition stops',
  resume: 'fault policy: it continues at another position, which is on record',
  retry: 'timer or operator: the partition is retried',
  pause: 'operator',
  unpause: 'operator',
  skip: 'operator: it continues at another source offset',
  move: 'lane balancer: another lane shall mirror it',
  withdraw: 'slots or topics: the slot goes to another process, or the topic is not mirrored now',
  abandon: 'hand-over: its lane did not drain it in time'
} as const
export type EventKind = keyof typeof partitionEvents

/** The request that a move sends to the partition's lane. */
export type LaneRequest = 'none' | 'assign' | 'revoke'

/** While an operator has the partition paused, a move that assigns leads to `paused` instead. */
export interface Move {
  readonly to: PartitionState | 'same'
  readonly asks: LaneRequest
}

const stay: Move = { to: 'same', asks: 'none' }
const go = (to: PartitionState): Move => ({ to, asks: 'none' })
const assign = (to: PartitionState): Move => ({ to, asks: 'assign' })
const revoke = (to: PartitionState): Move => ({ to, asks: 'revoke' })

/** An operator's order for a partition that is not being mirrored changes the condition only. */
const operator = { pause: stay, unpause: stay, retry: stay, skip: stay } as const
/**
 * While a lane drains the partition. When it is drained, or its lane ends, it moves as `on` says.
 */
const draining = (on: Move): MovesOfState => ({
  ...operator, report: stay, fault: stay, recreation: stay,
  release: on, laneEnd: on, laneStart: on
})
/** The lane has at most a fault of the partition, and no batch in flight. */
const atRest = { ...operator, laneEnd: stay, laneStart: stay } as const
const held: MovesOfState = {
  ...operator, report: stay, fault: go('deciding'), laneEnd: stay,
  recreation: revoke('recalled'), skip: revoke('recalled'), pause: revoke('pausing'),
  withdraw: revoke('releasing')
}

export type MovesOfState = Partial<Readonly<Record<EventKind, Move>>>

/** Every legal move. Any other move is a program error (INTERNAL). */
export const partitionMoves: Readonly<Record<PartitionState, MovesOfState>> = {
  positioning: {
    ...operator, position: assign('assigned'), refusal: stay, withdraw: go('removed')
  },
  assigned: { ...held, laneStart: assign('assigned'), move: revoke('moving') },
  retrying: { ...held, sound: go('assigned'), laneStart: assign('retrying') },
  moving: {
    ...draining(assign('assigned')), pause: go('pausing'), withdraw: go('releasing')
  },
  recalled: { ...draining(go('deciding')), withdraw: go('releasing') },
  deciding: {
    ...atRest, keepFaulted: go('faulted'), stop: go('stopped'), resume: assign('assigned'),
    recreation: stay, withdraw: revoke('releasing')
  },
  faulted: {
    ...atRest, retry: assign('retrying'), pause: go('paused'), recreation: go('deciding'),
    skip: go('deciding'), withdraw: revoke('releasing')
  },
  stopped: {
    ...atRest, retry: assign('retrying'), recreation: go('deciding'), skip: go('deciding'),
    withdraw: revoke('releasing')
  },
  pausing: { ...draining(go('paused')), unpause: go('moving'), withdraw: go('releasing') },
  paused: {
    ...atRest, unpause: assign('assigned'), recreation: go('deciding'), skip: go('deciding'),
    withdraw: revoke('releasing')
  },
  releasing: {
    ...draining(go('removed')), keepFaulted: stay, stop: stay, resume: stay, withdraw: stay,
    abandon: go('removed')
  },
  // A hand-over that took too long has abandoned the partition. Its lane may still report and
  // release it, and a decision about it may still arrive: its position is already on record.
  removed: {
    report: stay, fault: stay, release: stay, laneEnd: stay, laneStart: stay,
    keepFaulted: stay, stop: stay, resume: stay
  }
}

/** What a lane reports about a partition. */
export interface LaneReport {
  readonly state: LaneState
  /** Error code of the state, or of what is being retried; 0: none. */
  readonly code: number
  readonly detail: string
  /** Of a fault: the source offset after the records that cannot be mirrored; -1n: not known. */
  readonly skipTo: bigint
  readonly skipRecords: bigint
  /** Leader epoch of the batch before `skipTo`, -1: not known. */
  readonly skipEpoch: number
}

/** Why a partition is not mirrored. */
export interface Trouble {
  readonly error: ReplicatorError
  /** Epoch ms. A retry does not change it. */
  readonly sinceMs: number
  readonly attempts: number
  /** Epoch ms of the last retry; undefined: not retried yet. */
  readonly retriedAtMs: number | undefined
  /** Epoch ms of the next search for a start position; Infinity: when the topic is usable again. */
  readonly retryAtMs: number | undefined
}

export interface Pause {
  readonly by: string
  readonly sinceMs: number
}

/** An operator's order that a partition continues at another source offset. */
export interface SkipOrder {
  readonly to: bigint
  readonly by: string
  readonly why: string
}

export interface PartitionCondition {
  readonly state: PartitionState
  /** The lane that mirrors the partition, or mirrored it last; -1: none yet. */
  readonly lane: number
  /**
   * The lane that is assigned the partition once its present lane has released it; undefined: the
   * same lane.
   */
  readonly movingTo: number | undefined
  readonly report: LaneReport
  /** Since when the lane has reported its present state, epoch ms. */
  readonly reportSinceMs: number
  /**
   * Since when the lane has reported that a broker and the metadata name different leaders, or that
   * they agree; epoch ms.
   */
  readonly leaderSinceMs: number
  /** Undefined: the control plane knows of no problem. */
  readonly trouble: Trouble | undefined
  readonly pause: Pause | undefined
  /** The order that the pending decision must carry out. */
  readonly order: SkipOrder | undefined
  /** Undefined until the start position is known. Acknowledged records advance it, too. */
  readonly progress: Progress | undefined
}

export interface SkippedPart {
  readonly reason: SkipReason
  /** An upper bound. */
  readonly records: bigint
  readonly why: string
}

export interface RepeatedPart {
  /** An upper bound. */
  readonly records: bigint
  readonly why: string
}

export type PartitionEvent =
  | { readonly kind: 'report' | 'fault', readonly report: LaneReport }
  | { readonly kind: 'position', readonly progress: Progress, readonly lane: number }
  | { readonly kind: 'recreation', readonly error: ReplicatorError }
  | { readonly kind: 'keepFaulted' | 'stop', readonly error: ReplicatorError }
  | { readonly kind: 'refusal', readonly error: ReplicatorError, readonly retryAtMs: number }
  | {
    readonly kind: 'resume'
    readonly progress: Progress
    /** The records that are left out, and those that are mirrored again, with the new position. */
    readonly skip?: SkippedPart | undefined
    readonly again?: RepeatedPart | undefined
  }
  /** `report`: why the target has not acknowledged every sent record; code 0: it has. */
  | { readonly kind: 'release', readonly report?: LaneReport }
  | { readonly kind: 'pause', readonly by: string, readonly sinceMs?: number }
  | { readonly kind: 'skip', readonly order: SkipOrder }
  | { readonly kind: 'move', readonly to: number }
  | { readonly kind: PlainEvent }

type PlainEvent =
  'laneEnd' | 'laneStart' | 'sound' | 'retry' | 'unpause' | 'withdraw' | 'abandon'

export const startingReport: LaneReport = {
  state: 'starting', code: 0, detail: '', skipTo: -1n, skipRecords: -1n, skipEpoch: -1
}

export function newCondition (): PartitionCondition {
  return {
    state: 'positioning',
    lane: -1,
    movingTo: undefined,
    report: startingReport,
    reportSinceMs: 0,
    leaderSinceMs: 0,
    trouble: undefined,
    pause: undefined,
    order: undefined,
    progress: undefined
  }
}

/**
 * The condition of nearly all of thousands of partitions: whoever looks each second for partitions
 * with a trouble, or for partitions that no lane reads, may leave these out.
 */
export function isSettled ({ report, state, trouble }: PartitionCondition): boolean {
  return state === 'assigned' && trouble === undefined && report.state !== 'waiting'
}

/** The move of an event; throws INTERNAL with both names where it is not legal. */
export function moveOf (state: PartitionState, kind: EventKind): Move {
  const move = partitionMoves[state][kind]
  if (move !== undefined) return move
  throw new ReplicatorError('INTERNAL', `event ${kind} is not legal in state ${state}`)
}

export interface Step {
  readonly after: PartitionCondition
  readonly asks: LaneRequest
}

export function step (before: PartitionCondition, event: PartitionEvent, nowMs: number): Step {
  const { asks, to } = moveOf(before.state, event.kind)
  const state = to === 'same' ? before.state : to
  const known = { ...before, ...changeOf(before, event, state, nowMs) }
  if (asks !== 'assign') return { after: { ...known, state }, asks }
  const { lane, movingTo = lane, pause } = known
  const isPaused = pause !== undefined
  const placed = {
    ...known, lane: movingTo, movingTo: undefined, report: startingReport, reportSinceMs: nowMs,
    leaderSinceMs: nowMs
  }
  return isPaused
    ? { after: { ...placed, state: 'paused' }, asks: 'none' }
    : { after: { ...placed, state }, asks }
}

/** What an event changes besides the state. */
function changeOf (
  before: PartitionCondition, event: PartitionEvent, to: PartitionState, nowMs: number
): Partial<PartitionCondition> {
  const { state, trouble } = before
  const troubleOf = (error: ReplicatorError, more: number, retryAtMs?: number): Trouble => ({
    error,
    sinceMs: trouble?.sinceMs ?? nowMs,
    attempts: (trouble?.attempts ?? 0) + more,
    retriedAtMs: trouble?.retriedAtMs,
    retryAtMs
  })
  switch (event.kind) {
    case 'report': return reported(before, event.report, nowMs)
    case 'fault': {
      const { report } = event
      const known = reported(before, report, nowMs)
      if (to === state) return known // its lane drains it: the next lane finds the fault again
      return { ...known, trouble: troubleOf(faultOf(report), 1) }
    }
    case 'release':
      // The next lane scans the target. If no lane follows, this is the partition's last report.
      return reported(before, to === 'removed' ? event.report ?? startingReport : startingReport,
        nowMs)
    case 'laneEnd': return reported(before, startingReport, nowMs)
    case 'position': return { progress: event.progress, lane: event.lane, trouble: undefined }
    case 'resume': return { progress: event.progress, trouble: undefined, order: undefined }
    case 'recreation': return to === state ? {} : { trouble: troubleOf(event.error, 1) }
    case 'refusal': return { trouble: troubleOf(event.error, 1, event.retryAtMs) }
    case 'keepFaulted':
    case 'stop': return { trouble: troubleOf(event.error, 0), order: undefined }
    case 'skip': return to === state ? {} : { order: event.order }
    case 'sound': return { trouble: undefined }
    case 'retry': {
      if (trouble === undefined) return {}
      const when = to === state ? { retryAtMs: nowMs } : { retriedAtMs: nowMs }
      return { trouble: { ...trouble, ...when } }
    }
    case 'pause': return { pause: { by: event.by, sinceMs: event.sinceMs ?? nowMs } }
    case 'unpause': return { pause: undefined }
    case 'move': return { movingTo: event.to }
    case 'laneStart':
    case 'withdraw':
    case 'abandon': return {}
  }
}

function reported (
  { leaderSinceMs, report: before, reportSinceMs }: PartitionCondition, report: LaneReport,
  nowMs: number
): Pick<PartitionCondition, 'report' | 'reportSinceMs' | 'leaderSinceMs'> {
  // A hung broker is reported with one reason, its closed connection with another, a missing leader
  // with a third: the partition has been waiting since the first of them.
  const isSame = before.state === report.state
  const isSameOfLeader = isSame && isStaleLeader(before) === isStaleLeader(report)
  return {
    report,
    reportSinceMs: isSame ? reportSinceMs : nowMs,
    leaderSinceMs: isSameOfLeader ? leaderSinceMs : nowMs
  }
}

const staleLeaderCodes: ReadonlySet<number> = new Set([
  errorTable.NOT_LEADER_OR_FOLLOWER.code, errorTable.FENCED_LEADER_EPOCH.code,
  errorTable.UNKNOWN_LEADER_EPOCH.code
])

/** Whether the broker does not know yet, or no longer, what the metadata says of the leader. */
export function isStaleLeader ({ code }: Pick<LaneReport, 'code'>): boolean {
  return staleLeaderCodes.has(code)
}

export function faultOf ({ code, detail }: LaneReport): ReplicatorError {
  return new ReplicatorError(errorByCode(code), detail)
}
