// Statistics of one flow: collects the counters of its lanes once a second, and computes from them
// and from the states of its partitions the snapshot that metrics, status line and summary read.
import {
  decodeBrokers, type BrokerCounters, type LaneCounters, type PartitionCounters
} from '../../dataplane/index.ts'
import type { ClusterAdmin } from '../cluster/cluster-admin.ts'
import type { FlowConfig } from '../config/config.ts'
import { latencyUpperBoundsMs } from '../observability/latency.ts'
import type {
  BrokerSnapshot, CountsByCode, FlowSnapshot, FlowState, LaneSnapshot, PartitionSnapshot
} from '../observability/snapshot.ts'
import type { Clock } from '../time/clock.ts'
import type { Log } from '../observability/log.ts'
import type { FlowProblems, Unacknowledged } from '../observability/flow-problems.ts'
import type { LanePool } from '../lanes/lane-pool.ts'
import type { FlowPartitions } from '../partitions/flow-partitions.ts'
import { OpenTransactions } from '../partitions/open-transactions.ts'
import { endStaleMs, mustAskForEnd } from '../partitions/partition-lag.ts'
import { PartitionLags } from '../partitions/partition-lags.ts'
import { faultOf } from '../partitions/partition-state.ts'
import { nameOf, type FlowPartition } from '../partitions/partition-table.ts'
import { isAtRest } from '../partitions/resting-partitions.ts'
import { partitionKey } from '../progress/progress.ts'
import { LaneFigures, type LaneFigure } from './lane-figures.ts'
import { PartitionSnapshots } from './partition-snapshots.ts'
import { partitionSnapshot } from './partition-snapshot.ts'

export interface FlowStatisticsOptions {
  readonly config: FlowConfig
  readonly partitions: FlowPartitions
  readonly source: ClusterAdmin
  readonly lanes: LanePool
  /** Whether other processes own the slots that this one does not. */
  readonly othersOwn: () => boolean
  readonly problems: FlowProblems
  readonly log: Log
  readonly clock: Clock
}

/** A little more than the time between two collections. */
const snapshotMs = 1_100
/** What a lane reports of a partition that it must release. */
const stopReports: ReadonlySet<string> = new Set(['stopping', 'stopped', 'faulted'])

export class FlowStatistics {
  readonly #options: FlowStatisticsOptions
  readonly #lags: PartitionLags
  readonly #openTransactions: OpenTransactions
  readonly #lanes: LaneFigures
  readonly #snapshots = new PartitionSnapshots()
  /** Partitions about which a lane or the source has reported since the last snapshots. */
  readonly #counted = new Set<FlowPartition>()
  /** Lanes that still have a row of a partition that another lane has. */
  #strays: { readonly of: string, readonly rows: ReadonlyArray<readonly [number, number]> } =
    { of: '', rows: [] }
  /** Undefined: lanes have reported figures since the last snapshots. */
  #snapshotsMs: number | undefined
  /** Partitions of slots that were handed over, until another process is known to own them. */
  readonly #departed = new Map<string, FlowPartition>()

