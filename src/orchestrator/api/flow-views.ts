// The API's answers about flows, topics and partitions, from the totals that the metrics show, too.
import { batchReasons } from '../../dataplane/contract/contract-table.ts'
import { errorByCode } from '../errors/error-table.ts'
import type { Attribution, PauseRecord } from '../control/control-record.ts'
import type { FlowReport } from '../flow/flow-operations.ts'
import type { FlowTotals } from '../observability/flow-ledger.ts'
import { percentileMs } from '../observability/latency.ts'
import {
  countStates, figuresOf, type BatchTotals, type Lag, type TopicTotals
} from '../observability/partition-totals.ts'
import { notReady } from '../observability/readiness.ts'
import {
  partitionStates, type ClusterHealth, type Count, type PartitionSnapshot
} from '../observability/snapshot.ts'
import { slotOf } from '../progress/task-slots.ts'
import type { FlowPart, PartitionPart, StatesPart, TopicPart } from './joined-views.ts'
import { compareTexts } from './paging.ts'
import type { Throughput } from './throughput.ts'

/** A moment, by both clocks. */
export interface Moment {
  readonly nowMs: number
  readonly monotonicMs: number
}

export function nameOf ({ source, target }: FlowTotals): string { return `${source}->${target}` }

export function flowView (
  flow: FlowTotals, report: FlowReport | undefined, rates: Throughput, moment: Moment
): FlowPart {
  const { clusters, progressUnwrittenMs, slots } = flow
  const reasons = notReady(flow, moment.nowMs)
  return {
    flow: nameOf(flow),
    process: report?.memberName ?? null,
    silent: [],
    source: flow.source,
    target: flow.target,
    state: flow.state,
    reason: flow.reason ?? null,
    isReady: reasons.length === 0,
    notReady: reasons,
    clusters: clusters === undefined
      ? null
      : { source: clusterView(clusters.source), target: clusterView(clusters.target) },
    slots: slots === undefined
      ? null
      : {
          owned: slots.owned,
          total: slots.total,
          waiting: slots.waiting,
          sinceMs: slots.sinceMs,
          reason: slots.reason?.message ?? null,
          isUnownedByAnybody: slots.unownedByAnybody ?? null
        },
    partitionsByState: flow.partitionsByState,
    lanesByState: flow.lanesByState,
    topics: flow.topics.length,
    topicProblems: flow.topicProblems,
    ...batchView(flow),
    ...rates.ofFlow(flow, moment.monotonicMs),
    ...lagView(flow),
    latencyP50Ms: percentileMs([flow.latency], 50) ?? null,
    latencyP99Ms: percentileMs([flow.latency], 99) ?? null,
    recentLatencyP50Ms: recentMs(flow, rates, 50),
    recentLatencyP99Ms: recentMs(flow, rates, 99),
    recordsSkipped: [...flow.skipped.values()].flatMap(each => [...each.values()])
      .reduce<number>((sum, each) => sum + Number(each), 0),
    errors: Object.fromEntries(flow.errorsByError),
    retriedErrors: Object.fromEntries(flow.retriedErrorsByError),
    inFlightBytes: flow.inFlightBytes,
    throttle: flow.throttle ?? null,
    progressAgeSeconds: progressUnwrittenMs === undefined
      ? 0
      : Math.max(0, moment.nowMs - progressUnwrittenMs) / 1000,
    isExactlyOnce: flow.isExactlyOnce ?? null,
    differingMembers: flow.differingMembers?.length ?? null,
    orders: report === undefined ? null : ordersView(report.orders)
  }
}

function recentMs (flow: FlowTotals, rates: Throughput, percentile: number): number | null {
  const recent = rates.latencyOf(flow)
  return recent === undefined ? null : percentileMs([recent], percentile) ?? null
}

/** The state of each partition in a few bytes: views of thousands of partitions poll it. */
export function statesView (
  flow: FlowTotals, report: FlowReport | undefined
): StatesPart {
  return {
    flow: nameOf(flow),
    process: report?.memberName ?? null,
    silent: [],
    names: partitionStates,
    topics: flow.topics.toSorted((one, other) => compareTexts(one.topic, other.topic))
      .map(({ partitions, topic }) => {
        const sorted = partitions.toSorted((one, other) => one.partition - other.partition)
        return {
          topic,
          partitions: sorted.map(({ partition }) => partition),
          states: sorted.map(({ state }) => partitionStates.indexOf(state))
        }
      })
  }
}

