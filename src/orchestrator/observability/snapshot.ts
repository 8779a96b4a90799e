// A flow at one moment: plain values, filled by flow/, read by everything that shows them. Counters
// here are raw and may begin again at 0; FlowLedger makes them steady.
import type { batchReasons } from '../../dataplane/contract/contract-table.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'

export type BatchReason = (typeof batchReasons)[number]

/** What a user sees of a partition: partitions/shown-state.ts says how it comes about. */
export const partitionStates = [
  'starting', 'resuming', 'running', 'caught-up', 'paused', 'waiting', 'faulted', 'removed'
] as const
export type PartitionState = (typeof partitionStates)[number]

export const laneStates = ['starting', 'running', 'draining', 'stopped', 'failed'] as const
export type LaneState = (typeof laneStates)[number]

export const flowStates = ['starting', 'running', 'draining', 'stopped', 'faulted'] as const
export type FlowState = (typeof flowStates)[number]

/** Why records were left out by a policy that the user chose. */
export const skipReasons = [
  'data_loss', 'topic_recreated', 'record_too_large', 'record_refused', 'corrupt_batch',
  'operator', 'before_start'
] as const
export type SkipReason = (typeof skipReasons)[number]

/** Records left out, by topic and reason. */
export type SkippedRecords = ReadonlyMap<string, ReadonlyMap<SkipReason, Count>>

/** Native counters are 64-bit. Beyond 2^53 a figure loses its last digits, as in Prometheus. */
export type Count = number | bigint

/** Occurrences by error code (the numbers of the error table). */
export type CountsByCode = ReadonlyMap<number, Count>

export interface FlowSnapshot {
  readonly source: string
  readonly target: string
  readonly state: FlowState
  /** Why it is in this state, for people. */
  readonly reason?: string
  /** Whether the two clusters answer; absent before the flow has reached them. */
  readonly clusters?: Readonly<Record<'source' | 'target', ClusterHealth>>
  /** Absent before this process has joined the group. */
  readonly slots?: SlotHealth
  /** readiness.faulted.partitions.max */
  readonly faultedPartitionsMax: number
  /** Topics that cannot be mirrored and of which no partition is known. */
  readonly topicProblems: readonly TopicProblemSnapshot[]
  readonly lanes: readonly LaneSnapshot[]
  readonly partitions: readonly PartitionSnapshot[]
  /** The last figures of lanes that partitions were moved away from; only their counters count. */
  readonly moved: readonly PartitionSnapshot[]
  /** Of the control plane of this flow: topics, progress, group. Lanes carry their own. */
  readonly errorsByCode: CountsByCode
  /** Those that the flow mends by trying again; lanes count their own. */
  readonly retriedErrorsByCode?: CountsByCode
  /** Since when there has been acknowledged progress that is not written; undefined: all is. */
  readonly progressUnwrittenMs: number | undefined
  /** Processes of the flow whose settings differ from those of this one; absent: not known. */
  readonly differingMembers?: number
  /** False: the target has no idempotent producers; absent: not known yet. */
  readonly isExactlyOnce?: boolean | undefined
  /** When each duty of this process succeeded last, epoch ms; absent: none has. */
  readonly dutySuccesses?: ReadonlyMap<string, number>
  /** By group and partition, those that this process has written; absent: none. */
  readonly checkpoints?: ReadonlyMap<string, CheckpointSnapshot>
  /** Absent: none. */
  readonly skipped?: SkippedRecords
  /** Records that the target lost after it had acked them, by topic; absent: none. */
  readonly mirroredAgain?: ReadonlyMap<string, Count>
}

/** The checkpoints of one group and partition. */
export interface CheckpointSnapshot {
  readonly group: string
  /** The name on the target. */
  readonly topic: string
  readonly partition: number
  readonly written: number
  /** From the reading of the committed offset to the acknowledgement, summed. */
  readonly latencySumMs: number
}

