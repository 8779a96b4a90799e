// Turns raw snapshots into totals that never fall, for a topic and for a flow. Everything that
// shows figures (metrics, progress line, summary) reads the totals, so that they all agree.
import { batchReasons } from '../../dataplane/contract/contract-table.ts'
import { errorByCode, errorTable } from '../errors/error-table.ts'
import {
  aggregateLag, aggregateTopics, countPartitionStates, countStates,
  type CountsByState, type Lag, type TopicGauges
} from './aggregate-topics.ts'
import { CarriedSum, type SumMember } from './carried-sum.ts'
import { StallWatch, type Stall } from './stall-watch.ts'
import { latencyUpperBoundsMs } from './latency-buckets.ts'
import type { Clock } from '../time/clock.ts'
import {
  laneStates, type Count, type CountsByCode, type FlowSnapshot, type FlowState, type LaneSnapshot,
  type LaneState, type LatencySnapshot, type PartitionSnapshot, type PartitionState,
  type SkippedRecords, type TopicProblemSnapshot
} from './snapshot.ts'

export interface BatchTotals {
  readonly records: number
  readonly batches: number
  readonly bytes: number
  readonly batchesPassedThrough: number
  readonly retries: number
  readonly recordsResumed: number
  readonly recordsDoubled: number
  /** By index into batchReasons. */
  readonly reencodedByReason: readonly number[]
  readonly droppedByReason: readonly number[]
}

export interface TopicTotals extends TopicGauges, BatchTotals {}

export interface FaultedPartitions {
  readonly count: number
  /** Of all partitions. */
  readonly total: number
  /** The one that has been faulted for longest. */
  readonly example: PartitionSnapshot | undefined
}

export interface FlowTotals extends BatchTotals, Lag {
  readonly source: string
  readonly target: string
  readonly state: FlowState
  readonly reason: string | undefined
  readonly topics: readonly TopicTotals[]
  readonly lanes: readonly LaneSnapshot[]
  readonly partitionsByState: CountsByState<PartitionState>
  readonly lanesByState: CountsByState<LaneState>
  readonly inFlightBytes: number
  readonly fetchRequests: number
  readonly produceRequests: number
  readonly sourceThrottleMs: number
  readonly targetThrottleMs: number
  readonly fetchedBytes: number
  readonly evictions: number
  /** By the name of the error: those that stopped something, and those of the control plane. */
  readonly errorsByError: ReadonlyMap<string, number>
  /** Those after which a lane tried again. */
  readonly retriedErrorsByError: ReadonlyMap<string, number>
  readonly latency: LatencySnapshot
  readonly progressUnwrittenMs: number | undefined
  readonly clusters: FlowSnapshot['clusters']
  readonly slots: FlowSnapshot['slots']
  readonly faulted: FaultedPartitions
  readonly faultedPartitionsMax: number
  readonly topicProblems: readonly TopicProblemSnapshot[]
  readonly stall: Stall
  /** Begins again with the flow: what was skipped before stands in its log. */
  readonly skipped: SkippedRecords
  /** The same. */
  readonly mirroredAgain: ReadonlyMap<string, Count>
}

/**
 * Call observe() at least as often as lanes restart: what a lane counted after the last
 * observation before its end is not known to anybody.
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

const reasonCount = batchReasons.length
const unknownErrorName = 'OTHER'

/** The memory of one flow. */
class FlowAccount {
  #topics = new Map<string, CarriedSum>()
  /** What topics had counted that are gone. */
  readonly #gone: number[] = []
  readonly #requests = new CarriedSum()
  readonly #latency = new LatencyAccount()
  readonly #errors = new CodeAccount()
  readonly #retried = new CodeAccount()
  readonly #stalls = new StallWatch()

  observe (flow: FlowSnapshot, nowMs: number): FlowTotals {
    const { lanes, partitions } = flow
    const incarnations = new Map(lanes.map((lane) => [lane.lane, laneIncarnation(lane)]))
    const topics = this.#observeTopics(aggregateTopics(partitions), flow.moved, incarnations)
    const requests = this.#requests.observe(lanes.map((lane) => laneMember(lane, [
      lane.fetchRequests, lane.produceRequests, lane.sourceThrottleMs, lane.targetThrottleMs,
      lane.fetchedBytes, lane.evictions
    ])))
    return {
      source: flow.source,
      target: flow.target,
      state: flow.state,
      reason: flow.reason,
      topics,
      lanes,
      ...batchTotals(this.#flowTotals()),
      ...aggregateLag(partitions),
      partitionsByState: countPartitionStates(partitions),
      lanesByState: countStates(laneStates, lanes),
      inFlightBytes: lanes.reduce((sum, lane) => sum + lane.inFlightBytes, 0),
      fetchRequests: requests[0] ?? 0,
      produceRequests: requests[1] ?? 0,
      sourceThrottleMs: requests[2] ?? 0,
      targetThrottleMs: requests[3] ?? 0,
      fetchedBytes: requests[4] ?? 0,
      evictions: requests[5] ?? 0,
      errorsByError: this.#errors.observe([
        ...lanes.map((lane) => codeMember(lane, isFinal)),
        { key: 'flow', incarnation: '', counts: flow.errorsByCode }
      ]),
      retriedErrorsByError: this.#retried.observe(
        lanes.map((lane) => codeMember(lane, (code) => !isFinal(code)))),
      latency: this.#latency.observe(lanes),
      progressUnwrittenMs: flow.progressUnwrittenMs,
      clusters: flow.clusters,
      slots: flow.slots,
      faulted: faultedPartitions(partitions),
      faultedPartitionsMax: flow.faultedPartitionsMax,
      topicProblems: flow.topicProblems,
      stall: this.#stalls.observe(partitions, nowMs),
      skipped: flow.skipped ?? new Map(),
      mirroredAgain: flow.mirroredAgain ?? new Map()
    }
  }

  #observeTopics (
    topics: readonly TopicGauges[], moved: readonly PartitionSnapshot[],
    incarnations: ReadonlyMap<number, string>
  ): readonly TopicTotals[] {
    const sums = new Map<string, CarriedSum>()
    const totals = topics.map((topic) => {
      const sum = this.#topics.get(topic.topic) ?? new CarriedSum()
      sums.set(topic.topic, sum)
      const members = [...topic.partitions, ...moved.filter((each) => each.topic === topic.topic)]
        .map((partition) => partitionMember(partition, incarnations))
      return { ...topic, ...batchTotals(sum.observe(members)) }
    })
    for (const [name, sum] of this.#topics) {
      if (!sums.has(name)) addTo(this.#gone, sum.totals)
    }
    this.#topics = sums
    return totals
  }

  #flowTotals (): readonly number[] {
    const totals = [...this.#gone]
    for (const sum of this.#topics.values()) addTo(totals, sum.totals)
    return totals
  }
}

/** Bucket counts and their sum over lanes. */
class LatencyAccount {
  readonly #sum = new CarriedSum()

  observe (lanes: readonly LaneSnapshot[]): LatencySnapshot {
    // The sum goes first: a lane that has counted nothing yet may have no counts at all.
    const [sumMs = 0, ...counts] = this.#sum.observe(lanes.map((lane) =>
      laneMember(lane, [lane.latency.sumMs, ...lane.latency.counts])))
    return { upperBoundsMs: lanes[0]?.latency.upperBoundsMs ?? latencyUpperBoundsMs, counts, sumMs }
  }
}