export function topicView (
  flow: FlowTotals, topic: TopicTotals,
  { moment: { monotonicMs }, rates, report }: {
    readonly report: FlowReport | undefined
    readonly rates: Throughput
    readonly moment: Moment
  }
): TopicPart {
  return {
    topic: topic.topic,
    remoteTopic: topic.remoteTopic,
    partitions: topic.partitions.length,
    partitionsByState: countStates(partitionStates, topic.partitions),
    batching: report?.batchingOf(topic.topic) ?? null,
    ...batchView(topic),
    ...rates.ofTopic(flow, topic, monotonicMs),
    ...lagView(topic),
    newestRecordMs: topic.newestRecordMs ?? null
  }
}

export function partitionView (
  flow: FlowTotals, partition: PartitionSnapshot,
  { moment, rates, report, slots }: {
    readonly report: FlowReport | undefined
    /** task.slots */
    readonly slots: number
    readonly rates: Throughput
    readonly moment: Moment
  }
): PartitionPart {
  const { code, highWatermark, lagRecords, lagSeconds, records, topic } = partition
  const pause = report?.orders.pauseOf(partition)
  return {
    process: report?.memberName ?? null,
    topic,
    remoteTopic: partition.remoteTopic,
    partition: partition.partition,
    slot: slotOf(topic, partition.partition, slots),
    lane: partition.lane < 0 ? null : partition.lane,
    state: partition.state,
    error: code === 0 ? null : errorByCode(code).name,
    reason: partition.reason === '' ? null : partition.reason,
    sinceMs: partition.sinceMs ?? null,
    pause: pause === undefined ? null : pauseView(pause),
    batching: report?.batchingOf(topic) ?? null,
    records: Number(records),
    batches: Number(partition.batches),
    bytes: Number(partition.bytes),
    batchesPassedThrough: Number(partition.batchesPassedThrough),
    retries: Number(partition.retries),
    recordsLooped: Number(partition.recordsLooped),
    reencodedByReason: byReason(partition.reencodedByReason),
    droppedByReason: byReason(partition.droppedByReason),
    ...rates.ofPartition(flow, partition, moment.monotonicMs),
    upstreamOffset: String(partition.upstreamOffset),
    skipTo: partition.skipTo === undefined ? null : String(partition.skipTo),
    highWatermark: highWatermark < 0 ? null : String(highWatermark),
    lagRecords: lagRecords ?? null,
    lagOpenTransactionRecords: partition.lagOpenTransactionRecords,
    lagSeconds: lagSeconds ?? null,
    latencyMeanMs: Number(records) === 0 ? null : Number(partition.latencySumMs) / Number(records)
  }
}

function clusterView ({ answeredMs, error }: ClusterHealth): object {
  return { answeredMs, error: error?.message ?? null }
}

function batchView (totals: BatchTotals): object {
  return {
    ...figuresOf(name => totals[name]),
    reencodedByReason: byReason(totals.reencodedByReason),
    droppedByReason: byReason(totals.droppedByReason)
  }
}

function lagView (lag: Lag): object {
  return {
    lagRecords: lag.lagRecords ?? null,
    lagOpenTransactionRecords: lag.lagOpenTransactionRecords,
    lagRecordsMax: lag.lagRecordsMax ?? null,
    lagSecondsMax: lag.lagSecondsMax ?? null
  }
}

export function ordersView (
  { logLevel, pauses, shares, skips, throttle }: FlowReport['orders']
): object {
  return {
    pauses: pauses.map(pauseView),
    skips: skips.map(skip => ({ ...skip.source, to: String(skip.to), ...attributionOf(skip) })),
    logLevel: logLevel === undefined
      ? null
      : { level: logLevel.level, ...attributionOf(logLevel) },
    throttle: throttle === undefined
      ? null
      : { bytesPerSecond: throttle.bytesPerSecond ?? 0, ...attributionOf(throttle) },
    shares: shares.map(share =>
      ({ topic: share.scope.topic, percent: share.percent, ...attributionOf(share) }))
  }
}

function pauseView (pause: PauseRecord): object {
  const { partition, topic } = pause.scope
  return { topic: topic ?? null, partition: partition ?? null, ...attributionOf(pause) }
}

function attributionOf ({ atMs, by, reason }: Attribution): Attribution {
  return { by, atMs, reason }
}

function byReason (counts: readonly Count[]): Readonly<Record<string, number>> {
  return Object.fromEntries(batchReasons.flatMap((reason, index) => {
    const counted = Number(counts[index] ?? 0)
    return counted > 0 ? [[reason, counted]] : []
  }))
}