export interface ClusterHealth {
  /** When the cluster last answered, epoch ms. */
  readonly answeredMs: number
  /** Why it does not answer; undefined while it does. */
  readonly error: ReplicatorError | undefined
}

/** The task slots of a flow, as this process sees them. */
export interface SlotHealth {
  readonly owned: number
  readonly total: number
  /** Owned, and not acquired yet, because that failed. */
  readonly waiting: number
  /** Since when `owned`, and whether others own the rest, have been what they are, epoch ms. */
  readonly sinceMs: number
  /** Why slots are waiting or were lost, where an error was the reason. */
  readonly reason: ReplicatorError | undefined
  /** Whether there are slots that no process owns; undefined: the group does not tell. */
  readonly unownedByAnybody: boolean | undefined
}

export interface TopicProblemSnapshot {
  readonly topic: string
  readonly reason: string
}

export interface LaneSnapshot {
  readonly lane: number
  /** Starts of this lane, from 1: the counters of a restarted lane begin again at 0. */
  readonly incarnation: number
  readonly state: LaneState
  readonly inFlightBytes: number
  readonly inFlightBytesMax: number
  readonly fetchRequests: Count
  readonly produceRequests: Count
  /** Time for which a cluster asked this lane to wait. */
  readonly sourceThrottleMs: Count
  readonly targetThrottleMs: Count
  /** Bytes of Fetch responses, dropped and doubly fetched batches included. */
  readonly fetchedBytes: Count
  /** Bytes of records that followers of the source returned, because they are closer. */
  readonly followerBytes: Count
  /** Partitions whose queue was dropped, to be fetched again, because memory was short. */
  readonly evictions: Count
  readonly errorsByCode: CountsByCode
  /** Timestamp of a record to the ack of its batch; one observation a record. */
  readonly latency: LatencySnapshot
}

export interface PartitionSnapshot {
  /** The name on the source; `remoteTopic` is the name on the target. */
  readonly topic: string
  readonly remoteTopic: string
  readonly partition: number
  /** -1: none has it. */
  readonly lane: number
  readonly state: PartitionState
  /** Error code behind the state, 0 for none. */
  readonly code: number
  /** Why it waits or is faulted, for people; '' otherwise. */
  readonly reason: string
  /** Epoch ms since when it has been paused or faulted; undefined in other states. */
  readonly sinceMs: number | undefined
  /** Acked by the target. */
  readonly records: Count
  readonly batches: Count
  readonly bytes: Count
  /**
   * Acked batches whose payload bytes went through unread. Counted on its own rather than taken as
   * batches - reencoded: those two are counted at different moments, so that the difference could
   * fall, and a counter that falls reads as a restart.
   */
  readonly batchesPassedThrough: Count
  /** Batches by index into batchReasons. */
  readonly reencodedByReason: readonly Count[]
  readonly droppedByReason: readonly Count[]
  /** Times that unacked batches were sent again. */
  readonly retries: Count
  /** Found on the target at a resume and skipped on the source. */
  readonly recordsResumed: Count
  /** May be on the target twice: what a resume found did not match the source. */
  readonly recordsDoubled: Count
  /** Largest timestamp of an acked record, epoch ms; undefined before the first ack. */
  readonly newestRecordMs: number | undefined
  /** Time from the timestamp of a record to its ack, summed over the acked records. */
  readonly latencySumMs: Count
  /** The next offset of the source that is not acked by the target yet. */
  readonly upstreamOffset: Count
  readonly highWatermark: Count
  /** Up to the high watermark; undefined until the source has reported it. */
  readonly lagRecords: number | undefined
  /** Of those: behind an open transaction, which nobody may read yet. */
  readonly lagOpenTransactionRecords: number
  readonly lagSeconds: number | undefined
}

/**
 * A histogram of durations as counted by one lane. `counts` may have one more entry than
 * `upperBoundsMs`: what is beyond the last bound. All lanes of a flow share one list of bounds.
 */
export interface LatencySnapshot {
  readonly upperBoundsMs: readonly number[]
  readonly counts: readonly Count[]
  readonly sumMs: Count
}
