// The metrics of this process as Prometheus text. Each scrape is rendered from the newest totals:
// the series of a deleted partition, topic or flow are absent from the next scrape, and all series
// of one scrape show the same moment.
import { collectDefaultMetrics, Registry } from 'prom-client'
import { batchReasons } from '../../dataplane/contract/contract-table.ts'
import type { CertificateEnd } from '../config/certificates.ts'
import type { Clock } from '../time/clock.ts'
import type { BrokerTotals } from './broker-totals.ts'
import type { FlowTotals } from './flow-ledger.ts'
import {
  metricTable, type MetricLabels, type MetricName, type MetricRow
} from './metric-table.ts'
import type { BatchTotals, TopicTotals } from './partition-totals.ts'
import type { MirrorMakerFigures } from './mirror-maker-figures.ts'
import { notReady, notReadyReasons } from './readiness.ts'
import { SeriesText } from './series-text.ts'
import {
  canaryResults, flowStates, type CanarySnapshot, type PartitionSnapshot
} from './snapshot.ts'

export interface MetricsOptions {
  /** The newest totals, usually FlowLedger.latest. */
  readonly flows: () => readonly FlowTotals[]
  readonly clock: Clock
  readonly version: string
  readonly librdkafkaVersion: string
  /** Of the configuration in use. */
  readonly certificates: () => readonly CertificateSeries[]
  /** metrics.per.partition */
  readonly perPartition: boolean
  /** With metrics.mirror.maker.names=true; the owner of this object passes the flows to it. */
  readonly mirrorMaker?: MirrorMakerFigures | undefined
  /** CPU, memory, event loop, garbage collection of this process; true by default. */
  readonly processMetrics?: boolean
}

export interface CertificateSeries extends CertificateEnd {
  /** The flow, and the cluster whose connections use the certificate. */
  readonly source: string
  readonly target: string
  readonly cluster: string
}

export interface Metrics {
  readonly contentType: string
  /** The exposition text at the time of the call. */
  render (): Promise<string>
}

// A timer measures the delay of the event loop. With prom-client's default it wakes an idle process
// a hundred times a second; the measured delay includes the timer's period.
const eventLoopPeriodMs = 100
let processRegistry: Registry | undefined

/**
 * prom-client never ends a measurement, a third of a megabyte each time: so only one is started.
 */
function registryOfProcess (): Registry {
  if (processRegistry === undefined) {
    processRegistry = new Registry()
    collectDefaultMetrics(
      { register: processRegistry, eventLoopMonitoringPrecision: eventLoopPeriodMs })
  }
  return processRegistry
}

export function createMetrics (options: MetricsOptions): Metrics {
  const ofProcess = options.processMetrics ?? true ? registryOfProcess() : new Registry()
  const names = metricNames(options.perPartition, options.mirrorMaker !== undefined)
  return {
    contentType: ofProcess.contentType,
    async render () {
      // Rendered without an await in between: all series show the same moment.
      const text = new SeriesText(names)
      writeAll(text, options)
      return `${text.render()}\n${await ofProcess.metrics()}`
    }
  }
}

function writeAll (text: SeriesText, options: MetricsOptions): void {
  const { certificates, clock, flows, librdkafkaVersion, version } = options
  text.gauge('longhaul_build_info', { version, librdkafka: librdkafkaVersion }, 1)
  for (const { endMs, ...labels } of certificates()) {
    text.gauge('longhaul_certificate_expiry_timestamp_seconds', labels, endMs / 1000)
  }
  const limits = flows().flatMap(({ lanes }) => lanes.map(lane => lane.inFlightBytesMax))
  if (limits.length > 0) text.gauge('longhaul_in_flight_limit_bytes', {}, Math.max(...limits))
  const nowMs = clock.now()
  options.mirrorMaker?.write(text, flows(), clock.monotonic())
  for (const flow of flows()) {
    writeFlow(text, flow, nowMs)
    for (const topic of flow.topics) writeTopic(text, flow, topic, nowMs, options.perPartition)
    for (const lane of flow.lanes) {
      const labels = { ...flowLabels(flow), lane: lane.lane }
      text.gauge('longhaul_in_flight_bytes', labels, lane.inFlightBytes)
      text.gauge('longhaul_in_flight_part_bytes', labels, lane.inFlightPartBytes)
      text.gauge('longhaul_source_connections', labels, lane.sourceConnections)
    }
  }
}

