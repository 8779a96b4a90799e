// A flow at one moment: plain values that flow/ fills in, and that metrics, log and readiness read.
// Counters here are raw and may restart at 0; FlowLedger turns them into totals that never fall.
import type { batchReasons } from '../../dataplane/contract/contract-table.ts'
import type { Side } from '../config/property-path.ts'
import type { ReplicatorError } from '../errors/replicator-error.ts'

export type BatchReason = (typeof batchReasons)[number]

/** The state of a partition for users; partitions/shown-state.ts derives it. */
export const partitionStates = [
  'starting', 'resuming', 'running', 'caught-up', 'paused', 'waiting', 'faulted', 'removed'
] as const
export type PartitionState = (typeof partitionStates)[number]

export const laneStates = ['starting', 'running', 'draining', 'stopped', 'failed'] as const
export type LaneState = (typeof laneStates)[number]

export const flowStates = ['starting', 'running', 'draining', 'stopped', 'faulted'] as const
export type FlowState = (typeof flowStates)[number]

/** Why a policy that the user chose left records out. */
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
  /** Why the flow is in this state, for people. */
  readonly reason?: string
  /** Whether the two clusters answer; absent before the flow has reached them. */
  readonly clusters?: Readonly<Record<Side, ClusterHealth>>
  /** Absent before this process has joined the group. */
  readonly slots?: SlotHealth
  /** readiness.faulted.partitions.max */
  readonly faultedPartitionsMax: number
  /** Topics that cannot be mirrored and whose partitions are unknown. */
  readonly topicProblems: readonly TopicProblemSnapshot[]
  /** Clusters that refuse the login of lanes whose partitions wait for it; absent: none. */
  readonly loginRefusals?: readonly string[]
  /** Absent before the lanes are open. */
  readonly throttle?: ThrottleSnapshot
  readonly lanes: readonly LaneSnapshot[]
  readonly partitions: readonly PartitionSnapshot[]
  /** The last figures of lanes that partitions were moved from; only their counters are used. */
  readonly moved: readonly PartitionSnapshot[]
  /** Errors of this flow's control plane: topics, progress, group. Lanes count their own errors. */
  readonly errorsByCode: CountsByCode
  /** Errors after which the flow retries; lanes count their own errors. */
  readonly retriedErrorsByCode?: CountsByCode
  /** Since when acknowledged progress has been unwritten; undefined: all progress is written. */
  readonly progressUnwrittenMs: number | undefined
  /** One for each process whose settings differ from those of this process; absent: not known. */
  readonly differingMembers?: readonly ReplicatorError[]
  /** How many orders of operators are in force, by kind; absent: not known. */
  readonly orders?: Readonly<Record<string, number>>
  /** False: the target has no idempotent producers; absent: not known yet. */
  readonly isExactlyOnce?: boolean | undefined
  /** When each duty of this process succeeded last, epoch ms; absent: no duty has succeeded. */
  readonly dutySuccesses?: ReadonlyMap<string, number>
  /** The checkpoints that this process has written, by group and partition; absent: none. */
  readonly checkpoints?: ReadonlyMap<string, CheckpointSnapshot>
  /** Absent: the flow has no canary. */
  readonly canary?: CanarySnapshot
  /** Absent: none. */
  readonly skipped?: SkippedRecords
  /** Records that the target acknowledged and then lost, by topic; absent: none. */
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
  /** Slots that this process owns but has not acquired, because an attempt failed. */
  readonly waiting: number
  /** Since when `owned` and `unownedByAnybody` have been unchanged, epoch ms. */
  readonly sinceMs: number
  /** The error because of which slots are waiting or were lost; undefined: no error. */
  readonly reason: ReplicatorError | undefined
  /** Whether there are slots that no process owns; undefined: the group does not report it. */
  readonly unownedByAnybody: boolean | undefined
}

export const canaryResults = ['written', 'arrived', 'lost', 'doubled', 'late'] as const
export type CanaryResult = (typeof canaryResults)[number]

export interface CanarySnapshot {
  readonly counts: Readonly<Record<CanaryResult, number>>
  /** From the write on the source to its sight on the target. */
  readonly latency: LatencySnapshot
  /** Epoch ms; undefined: none has arrived yet. */
  readonly lastArrivalMs: number | undefined
  /** The age of the oldest record that has not arrived; undefined: this process does not know. */
  readonly outstandingMs: number | undefined
}

/** The limit of the bandwidth of a flow. */
export interface ThrottleSnapshot {
  /** Of all processes together; 0: no limit. */
  readonly bytesPerSecond: number
  /** Whether a lane of this process has waited for the limit in the last second. */
  readonly isWaiting: boolean
}

