// The periodic work of a running flow, and its intervals: one row for each loop.
import type { FlowConfig } from '../config/config.ts'
import type { InboundFlows } from '../inbound/inbound-flows.ts'
import { LaneBalancer } from '../lanes/lane-balancer.ts'
import type { FlowProblems } from '../observability/flow-problems.ts'
import type { Log } from '../observability/log.ts'
import type { FlowSnapshot } from '../observability/snapshot.ts'
import type { FlowPartitions } from '../partitions/flow-partitions.ts'
import type { FlowPartition } from '../partitions/partition-table.ts'
import { restingMs } from '../partitions/resting-partitions.ts'
import { remoteLookMs } from '../partitions/topic-checks.ts'
import { waitingGroups } from '../partitions/waiting-partitions.ts'
import type { FlowProgress } from '../progress/flow-progress.ts'
import type { Clock } from '../time/clock.ts'
import { IntervalLoop } from '../time/interval-loop.ts'
import type { FlowBandwidth } from './flow-bandwidth.ts'
import type { FlowStatistics } from './flow-statistics.ts'
import type { TopicRefresh } from './topic-refresh.ts'

export interface FlowLoopsOptions {
  /** Of this moment: a running flow adopts other intervals. */
  readonly settings: () => FlowConfig['settings']
  readonly partitions: FlowPartitions
  readonly statistics: FlowStatistics
  readonly bandwidth: FlowBandwidth
  readonly progress: FlowProgress
  /** Only of a flow that keeps names. */
  readonly inbound: InboundFlows | undefined
  readonly topics: TopicRefresh
  readonly problems: FlowProblems
  readonly clusters: () => FlowSnapshot['clusters']
  /** What the silence of the flow's group means; undefined: the group answers. */
  readonly silence: () => string | undefined
  readonly onError: (thrown: unknown) => void
  readonly log: Log
  readonly clock: Clock
}

const statisticsIntervalMs = 1_000
const beginIntervalMs = 1_000
/**
 * With the 5 s after which a partition is due, the end of the log of a partition that no lane
 * fetches is known within 10 s, with 2.5 s left for the answer.
 */
export const endsIntervalMs = 2_500
const openTransactionsIntervalMs = 10_000
/**
 * How often new inbound flows, and new flows into the target, are read; questions of lanes cause a
 * reading at once.
 */
const inboundIntervalMs = 30_000

/** Starts the loops; each one runs first after one interval. */
export function startFlowLoops (options: FlowLoopsOptions): readonly IntervalLoop[] {
  const { bandwidth, clock, clusters, inbound, onError, partitions } = options
  const { problems, progress, settings, silence, statistics, topics } = options
  const balancer = createBalancer(options)
  const work: Array<readonly [intervalMs: number | (() => number), run: () => Promise<void>]> = [
    [() => settings()['progress.interval.ms'], async () => { await partitions.writeProgress() }],
    [statisticsIntervalMs, async () => {
      await statistics.collect()
      bandwidth.look()
    }],
    // Separate from the figures, which wait for a lane that does not answer.
    [statisticsIntervalMs, async () => {
      problems.tick(
        waitingGroups(partitions.table.unsettled, clock.now()), clusters(), silence())
    }],
    [endsIntervalMs, async () => { await statistics.refreshEnds() }],
    [openTransactionsIntervalMs, async () => { await statistics.lookAtOpenTransactions() }],
    // Most rounds find nothing that is due.
    [statisticsIntervalMs, async () => { await statistics.refreshResting() }],
    [restingMs, async () => { await partitions.lookAtResting() }],
    [remoteLookMs, async () => { await partitions.lookAtRemote() }],
    [() => settings()['lane.rebalance.interval.ms'], async () => { balancer.round() }],
    [() => settings()['refresh.topics.interval.seconds'] * 1000,
      async () => { await progress.mend() }],
    [inboundIntervalMs, async () => { await topics.followFlowsBack() }],
    [beginIntervalMs, async () => { await partitions.beginDue() }],
    [() => settings()['fault.retry.interval.ms'], async () => { await partitions.retryFaulted() }]
  ]
  if (inbound !== undefined) work.push([inboundIntervalMs, async () => { await inbound.learn() }])
  return work.map(([intervalMs, run]) => {
    const loop = new IntervalLoop({ intervalMs, clock, run, onError, first: 'delayed' })
    loop.start()
    return loop
  })
}

function createBalancer (
  { clock, log, partitions, settings, statistics }: FlowLoopsOptions
): LaneBalancer<FlowPartition> {
  return new LaneBalancer({
    lanes: settings().lanes,
    partitions: () => partitions.table.values(),
    bytesOf: partition => statistics.bytesOf(partition),
    move: (partition, to) => { partitions.moveToLane(partition, to) },
    log,
    clock
  })
}
