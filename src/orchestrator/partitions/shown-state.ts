// The state of a partition as the log, the metrics and readiness show it. Pure.
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { PartitionState as ShownName } from '../observability/snapshot.ts'
import {
  faultOf, type LaneState, type PartitionCondition, type Trouble
} from './partition-state.ts'

export interface ShownState {
  readonly state: ShownName
  /** Why the partition waits or is faulted. */
  readonly error: ReplicatorError | undefined
  /** Epoch ms since when the partition has been paused or faulted; retries do not end a fault. */
  readonly sinceMs: number | undefined
  /** A policy stopped the partition: the flow does not retry it. */
  readonly isForGood: boolean
  readonly pausedBy: string | undefined
}

const sound = {
  error: undefined, sinceMs: undefined, isForGood: false, pausedBy: undefined
} as const

/** `isCaughtUp`: the target has acknowledged everything up to the known end of the source. */
export function shownOf (condition: PartitionCondition, isCaughtUp: boolean): ShownState {
  const { pause, state } = condition
  switch (state) {
    case 'positioning':
      if (pause !== undefined) return pausedState(condition)
      return condition.trouble === undefined ? { ...sound, state: 'starting' } : troubled(condition)
    case 'pausing':
    case 'paused': return pausedState(condition)
    case 'retrying':
    case 'recalled':
    case 'deciding':
    case 'faulted':
    case 'stopped': return faulted(condition)
    case 'assigned':
    case 'moving':
    case 'releasing': return ofLane(condition, isCaughtUp)
    case 'removed': return { ...sound, state: 'removed' }
  }
}

/** A partition without a position waits for a cluster or for an operator. */
function troubled (condition: PartitionCondition): ShownState {
  const shown = faulted(condition)
  return isWaiting(condition.trouble) ? { ...shown, state: 'waiting' } : shown
}

/** A problem of a whole topic may be retried, but seldom ends without an operator. */
function isWaiting (trouble: Trouble | undefined): boolean {
  if (trouble === undefined || !trouble.error.retriable) return false
  return trouble.retryAtMs !== Infinity || trouble.error.scope === 'partition'
}

function faulted ({ report, state, trouble }: PartitionCondition): ShownState {
  return {
    state: 'faulted',
    error: trouble?.error ?? faultOf(report),
    sinceMs: trouble?.sinceMs,
    isForGood: state === 'stopped',
    pausedBy: undefined
  }
}

function pausedState ({ pause }: PartitionCondition): ShownState {
  return { ...sound, state: 'paused', sinceMs: pause?.sinceMs, pausedBy: pause?.by }
}

function ofLane ({ report }: PartitionCondition, isCaughtUp: boolean): ShownState {
  const state = shownByLaneState[report.state]
  const error = report.code === 0 ? undefined : faultOf(report)
  if (state === 'running' && isCaughtUp) return { ...sound, state: 'caught-up' }
  return { ...sound, state, error }
}

const shownByLaneState: Readonly<Record<LaneState, ShownName>> = {
  starting: 'starting',
  resuming: 'resuming',
  running: 'running',
  waiting: 'waiting',
  faulted: 'faulted',
  // The lane drains the partition: batches in flight are still acknowledged.
  stopping: 'running',
  stopped: 'running'
}