export interface TopicProblemSnapshot {
  readonly topic: string
  readonly reason: string
}

/** What a lane has exchanged with one broker, without requests for metadata; times in ms. */
export interface BrokerSnapshot {
  readonly isTarget: boolean
  readonly broker: number
  readonly requests: Count
  readonly failedRequests: Count
  /** From sending a request to its answer, summed; of a Fetch with the wait for records. */
  readonly answerMs: Count
  readonly sentBytes: Count
  readonly receivedBytes: Count
  readonly throttleMs: Count
  readonly connections: Count
}

export interface LaneSnapshot {
  readonly lane: number
  /** Starts of this lane, from 1: the counters of a restarted lane begin again at 0. */
  readonly incarnation: number
  readonly state: LaneState
  readonly inFlightBytes: number
  /** What the lane has of `inFlightBytesMax`. */
  readonly inFlightPartBytes: number
  /** Of all lanes of the process. */
  readonly inFlightBytesMax: number
  /** Over which the lane fetches, to all source brokers. */
  readonly sourceConnections: number
  readonly fetchRequests: Count
  readonly produceRequests: Count
  /** How long a cluster throttled this lane. */
  readonly sourceThrottleMs: Count
  readonly targetThrottleMs: Count
  /** How long Fetches have waited for the limit of the bandwidth. */
  readonly bandwidthWaitMs: Count
  /** Bytes of Fetch responses, including dropped batches and batches that were fetched twice. */
  readonly fetchedBytes: Count
  /** Bytes of records that followers of the source returned, because they are closer. */
  readonly followerBytes: Count
  readonly fetchedTwiceBytes: Count
  /** How often a source broker refused a Fetch session, because its cache is full. */
  readonly refusedSessions: Count
  /** Partitions whose queue was dropped, to be fetched again, because of a lack of memory. */
  readonly evictions: Count
  readonly brokers: readonly BrokerSnapshot[]
  readonly errorsByCode: CountsByCode
  /** Timestamp of a record to the ack of its batch; one observation a record. */
  readonly latency: LatencySnapshot
}

export interface PartitionSnapshot {
  /** The name on the source; `remoteTopic` is the name on the target. */
  readonly topic: string
  readonly remoteTopic: string
  readonly partition: number
  /** -1: no lane has the partition. */
  readonly lane: number
  readonly state: PartitionState
  /** Error code behind the state, 0 for none. */
  readonly code: number
  /** Why the partition waits or is faulted, for people; '' otherwise. */
  readonly reason: string
  /** Epoch ms since when the partition has been paused or faulted; undefined in other states. */
  readonly sinceMs: number | undefined
  /** Acknowledged by the target. */
  readonly records: Count
  readonly batches: Count
  readonly bytes: Count
  /**
   * Acknowledged batches whose payload bytes were passed through unread. Counted separately, not
   * computed as batches - reencoded: those two are counted at different moments, so the difference
   * could fall, and Prometheus treats a counter that falls as restarted.
   */
  readonly batchesPassedThrough: Count
  /** Batches by index into batchReasons. */
  readonly reencodedByReason: readonly Count[]
  readonly droppedByReason: readonly Count[]
  /** Times that unacked batches were sent again. */
  readonly retries: Count
  /** Records that a resume found on the target and skipped on the source. */
  readonly recordsResumed: Count
  /**
   * Records that may be on the target twice: a resume found records that differ from the source.
   */
  readonly recordsDoubled: Count
  /** Records left out because an inbound flow mirrored them from the target to the source. */
  readonly recordsLooped: Count
  /** Largest timestamp of an acked record, epoch ms; undefined before the first ack. */
  readonly newestRecordMs: number | undefined
  /** Time from the timestamp of a record to its ack, summed over the acked records. */
  readonly latencySumMs: Count
  /** The next source offset that the target has not acknowledged. */
  readonly upstreamOffset: Count
  /**
   * The source offset after the records that a faulted partition cannot mirror; absent: not known,
   * or the partition is not faulted.
   */
  readonly skipTo?: Count
  readonly highWatermark: Count
  /** Up to the high watermark; undefined until the source has reported it. */
  readonly lagRecords: number | undefined
  /**
   * Of `lagRecords`: records after the start of an open transaction, which no consumer may read
   * yet.
   */
  readonly lagOpenTransactionRecords: number
  readonly lagSeconds: number | undefined
}

/**
 * A histogram of durations as counted by one lane. `counts` may have one more entry than
 * `upperBoundsMs`, for durations beyond the last bound. All lanes of a flow share one list of
 * bounds.
 */
export interface LatencySnapshot {
  readonly upperBoundsMs: readonly number[]
  readonly counts: readonly Count[]
  readonly sumMs: Count
}
