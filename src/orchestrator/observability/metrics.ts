// The metrics of this process as Prometheus text. Each scrape is written anew from the newest
// totals: a series whose partition, topic or flow is gone is gone with the next scrape, and all
// series of one scrape are of one moment.
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import { batchReasons } from '../../dataplane/contract/contract-table.ts'
import type { Clock } from '../time/clock.ts'
import type { BatchTotals, FlowTotals, TopicTotals } from './flow-ledger.ts'
import {
  metricTable, type MetricLabels, type MetricName, type MetricNameOf, type MetricRow
} from './metric-table.ts'
import { notReady, notReadyReasons } from './readiness.ts'
import { SnapshotHistogram } from './snapshot-histogram.ts'
import { flowStates, type Count, type LatencySnapshot, type PartitionSnapshot } from './snapshot.ts'

export interface MetricsOptions {
  /** The newest totals, usually FlowLedger.latest. */
  readonly flows: () => readonly FlowTotals[]
  readonly clock: Clock
  readonly version: string
  readonly librdkafkaVersion: string
  /** metrics.per.partition */
  readonly perPartition: boolean
  /** CPU, memory, event loop, garbage collection of this process; true unless told otherwise. */
  readonly processMetrics?: boolean
}

export interface Metrics {
  readonly contentType: string
  /** The exposition text of this moment. */
  render (): Promise<string>
}

export function createMetrics (options: MetricsOptions): Metrics {
  const registry = new Registry()
  const writer = new SeriesWriter(registry, options.perPartition)
  if (options.processMetrics ?? true) collectDefaultMetrics({ register: registry })
  return {
    contentType: registry.contentType,
    render () {
      // Written and read without an await between the two: scrapes that overlap do not mix.
      writer.clear()
      writeAll(writer, options)
      return registry.metrics()
    }
  }
}

/** Puts values in the registry by name; the compiler checks names and labels against the table. */
class SeriesWriter {
  readonly perPartition: boolean
  readonly #counters = new Map<string, Counter>()
  readonly #gauges = new Map<string, Gauge>()
  readonly #histograms = new Map<string, SnapshotHistogram>()

  constructor (registry: Registry, perPartition: boolean) {
    this.perPartition = perPartition
    const registers = [registry]
    for (const [name, row] of Object.entries<MetricRow>(metricTable)) {
      if (row.perPartition === true && !perPartition) continue
      const { buckets = [], help, labels, type } = row
      const shape = { name, help, labelNames: labels, registers }
      switch (type) {
        case 'counter': this.#counters.set(name, new Counter(shape)); break
        case 'gauge': this.#gauges.set(name, new Gauge(shape)); break
        case 'histogram':
          this.#histograms.set(name, new SnapshotHistogram({ ...shape, buckets }))
          break
      }
    }
  }