  constructor (options: FlowStatisticsOptions) {
    this.#options = options
    const { clock, config: { settings, starts }, log, partitions, source } = options
    const lags = this.#lags = new PartitionLags({
      source,
      isolation: settings['isolation.level'],
      beginsAtStart: topic => starts.of(topic) === 'earliest',
      recreatedAs: partition => partitions.recreatedAs(partition),
      isRead: partition => partitions.isRead(partition),
      clock
    })
    this.#openTransactions = new OpenTransactions({ source, lags, log, clock })
    this.#lanes = new LaneFigures(options.lanes)
  }

  /** Asks every lane. A lane that does not answer keeps its last figures. */
  async collect (): Promise<void> {
    const { partitions } = this.#options
    const { table } = partitions
    const fresh = await this.#lanes.collect()
    this.#snapshotsMs = undefined
    const caughtUp: FlowPartition[] = []
    for (const { lane, row } of fresh) {
      const partition = table.byId(Number(row.id))
      if (partition?.lane !== lane) continue
      this.#lags.observe({ partition, row })
      this.#counted.add(partition)
      if (partition.state === 'retrying' &&
          isCaughtUpSince(row, partition.trouble?.retriedAtMs)) caughtUp.push(partition)
    }
    partitions.onCaughtUp(caughtUp)
  }

  /** Asks the source for the ends that lanes have not reported lately. */
  async refreshEnds (): Promise<void> {
    const { clock, othersOwn, partitions } = this.#options
    if (this.#departed.size > 0 && othersOwn()) this.#departed.clear()
    const due = [...this.#departed.values()]
    const nowMs = clock.now()
    for (const partition of partitions.table.values()) {
      // The ends of most of thousands of partitions have just been reported by their lanes.
      const isDue = partition.state !== 'assigned' ||
        mustAskForEnd(this.#endKnownMs(partition), nowMs)
      if (isDue && !isAtRest(partition)) due.push(partition)
    }
    if (this.#lags.size > partitions.table.size + this.#departed.size) {
      this.#lags.forgetOthers([...partitions.table.values(), ...this.#departed.values()])
    }
    this.#recount(await this.#lags.refresh(due))
  }

  /** Asks the source about producers, which may take long, so apart from its ends. */
  async lookAtOpenTransactions (): Promise<void> {
    await this.#openTransactions.look(this.#lags.withOpenTransactions())
  }

  /** Asks the source about the partitions that no lane reads. Call it each second. */
  async refreshResting (): Promise<void> {
    await this.#lags.refreshResting(this.#options.partitions.table.unsettled,
      changed => { this.#recount(changed) })
  }

  #recount (partitions: readonly FlowPartition[]): void {
    for (const partition of partitions) this.#counted.add(partition)
  }

  /** When the source last reported the end of the log, or that it is unchanged, epoch ms. */
  #endKnownMs (partition: FlowPartition): number | undefined {
    const { id, lane } = partition
    return this.#lanes.quietMs(lane, id) ?? this.#lags.endOf(partition)?.knownMs
  }

  /** The time after which the last reported end of the log is too old to be used, epoch ms. */
  #staleFrom (partition: FlowPartition): number {
    return (this.#endKnownMs(partition) ?? -Infinity) + endStaleMs
  }

  /**
   * Partitions leave the table. Partitions whose slot was assigned to another process keep their
   * lag here until that process owns the slot: the lag of the flow must not vanish in between.
   */
  async depart (partitions: readonly FlowPartition[], isHandedOver: boolean): Promise<void> {
    await this.collect()
    if (!isHandedOver) return
    for (const partition of partitions) {
      this.#departed.set(partitionKey(partition), { ...partition, lane: -1 })
    }
  }

  /** As the lane has reported them last; undefined: it has not yet. */
  countersOf (lane: number): LaneCounters | undefined {
    return this.#lanes.values().find(each => each.lane === lane)?.counters
  }

  /** Bytes of the partition that its present lane has had acknowledged. */
  bytesOf (partition: FlowPartition): number { return Number(this.#rowOf(partition)?.bytes ?? 0n) }

  /** Whether its lane holds batches that the target has not acknowledged. */
  hasQueued (partition: FlowPartition): boolean {
    return (this.#rowOf(partition)?.queuedBytes ?? 0n) > 0n
  }

  /** The records of these partitions that the target has not acknowledged, as far as is known. */
  unacknowledged (partitions: readonly FlowPartition[]): Unacknowledged {
    const lagOf = (partition: FlowPartition): number =>
      this.#lags.lagOf({ partition, row: this.#rowOf(partition) }).records ?? 0
    // A lane reports at once that it stops a partition, even if its cluster does not answer.
    const isHeard = ({ report }: FlowPartition): boolean => stopReports.has(report.state)
    const heard = partitions.filter(isHeard)
    const [first] = heard
    return {
      partitions: heard.map(nameOf),
      records: heard.reduce((sum, partition) => sum + lagOf(partition), 0),
      error: first === undefined || first.report.code === 0 ? undefined : faultOf(first.report),
      silent: partitions.filter(partition => !isHeard(partition)).map(nameOf)
    }
  }

  snapshot (state: FlowState): FlowSnapshot {
    const { config, partitions, problems } = this.#options
    return {
      ...FlowStatistics.empty(config, state),
      lanes: this.#lanes.values().map(figure => this.#laneSnapshot(figure)),
      partitions: this.#partitionSnapshots(),
      moved: this.#movedSnapshots(),
      topicProblems: partitions.topicProblems,
      loginRefusals: problems.loginRefusals,
      errorsByCode: problems.counts,
      retriedErrorsByCode: problems.retriedCounts,
      progressUnwrittenMs: partitions.progressUnwrittenMs,
      skipped: partitions.skipped,
      mirroredAgain: partitions.mirroredAgain
    }
  }

  static empty (config: FlowConfig, state: FlowState): FlowSnapshot {
    return {
      source: config.source.alias,
      target: config.target.alias,
      state,
      lanes: [],
      faultedPartitionsMax: config.settings['readiness.faulted.partitions.max'],
      topicProblems: [],
      partitions: [],
      moved: [],
      errorsByCode: new Map(),
      progressUnwrittenMs: undefined
    }
  }

  #rowOf ({ id, lane }: FlowPartition): PartitionCounters | undefined {
    return this.#lanes.rowOf(lane, id)
  }

  /** The same snapshots for a second, or until the next figures: there may be thousands. */
  #partitionSnapshots (): readonly PartitionSnapshot[] {
    const nowMs = this.#options.clock.monotonic()
    if (this.#snapshotsMs === undefined || nowMs - this.#snapshotsMs >= snapshotMs) {
      this.#snapshotsMs = nowMs
      const { table } = this.#options.partitions
      const departed = this.#stillDeparted()
      this.#snapshots.update({
        all: () => [...table.values(), ...departed],
        version: `${this.#version()} ${departed.length}`,
        changed: [...table.takeChanged(), ...this.#counted],
        create: partition =>
          this.#partitionSnapshot(partition, partition.lane, this.#rowOf(partition)),
        staleFrom: partition => this.#staleFrom(partition),
        nowMs: this.#options.clock.now()
      })
      this.#counted.clear()
    }
    return this.#snapshots.values
  }

  /** A new object whenever partitions, their lanes or their rows may have changed. */
  #version (): string { return `${this.#options.partitions.table.version} ${this.#lanes.version}` }

  #stillDeparted (): readonly FlowPartition[] {
    const { table } = this.#options.partitions
    for (const [key, partition] of this.#departed) {
      if (table.byName(partition) !== undefined) this.#departed.delete(key)
    }
    return [...this.#departed.values()]
  }

  /** The last figures of lanes that partitions were moved away from. */
  #movedSnapshots (): readonly PartitionSnapshot[] {
    const { table } = this.#options.partitions
    const of = this.#version()
    if (this.#strays.of !== of) {
      const rows = this.#lanes.values().flatMap(({ lane, rows }) => [...rows.keys()]
        .filter(id => (table.byId(id)?.lane ?? lane) !== lane)
        .map(id => [lane, id] as const))
      this.#strays = { of, rows }
    }
    return this.#strays.rows.flatMap(([lane, id]) => {
      const partition = table.byId(id)
      const row = this.#lanes.rowOf(lane, id)
      return partition === undefined ? [] : [this.#partitionSnapshot(partition, lane, row)]
    })
  }

  #laneSnapshot ({ counters, lane, stats }: LaneFigure): LaneSnapshot {
    return {
      lane,
      ...this.#options.lanes.stateOf(lane),
      inFlightBytes: Number(counters.heldBytes),
      inFlightPartBytes: Number(counters.partBytes),
      inFlightBytesMax: Number(counters.heldBytesMax),
      sourceConnections: Number(counters.sourceConnections),
      fetchRequests: counters.fetchRequests,
      produceRequests: counters.produceRequests,
      sourceThrottleMs: counters.sourceThrottleMs,
      targetThrottleMs: counters.targetThrottleMs,
      bandwidthWaitMs: counters.bandwidthWaitMs,
      fetchedBytes: counters.fetchResponseBytes,
      followerBytes: counters.followerBytes,
      fetchedTwiceBytes: counters.fetchedTwiceBytes,
      refusedSessions: counters.refusedSessions,
      evictions: counters.evictions,
      brokers: decodeBrokers(stats).map(brokerSnapshot),
      errorsByCode: countsByCode(stats.errors),
      latency: {
        upperBoundsMs: latencyUpperBoundsMs,
        counts: [...stats.latency],
        sumMs: stats.latencySumMs
      }
    }
  }

  #partitionSnapshot (
    partition: FlowPartition, lane: number, row: PartitionCounters | undefined
  ): PartitionSnapshot {
    const lag = this.#lags.lagOf({ partition, row }, this.#lanes.quietMs(lane, partition.id))
    const end = this.#lags.endOf(partition)
    const { clock, partitions } = this.#options
    const recreation = partition.pause === undefined ? undefined : partitions.recreation(partition)
    return partitionSnapshot({ partition, lane, row, lag, end, recreation }, clock.now())
  }
}

/** Whether the lane has seen nothing left to mirror since the retry of a faulted partition. */
function isCaughtUpSince (row: PartitionCounters, retriedAtMs: number | undefined): boolean {
  return retriedAtMs !== undefined && row.caughtUpAtMs >= retriedAtMs
}

/** The columns of a row are getters of its class, which spreading would leave out. */
function brokerSnapshot (row: BrokerCounters): BrokerSnapshot {
  return {
    isTarget: row.isTarget === 1n,
    broker: Number(row.node),
    requests: row.requests,
    failedRequests: row.failedRequests,
    answerMs: row.answerMs,
    sentBytes: row.sentBytes,
    receivedBytes: row.receivedBytes,
    throttleMs: row.throttleMs,
    connections: row.connections
  }
}

function countsByCode (rows: BigInt64Array): CountsByCode {
  const counts = new Map<number, bigint>()
  for (let row = 0; row < rows.length; row += 2) {
    counts.set(Number(rows[row]), rows[row + 1] ?? 0n)
  }
  return counts
}
