// Turns raw snapshots into totals that never fall, for a topic and for a flow. Metrics, status
// line, summary and readiness all read these totals, so their figures agree.
import type { ReplicatorError } from '../errors/replicator-error.ts'
import type { Clock } from '../time/clock.ts'
import { BrokerSums, type BrokerTotals } from './broker-totals.ts'
import { CarriedSum, laneMember } from './carried-sum.ts'
import { ErrorCounts } from './error-counts.ts'
import { LatencySum } from './latency.ts'
import {
  countStates, PartitionSums, type CountsByState, type PartitionTotals
} from './partition-totals.ts'
import {
  laneStates, type CheckpointSnapshot, type Count, type FlowSnapshot, type FlowState,
  type LaneSnapshot, type LaneState, type LatencySnapshot, type SkippedRecords,
  type TopicProblemSnapshot
} from './snapshot.ts'

export interface FlowTotals extends PartitionTotals {
  readonly source: string
  readonly target: string
  readonly state: FlowState
  readonly reason: string | undefined
  readonly lanes: readonly LaneSnapshot[]
  readonly lanesByState: CountsByState<LaneState>
  readonly inFlightBytes: number
  readonly fetchRequests: number
  readonly produceRequests: number
  readonly sourceThrottleMs: number
  readonly targetThrottleMs: number
  readonly bandwidthWaitMs: number
  /** Undefined: the lanes of the flow are not open yet. */
  readonly throttle: FlowSnapshot['throttle']
  readonly fetchedBytes: number
  readonly followerBytes: number
  readonly fetchedTwiceBytes: number
  readonly refusedSessions: number
  readonly evictions: number
  readonly brokers: readonly BrokerTotals[]
  /** By the name of the error: errors that stopped a partition, and errors of the control plane. */
  readonly errorsByError: ReadonlyMap<string, number>
  /** Errors after which a lane retried. */
  readonly retriedErrorsByError: ReadonlyMap<string, number>
  readonly latency: LatencySnapshot
  readonly progressUnwrittenMs: number | undefined
  readonly differingMembers: readonly ReplicatorError[] | undefined
  readonly orders: NonNullable<FlowSnapshot['orders']>
  readonly isExactlyOnce: boolean | undefined
  readonly dutySuccesses: ReadonlyMap<string, number>
  readonly checkpoints: ReadonlyMap<string, CheckpointSnapshot>
  /** Undefined: the flow has no canary. Resets to 0 when the flow restarts. */
  readonly canary: FlowSnapshot['canary']
  readonly clusters: FlowSnapshot['clusters']
  readonly slots: FlowSnapshot['slots']
  readonly faultedPartitionsMax: number
  readonly topicProblems: readonly TopicProblemSnapshot[]
  readonly loginRefusals: readonly string[]
  /** Resets to 0 when the flow restarts; earlier skips are only in the log. */
  readonly skipped: SkippedRecords
  /** Resets to 0 when the flow restarts. */
  readonly mirroredAgain: ReadonlyMap<string, Count>
}

/**
 * Call observe() at least as often as lanes restart: the counts of a lane between the last
 * observation and the lane's end are lost.
 */
export class FlowLedger {
  readonly #clock: Clock
  #accounts = new Map<string, FlowAccount>()
  #latest: readonly FlowTotals[] = []

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Of the last observation. */
  get latest (): readonly FlowTotals[] {
    return this.#latest
  }

  observe (flows: readonly FlowSnapshot[]): readonly FlowTotals[] {
    const accounts = new Map<string, FlowAccount>()
    this.#latest = flows.map((flow) => {
      const key = JSON.stringify([flow.source, flow.target])
      const account = this.#accounts.get(key) ?? new FlowAccount()
      accounts.set(key, account)
      return account.observe(flow, this.#clock.now())
    })
    this.#accounts = accounts
    return this.#latest
  }
}

/** The memory of one flow. */
class FlowAccount {
  readonly #partitions = new PartitionSums()
  readonly #requests = new CarriedSum()
  readonly #brokers = new BrokerSums()
  readonly #latency = new LatencySum()
  readonly #errors = new ErrorCounts()

  observe (flow: FlowSnapshot, nowMs: number): FlowTotals {
    const { lanes } = flow
    const requests = this.#requests.observe(lanes.map((lane) => laneMember(lane, [
      lane.fetchRequests, lane.produceRequests, lane.sourceThrottleMs, lane.targetThrottleMs,
      lane.fetchedBytes, lane.evictions, lane.followerBytes,
      lane.fetchedTwiceBytes, lane.bandwidthWaitMs, lane.refusedSessions
    ])))
    return {
      ...this.#partitions.observe(flow, nowMs),
      source: flow.source,
      target: flow.target,
      state: flow.state,
      reason: flow.reason,
      lanes,
      lanesByState: countStates(laneStates, lanes),
      inFlightBytes: lanes.reduce((sum, lane) => sum + lane.inFlightBytes, 0),
      fetchRequests: requests[0] ?? 0,
      produceRequests: requests[1] ?? 0,
      sourceThrottleMs: requests[2] ?? 0,
      targetThrottleMs: requests[3] ?? 0,
      fetchedBytes: requests[4] ?? 0,
      evictions: requests[5] ?? 0,
      followerBytes: requests[6] ?? 0,
      fetchedTwiceBytes: requests[7] ?? 0,
      bandwidthWaitMs: requests[8] ?? 0,
      refusedSessions: requests[9] ?? 0,
      brokers: this.#brokers.observe(lanes, flow),
      throttle: flow.throttle,
      errorsByError: this.#errors.observeFinal(lanes, flow.errorsByCode),
      retriedErrorsByError: this.#errors.observeRetried(
        lanes, flow.retriedErrorsByCode ?? new Map()),
      latency: this.#latency.observe(lanes),
      progressUnwrittenMs: flow.progressUnwrittenMs,
      differingMembers: flow.differingMembers,
      orders: flow.orders ?? {},
      isExactlyOnce: flow.isExactlyOnce,
      dutySuccesses: flow.dutySuccesses ?? new Map(),
      checkpoints: flow.checkpoints ?? new Map(),
      canary: flow.canary,
      clusters: flow.clusters,
      slots: flow.slots,
      faultedPartitionsMax: flow.faultedPartitionsMax,
      topicProblems: flow.topicProblems,
      loginRefusals: flow.loginRefusals ?? [],
      skipped: flow.skipped ?? new Map(),
      mirroredAgain: flow.mirroredAgain ?? new Map()
    }
  }
}