  clear (): void {
    for (const counter of this.#counters.values()) counter.reset()
    for (const gauge of this.#gauges.values()) gauge.reset()
    for (const histogram of this.#histograms.values()) histogram.clear()
  }

  counter<Name extends MetricNameOf<'counter'>> (
    name: Name, labels: MetricLabels<Name>, value: Count
  ): void {
    const total = Number(value)
    // prom-client throws on these, and one wrong figure must not cost the whole scrape.
    if (!Number.isFinite(total) || total < 0) return
    this.#counters.get(name)?.inc(labels, total)
  }

  /** No series at all for undefined: what is not known is not 0. */
  gauge<Name extends MetricNameOf<'gauge'>> (
    name: Name, labels: MetricLabels<Name>, value: Count | undefined
  ): void {
    if (value !== undefined) this.#gauges.get(name)?.set(labels, Number(value))
  }

  histogram<Name extends MetricNameOf<'histogram'>> (
    name: Name, labels: MetricLabels<Name>, latency: LatencySnapshot
  ): void {
    this.#histograms.get(name)?.setSeries(labels, latency)
  }
}

function writeAll (writer: SeriesWriter, options: MetricsOptions): void {
  const { clock, flows, librdkafkaVersion, version } = options
  writer.gauge('longhaul_build_info', { version, librdkafka: librdkafkaVersion }, 1)
  const nowMs = clock.now()
  for (const flow of flows()) {
    writeFlow(writer, flow, nowMs)
    for (const topic of flow.topics) writeTopic(writer, flow, topic, nowMs)
    for (const lane of flow.lanes) {
      const labels = { ...flowLabels(flow), lane: lane.lane }
      writer.gauge('longhaul_in_flight_bytes', labels, lane.inFlightBytes)
      writer.gauge('longhaul_in_flight_limit_bytes', labels, lane.inFlightBytesMax)
    }
  }
}

function writeFlow (writer: SeriesWriter, flow: FlowTotals, nowMs: number): void {
  const labels = flowLabels(flow)
  writer.histogram('longhaul_replication_latency_seconds', labels, flow.latency)
  writer.counter('longhaul_fetch_requests_total', labels, flow.fetchRequests)
  writer.counter('longhaul_produce_requests_total', labels, flow.produceRequests)
  writer.counter('longhaul_fetched_bytes_total', labels, flow.fetchedBytes)
  writer.counter('longhaul_evictions_total', labels, flow.evictions)
  writer.counter('longhaul_throttle_seconds_total',
    { ...labels, cluster: flow.source }, flow.sourceThrottleMs / 1000)
  writer.counter('longhaul_throttle_seconds_total',
    { ...labels, cluster: flow.target }, flow.targetThrottleMs / 1000)
  for (const [error, count] of flow.errorsByError) {
    writer.counter('longhaul_errors_total', { ...labels, error }, count)
  }
  for (const [error, count] of flow.retriedErrorsByError) {
    writer.counter('longhaul_retried_errors_total', { ...labels, error }, count)
  }
  for (const [state, count] of Object.entries(flow.partitionsByState)) {
    writer.gauge('longhaul_partitions', { ...labels, state }, count)
  }
  for (const [state, count] of Object.entries(flow.lanesByState)) {
    writer.gauge('longhaul_lanes', { ...labels, state }, count)
  }
  for (const state of flowStates) {
    writer.gauge('longhaul_flow_state', { ...labels, state }, state === flow.state ? 1 : 0)
  }
  const reasons = new Set(notReady(flow, nowMs).map(({ reason }) => reason))
  for (const reason of notReadyReasons) {
    writer.gauge('longhaul_flow_not_ready', { ...labels, reason }, reasons.has(reason) ? 1 : 0)
  }
  writer.gauge('longhaul_slots_owned', labels, flow.slots?.owned)
  for (const [topic, byReason] of flow.skipped) {
    for (const [reason, count] of byReason) {
      writer.counter('longhaul_records_skipped_total', { ...labels, topic, reason }, Number(count))
    }
  }
  for (const [topic, count] of flow.mirroredAgain) {
    writer.counter('longhaul_records_mirrored_again_total', { ...labels, topic }, Number(count))
  }
  writer.gauge('longhaul_progress_age_seconds', labels,
    flow.progressUnwrittenMs === undefined ? 0 : ageSeconds(nowMs, flow.progressUnwrittenMs))
}

function writeTopic (
  writer: SeriesWriter, flow: FlowTotals, topic: TopicTotals, nowMs: number
): void {
  const labels = { ...flowLabels(flow), topic: topic.topic }
  writer.counter('longhaul_records_forwarded_total', labels, topic.records)
  writer.counter('longhaul_batches_forwarded_total', labels, topic.batches)
  writer.counter('longhaul_bytes_forwarded_total', labels, topic.bytes)
  writer.counter('longhaul_batches_passed_through_total', labels, topic.batchesPassedThrough)
  writer.counter('longhaul_retries_total', labels, topic.retries)
  writer.counter('longhaul_records_resumed_total', labels, topic.recordsResumed)
  writer.counter('longhaul_records_doubled_total', labels, topic.recordsDoubled)
  writeReasons(writer, labels, topic)
  writer.gauge('longhaul_record_age_seconds', labels, ageSeconds(nowMs, topic.newestRecordMs))
  writer.gauge('longhaul_lag_records', labels, topic.lagRecords)
  writer.gauge('longhaul_lag_records_open_transaction', labels, topic.lagOpenTransactionRecords)
  writer.gauge('longhaul_lag_records_max', labels, topic.lagRecordsMax)
  writer.gauge('longhaul_lag_seconds_max', labels, topic.lagSecondsMax)
  if (!writer.perPartition) return
  for (const partition of topic.partitions) writePartition(writer, labels, partition)
}

/** Only reasons that occurred: most topics have none, and there are twenty a topic. */
function writeReasons (
  writer: SeriesWriter,
  labels: MetricLabels<'longhaul_records_forwarded_total'>,
  totals: BatchTotals
): void {
  batchReasons.forEach((reason, index) => {
    const reencoded = totals.reencodedByReason[index] ?? 0
    const dropped = totals.droppedByReason[index] ?? 0
    if (reencoded > 0) {
      writer.counter('longhaul_batches_reencoded_total', { ...labels, reason }, reencoded)
    }
    if (dropped > 0) {
      writer.counter('longhaul_batches_dropped_total', { ...labels, reason }, dropped)
    }
  })
}

function writePartition (
  writer: SeriesWriter,
  topicLabels: MetricLabels<'longhaul_records_forwarded_total'>,
  partition: PartitionSnapshot
): void {
  const { lane, state } = partition
  const labels = { ...topicLabels, partition: partition.partition }
  writer.counter('longhaul_partition_records_forwarded_total', labels, partition.records)
  writer.counter('longhaul_partition_bytes_forwarded_total', labels, partition.bytes)
  writer.gauge('longhaul_partition_lag_records', labels, partition.lagRecords)
  writer.gauge('longhaul_partition_lag_records_open_transaction', labels,
    partition.lagOpenTransactionRecords)
  writer.gauge('longhaul_partition_lag_seconds', labels, partition.lagSeconds)
  writer.gauge('longhaul_partition_upstream_offset', labels, partition.upstreamOffset)
  writer.gauge('longhaul_partition_high_watermark', labels, partition.highWatermark)
  writer.gauge('longhaul_partition_info',
    { ...labels, remote_topic: partition.remoteTopic, lane, state }, 1)
}

/** A clock that was set back, here or at the producer, must not show as a negative age. */
function ageSeconds (nowMs: number, sinceMs: number | undefined): number | undefined {
  return sinceMs === undefined ? undefined : Math.max(0, nowMs - sinceMs) / 1000
}

function flowLabels (
  { source, target }: FlowTotals
): MetricLabels<'longhaul_fetch_requests_total'> {
  return { source, target }
}

/** Names that a configuration of metrics.per.partition yields, for documents and tests. */
export function metricNames (perPartition: boolean): readonly MetricName[] {
  return Object.entries<MetricRow>(metricTable)
    .filter(([, row]) => perPartition || row.perPartition !== true)
    .map(([name]) => name as MetricName)
}