function writeFlow (text: SeriesText, flow: FlowTotals, nowMs: number): void {
  const labels = flowLabels(flow)
  text.histogram('longhaul_replication_latency_seconds', labels, flow.latency)
  text.counter('longhaul_fetch_requests_total', labels, flow.fetchRequests)
  text.counter('longhaul_produce_requests_total', labels, flow.produceRequests)
  text.counter('longhaul_fetched_bytes_total', labels, flow.fetchedBytes)
  text.counter('longhaul_follower_bytes_total', labels, flow.followerBytes)
  text.counter('longhaul_fetched_twice_bytes_total', labels, flow.fetchedTwiceBytes)
  text.counter('longhaul_fetch_sessions_refused_total', labels, flow.refusedSessions)
  text.counter('longhaul_evictions_total', labels, flow.evictions)
  text.counter('longhaul_throttle_seconds_total',
    { ...labels, cluster: flow.source }, flow.sourceThrottleMs / 1000)
  text.counter('longhaul_throttle_seconds_total',
    { ...labels, cluster: flow.target }, flow.targetThrottleMs / 1000)
  text.gauge('longhaul_bandwidth_max_bytes', labels, flow.throttle?.bytesPerSecond ?? 0)
  text.counter('longhaul_bandwidth_wait_seconds_total', labels, flow.bandwidthWaitMs / 1000)
  for (const [error, count] of flow.errorsByError) {
    text.counter('longhaul_errors_total', { ...labels, error }, count)
  }
  for (const broker of flow.brokers) writeBroker(text, labels, broker)
  for (const [error, count] of flow.retriedErrorsByError) {
    text.counter('longhaul_retried_errors_total', { ...labels, error }, count)
  }
  for (const [state, count] of Object.entries(flow.partitionsByState)) {
    text.gauge('longhaul_partitions', { ...labels, state }, count)
  }
  for (const [state, count] of Object.entries(flow.lanesByState)) {
    text.gauge('longhaul_lanes', { ...labels, state }, count)
  }
  for (const state of flowStates) {
    text.gauge('longhaul_flow_state', { ...labels, state }, state === flow.state ? 1 : 0)
  }
  const reasons = new Set(notReady(flow, nowMs).map(({ reason }) => reason))
  for (const reason of notReadyReasons) {
    text.gauge('longhaul_flow_not_ready', { ...labels, reason }, reasons.has(reason) ? 1 : 0)
  }
  text.gauge('longhaul_slots_owned', labels, flow.slots?.owned)
  for (const [topic, byReason] of flow.skipped) {
    for (const [reason, count] of byReason) {
      text.counter('longhaul_records_skipped_total', { ...labels, topic, reason }, Number(count))
    }
  }
  for (const [topic, count] of flow.mirroredAgain) {
    text.counter('longhaul_records_mirrored_again_total', { ...labels, topic }, Number(count))
  }
  text.gauge('longhaul_members_differing', labels, flow.differingMembers?.length)
  for (const [kind, count] of Object.entries(flow.orders)) {
    text.gauge('longhaul_orders', { ...labels, kind }, count)
  }
  const { isExactlyOnce } = flow
  text.gauge('longhaul_flow_exactly_once', labels,
    isExactlyOnce === undefined ? undefined : Number(isExactlyOnce))
  for (const [duty, succeededMs] of flow.dutySuccesses) {
    text.gauge('longhaul_duty_last_success_timestamp_seconds',
      { ...labels, duty }, succeededMs / 1000)
  }
  if (flow.canary !== undefined) writeCanary(text, labels, flow.canary)
  text.gauge('longhaul_progress_age_seconds', labels,
    flow.progressUnwrittenMs === undefined ? 0 : ageSeconds(nowMs, flow.progressUnwrittenMs))
}

function writeBroker (
  text: SeriesText, flow: MetricLabels<'longhaul_fetch_requests_total'>,
  { broker, cluster, ...figures }: BrokerTotals
): void {
  const labels = { ...flow, cluster, broker }
  text.counter('longhaul_broker_requests_total', labels, figures.requests)
  text.counter('longhaul_broker_failed_requests_total', labels, figures.failedRequests)
  text.counter('longhaul_broker_answer_seconds_total', labels, figures.answerMs / 1000)
  text.counter('longhaul_broker_sent_bytes_total', labels, figures.sentBytes)
  text.counter('longhaul_broker_received_bytes_total', labels, figures.receivedBytes)
  text.counter('longhaul_broker_throttle_seconds_total', labels, figures.throttleMs / 1000)
  text.counter('longhaul_broker_connections_total', labels, figures.connections)
}