interface CodeMember {
  readonly key: string
  readonly incarnation: string
  readonly counts: CountsByCode
}

/** Counts by error: each error of the table that was ever seen has a column. */
class CodeAccount {
  readonly #sum = new CarriedSum()
  readonly #names: string[] = []

  observe (members: readonly CodeMember[]): ReadonlyMap<string, number> {
    const byName = members.map(({ counts, incarnation, key }) =>
      ({ key, incarnation, counts: countsByName(counts) }))
    for (const { counts } of byName) {
      for (const name of counts.keys()) {
        if (!this.#names.includes(name)) this.#names.push(name)
      }
    }
    const totals = this.#sum.observe(byName.map(({ counts, ...member }) =>
      ({ ...member, values: this.#names.map((name) => counts.get(name) ?? 0) })))
    return new Map(this.#names.map((name, index) => [name, totals[index] ?? 0]))
  }
}

/** Codes come off the network: what the table lacks shares a name, or series would be endless. */
function countsByName (counts: CountsByCode): ReadonlyMap<string, number> {
  const byName = new Map<string, number>()
  for (const [code, count] of counts) {
    const known = errorByCode(code).name
    const name = known in errorTable ? known : unknownErrorName
    byName.set(name, (byName.get(name) ?? 0) + Number(count))
  }
  return byName
}

function faultedPartitions (partitions: readonly PartitionSnapshot[]): FaultedPartitions {
  const faulted = partitions.filter(({ state }) => state === 'faulted')
  const example = faulted.reduce<PartitionSnapshot | undefined>((oldest, each) =>
    oldest === undefined || (each.sinceMs ?? Infinity) < (oldest.sinceMs ?? Infinity)
      ? each
      : oldest, undefined)
  return { count: faulted.length, total: partitions.length, example }
}

function addTo (totals: number[], values: readonly number[]): void {
  values.forEach((value, index) => { totals[index] = (totals[index] ?? 0) + value })
}

function laneIncarnation (lane: LaneSnapshot): string {
  return `${lane.lane}.${lane.incarnation}`
}

function laneMember (lane: LaneSnapshot, values: readonly Count[]): SumMember {
  return {
    key: String(lane.lane), incarnation: laneIncarnation(lane), values: values.map(Number)
  }
}

function isFinal (code: number): boolean {
  return !errorByCode(code).retriable
}

function codeMember (lane: LaneSnapshot, counted: (code: number) => boolean): CodeMember {
  const counts = new Map([...lane.errorsByCode].filter(([code]) => counted(code)))
  return { key: String(lane.lane), incarnation: laneIncarnation(lane), counts }
}

/**
 * A partition's counters live in its lane: another one begins them again, and both may be told of
 * at once.
 */
function partitionMember (
  partition: PartitionSnapshot, incarnations: ReadonlyMap<number, string>
): SumMember {
  return {
    key: `${partition.partition} in ${partition.lane}`,
    incarnation: incarnations.get(partition.lane) ?? String(partition.lane),
    values: [
      Number(partition.records), Number(partition.batches), Number(partition.bytes),
      Number(partition.batchesPassedThrough), Number(partition.retries),
      Number(partition.recordsResumed), Number(partition.recordsDoubled),
      ...batchReasons.map((_, reason) => Number(partition.reencodedByReason[reason] ?? 0)),
      ...batchReasons.map((_, reason) => Number(partition.droppedByReason[reason] ?? 0))
    ]
  }
}

function batchTotals (values: readonly number[]): BatchTotals {
  const [
    records = 0, batches = 0, bytes = 0, batchesPassedThrough = 0,
    retries = 0, recordsResumed = 0, recordsDoubled = 0, ...byReason
  ] = values
  return {
    records,
    batches,
    bytes,
    batchesPassedThrough,
    retries,
    recordsResumed,
    recordsDoubled,
    reencodedByReason: byReason.slice(0, reasonCount),
    droppedByReason: byReason.slice(reasonCount, 2 * reasonCount)
  }
}