function writeCanary (
  text: SeriesText, labels: MetricLabels<'longhaul_canary_latency_seconds'>, canary: CanarySnapshot
): void {
  for (const result of canaryResults) {
    text.counter('longhaul_canary_records_total', { ...labels, result }, canary.counts[result])
  }
  text.histogram('longhaul_canary_latency_seconds', labels, canary.latency)
  const { lastArrivalMs, outstandingMs } = canary
  text.gauge('longhaul_canary_last_arrival_timestamp_seconds', labels,
    lastArrivalMs === undefined ? undefined : lastArrivalMs / 1000)
  text.gauge('longhaul_canary_outstanding_seconds', labels,
    outstandingMs === undefined ? undefined : outstandingMs / 1000)
}

function writeTopic (
  text: SeriesText, flow: FlowTotals, topic: TopicTotals, nowMs: number, perPartition: boolean
): void {
  const labels = { ...flowLabels(flow), topic: topic.topic }
  text.counter('longhaul_records_forwarded_total', labels, topic.records)
  text.counter('longhaul_batches_forwarded_total', labels, topic.batches)
  text.counter('longhaul_bytes_forwarded_total', labels, topic.bytes)
  text.counter('longhaul_batches_passed_through_total', labels, topic.batchesPassedThrough)
  text.counter('longhaul_retries_total', labels, topic.retries)
  text.counter('longhaul_records_resumed_total', labels, topic.recordsResumed)
  text.counter('longhaul_records_doubled_total', labels, topic.recordsDoubled)
  if (topic.recordsLooped > 0) {
    text.counter('longhaul_records_looped_total', labels, topic.recordsLooped)
  }
  writeReasons(text, labels, topic)
  text.gauge('longhaul_record_age_seconds', labels, ageSeconds(nowMs, topic.newestRecordMs))
  text.gauge('longhaul_lag_records', labels, topic.lagRecords)
  text.gauge('longhaul_lag_records_open_transaction', labels, topic.lagOpenTransactionRecords)
  text.gauge('longhaul_lag_records_max', labels, topic.lagRecordsMax)
  text.gauge('longhaul_lag_seconds_max', labels, topic.lagSecondsMax)
  if (!perPartition) return
  for (const partition of topic.partitions) writePartition(text, labels, partition)
}

/** Only reasons that occurred: most topics have none of the twenty reasons. */
function writeReasons (
  text: SeriesText,
  labels: MetricLabels<'longhaul_records_forwarded_total'>,
  totals: BatchTotals
): void {
  batchReasons.forEach((reason, index) => {
    const reencoded = totals.reencodedByReason[index] ?? 0
    const dropped = totals.droppedByReason[index] ?? 0
    if (reencoded > 0) {
      text.counter('longhaul_batches_reencoded_total', { ...labels, reason }, reencoded)
    }
    if (dropped > 0) {
      text.counter('longhaul_batches_dropped_total', { ...labels, reason }, dropped)
    }
  })
}

function writePartition (
  text: SeriesText,
  topicLabels: MetricLabels<'longhaul_records_forwarded_total'>,
  partition: PartitionSnapshot
): void {
  const { lane, state } = partition
  const labels = { ...topicLabels, partition: partition.partition }
  text.counter('longhaul_partition_records_forwarded_total', labels, partition.records)
  text.counter('longhaul_partition_bytes_forwarded_total', labels, partition.bytes)
  text.gauge('longhaul_partition_lag_records', labels, partition.lagRecords)
  text.gauge('longhaul_partition_lag_records_open_transaction', labels,
    partition.lagOpenTransactionRecords)
  text.gauge('longhaul_partition_lag_seconds', labels, partition.lagSeconds)
  text.gauge('longhaul_partition_upstream_offset', labels, partition.upstreamOffset)
  text.gauge('longhaul_partition_high_watermark', labels, partition.highWatermark)
  text.gauge('longhaul_partition_info',
    { ...labels, remote_topic: partition.remoteTopic, lane: lane < 0 ? '' : lane, state }, 1)
}

/** After the clock of this host or of the producer was set back, no age may be negative. */
function ageSeconds (nowMs: number, sinceMs: number | undefined): number | undefined {
  return sinceMs === undefined ? undefined : Math.max(0, nowMs - sinceMs) / 1000
}

function flowLabels (
  { source, target }: FlowTotals
): MetricLabels<'longhaul_fetch_requests_total'> {
  return { source, target }
}

/** The metric names of a configuration, for documents and tests. */
export function metricNames (perPartition: boolean, ofMirrorMaker: boolean): readonly MetricName[] {
  return Object.entries<MetricRow>(metricTable)
    .filter(([, row]) => perPartition || row.perPartition !== true)
    .filter(([, row]) => ofMirrorMaker || row.ofMirrorMaker !== true)
    .map(([name]) => name as MetricName)
}
