// THE metric table: every metric that Longhaul defines. Registration, the types of the labels and
// METRICS.md derive from it; a test fails if a row is never set or a series has no row.
//
// Names follow Prometheus: base units (seconds, bytes), `_total` for counters. `source` and
// `target` are cluster aliases, `topic` is the name on the source.
import { brokerMetricTable } from './broker-metric-table.ts'
import { mirrorMakerMetricTable } from './mirror-maker-metric-table.ts'

export type MetricType = 'counter' | 'gauge' | 'histogram'

export interface MetricRow {
  readonly type: MetricType
  readonly help: string
  readonly labels: readonly string[]
  /** One series for each partition: only with metrics.per.partition=true. */
  readonly perPartition?: boolean
  /** Has the name of a MirrorMaker 2 metric: only with metrics.mirror.maker.names=true. */
  readonly ofMirrorMaker?: boolean
  /** Upper bounds of a histogram, in the unit of its name. */
  readonly buckets?: readonly number[]
}

const flow = ['source', 'target'] as const
const topic = [...flow, 'topic'] as const
const partition = [...topic, 'partition'] as const

/** Powers of two in milliseconds, so that they are also bounds of latency.ts. */
function powersOfTwoMs (first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => 2 ** (first + index) / 1000)
}

export const metricTable = {
  ...mirrorMakerMetricTable,
  longhaul_records_forwarded_total: {
    type: 'counter',
    labels: topic,
    help: 'Records acknowledged by the target cluster.'
  },
  longhaul_batches_forwarded_total: {
    type: 'counter',
    labels: topic,
    help: 'Record batches acknowledged by the target cluster.'
  },
  longhaul_bytes_forwarded_total: {
    type: 'counter',
    labels: topic,
    help: 'Bytes of the record batches acknowledged by the target cluster, as compressed.'
  },
  longhaul_batches_passed_through_total: {
    type: 'counter',
    labels: topic,
    help: 'Acknowledged record batches whose payload bytes were forwarded unread.'
  },
  longhaul_batches_reencoded_total: {
    type: 'counter',
    labels: [...topic, 'reason'],
    help: 'Record batches that were re-encoded, because the target would not accept them ' +
      'unchanged, or because they were merged from several (batching).'
  },
  longhaul_batches_dropped_total: {
    type: 'counter',
    labels: [...topic, 'reason'],
    help: 'Record batches left out on purpose: control, aborted, empty, looped or stale batches.'
  },
  longhaul_lag_records: {
    type: 'gauge',
    labels: topic,
    help: 'Records on the source, up to the high watermark, that the target has not ' +
      'acknowledged; all partitions of the topic.'
  },
  longhaul_lag_records_open_transaction: {
    type: 'gauge',
    labels: topic,
    help: 'The part of longhaul_lag_records that is after the start of an open transaction on ' +
      'the source: these records are mirrored when the transaction ends.'
  },
  longhaul_lag_records_max: {
    type: 'gauge',
    labels: topic,
    help: 'longhaul_lag_records of the partition that is furthest behind.'
  },
  longhaul_lag_seconds_max: {
    type: 'gauge',
    labels: topic,
    help: 'Age of the oldest batch that the target has not acknowledged, by its header, in the ' +
      'partition that is furthest behind. If the header is not known or is in the future: time ' +
      'since the end of the log was first seen beyond the records on the target. For a partition ' +
      'that no lane reads (paused, faulted), whichever is longer: that time, or the age of the ' +
      'first missing record that the time index of the source names. If the source has not ' +
      'reported the end for 15 s: at least the time since its last report.'
  },
  longhaul_record_age_seconds: {
    type: 'gauge',
    labels: topic,
    help: 'Time since the timestamp of the newest record acknowledged by the target; absent if ' +
      'the timestamp is in the future.'
  },
  longhaul_records_resumed_total: {
    type: 'counter',
    labels: topic,
    help: 'Records that a resume found on the target and therefore skipped on the source.'
  },
  longhaul_records_doubled_total: {
    type: 'counter',
    labels: topic,
    help: 'Records that may be on the target twice: a resume could not match source and target.'
  },
  longhaul_records_looped_total: {
    type: 'counter',
    labels: topic,
    help: 'Records left out because an inbound flow mirrored them from the target to the source ' +
      '(same.names.both.ways); absent before the first. Records that are read again after a ' +
      'restart are counted again.'
  },
  longhaul_records_skipped_total: {
    type: 'counter',
    labels: [...topic, 'reason'],
    help: 'Records left out, at most: by data.loss, topic.recreated, record.too.large, ' +
      'record.refused or corrupt.batch=skip, by an operator, or because auto.offset.reset begins ' +
      'after them. 0 with a reason: records were left out, but their number is not known.'
  },
  longhaul_records_mirrored_again_total: {
    type: 'counter',
    labels: topic,
    help: 'Records, at most, that the target lost after it had acknowledged them (unclean ' +
      'election); they are mirrored again.'
  },
  longhaul_retries_total: {
    type: 'counter',
    labels: topic,
    help: 'How often batches without an acknowledgement were sent again.'
  },
  longhaul_replication_latency_seconds: {
    type: 'histogram',
    labels: flow,
    buckets: powersOfTwoMs(0, 20),
    help: 'Time from the timestamp of a record to its acknowledgement by the target, with one ' +
      'observation for each record.'
  },
  longhaul_in_flight_bytes: {
    type: 'gauge',
    labels: [...flow, 'lane'],
    help: 'Bytes fetched and not yet acknowledged.'
  },
  longhaul_in_flight_part_bytes: {
    type: 'gauge',
    labels: [...flow, 'lane'],
    help: 'The part of longhaul_in_flight_limit_bytes that the lane has now: at seven eighths of ' +
      'it, the lane stops fetching.'
  },
  longhaul_in_flight_limit_bytes: {
    type: 'gauge',
    labels: [],
    help: 'The limit of longhaul_in_flight_bytes of all lanes together: in.flight.bytes.max, or ' +
      'what the process has raised it to.'
  },
  longhaul_source_connections: {
    type: 'gauge',
    labels: [...flow, 'lane'],
    help: 'Connections over which the lane fetches, to all source brokers; ' +
      'connections.per.broker.max limits those to one broker.'
  },
  longhaul_fetch_requests_total: {
    type: 'counter',
    labels: flow,
    help: 'Fetch requests sent to the source cluster.'
  },
  longhaul_produce_requests_total: {
    type: 'counter',
    labels: flow,
    help: 'Produce requests sent to the target cluster.'
  },
  longhaul_fetched_bytes_total: {
    type: 'counter',
    labels: flow,
    help: 'Bytes of Fetch responses; more than the forwarded bytes if batches were fetched again.'
  },
  longhaul_follower_bytes_total: {
    type: 'counter',
    labels: flow,
    help: 'Bytes of records that were fetched from followers in the rack of client.rack.'
  },
  longhaul_fetched_twice_bytes_total: {
    type: 'counter',
    labels: flow,
    help: 'Bytes of batches that were fetched ahead of their partition over another connection, ' +
      'and dropped: they had been fetched already, or are fetched again.'
  },
  longhaul_fetch_sessions_refused_total: {
    type: 'counter',
    labels: flow,
    help: 'How often a source broker opened no Fetch session, because its cache of sessions is ' +
      'full (max.incremental.fetch.session.cache.slots). Each Fetch of the lane to this broker ' +
      'then names all partitions, which costs bytes and CPU time; a minute later the lane ' +
      'requests a session again. Sessions that a broker has evicted are retried errors ' +
      '(FETCH_SESSION_ID_NOT_FOUND).'
  },
  longhaul_evictions_total: {
    type: 'counter',
    labels: flow,
    help: 'Partitions whose queue was dropped to free memory; the batches are fetched again.'
  },
  longhaul_throttle_seconds_total: {
    type: 'counter',
    labels: [...flow, 'cluster'],
    help: 'Time for which a cluster asked lanes to wait (quota), summed over the lanes.'
  },
  ...brokerMetricTable,
  longhaul_bandwidth_max_bytes: {
    type: 'gauge',
    labels: [...flow],
    help: 'Bytes a second that all processes of the flow together may fetch, by order of an ' +
      'operator or by bandwidth.max; 0: no limit.'
  },
  longhaul_bandwidth_wait_seconds_total: {
    type: 'counter',
    labels: [...flow],
    help: 'Time for which Fetches have waited for the limit of the bandwidth, of all lanes.'
  },
  longhaul_errors_total: {
    type: 'counter',
    labels: [...flow, 'error'],
    help: 'Errors by name that stopped a partition, or that occurred in the flow itself; OTHER ' +
      'for codes that Longhaul does not know.'
  },
  longhaul_retried_errors_total: {
    type: 'counter',
    labels: [...flow, 'error'],
    help: 'Errors by name after which lanes or the flow itself retried. Most need no action: ' +
      'leaders move, brokers learn of new topics one after the other, and an ' +
      'unreachable cluster can be reached again.'
  },
  longhaul_partitions: {
    type: 'gauge',
    labels: [...flow, 'state'],
    help: 'Partitions of this process by state.'
  },
  longhaul_lanes: {
    type: 'gauge',
    labels: [...flow, 'state'],
    help: 'Lanes of this process by state.'
  },
  longhaul_flow_state: {
    type: 'gauge',
    labels: [...flow, 'state'],
    help: '1 for the current state of the flow, 0 for the others.'
  },
  longhaul_flow_exactly_once: {
    type: 'gauge',
    labels: flow,
    help: '0 if the target has no idempotent producers, so that records are mirrored at least ' +
      'once; otherwise 1.'
  },
  longhaul_flow_not_ready: {
    type: 'gauge',
    labels: [...flow, 'reason'],
    help: '1 for each reason for which /readyz answers 503: the state of the flow, a cluster ' +
      'that does not answer, slots that no process owns, faulted partitions, a flow or ' +
      'partitions that are stalled, progress that cannot be written; 0 for the others.'
  },
  longhaul_slots_owned: {
    type: 'gauge',
    labels: flow,
    help: 'Task slots that this process owns. The sum over the processes of a flow is task.slots.'
  },
  longhaul_members_differing: {
    type: 'gauge',
    labels: flow,
    help: 'Live processes of the flow whose settings differ from those of this one. Alert when ' +
      'it stays above 0 for longer than a rolling restart: with other topics, partitions may be ' +
      'mirrored by no process. MEMBERS_DIFFER in the log names the settings.'
  },
  longhaul_orders: {
    type: 'gauge',
    labels: [...flow, 'kind'],
    help: 'Orders of operators that are in force for all processes of the flow: pause, skip (not ' +
      'carried out yet), throttle, share, log-level. A pause that nobody ended shows here.'
  },
  longhaul_certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    labels: [...flow, 'cluster', 'of'],
    help: 'When a certificate of the configuration expires, in seconds since 1970: the ' +
      'certificate of the client (of="client"), and among the trusted authorities the first to ' +
      'expire (of="authority"). Excludes public authorities and certificates of brokers.'
  },
  longhaul_duty_last_success_timestamp_seconds: {
    type: 'gauge',
    labels: [...flow, 'duty'],
    help: 'When a duty of this process for its slots last succeeded, in seconds since 1970; the ' +
      'oldest time among its slots.'
  },
  longhaul_canary_records_total: {
    type: 'counter',
    labels: [...flow, 'result'],
    help: 'Records of the canary (canary.enabled=true): written on the source, arrived on the ' +
      'target, lost (a later one arrived), doubled, late (longer than canary.late.ms).'
  },
  longhaul_canary_latency_seconds: {
    type: 'histogram',
    labels: flow,
    buckets: powersOfTwoMs(3, 20),
    help: 'Time from the write of a canary record on the source to its sight on the target, ' +
      'where it is looked for with growing waits: up to half a second too long.'
  },
  longhaul_canary_last_arrival_timestamp_seconds: {
    type: 'gauge',
    labels: flow,
    help: 'When this process last saw a new canary record on the target, in seconds since 1970.'
  },
  longhaul_canary_outstanding_seconds: {
    type: 'gauge',
    labels: flow,
    help: 'Age of the oldest canary record that has not arrived, without pauses; 0 if all have ' +
      'arrived. Only of the process that has the canary.'
  },
  longhaul_progress_age_seconds: {
    type: 'gauge',
    labels: flow,
    help: 'How long acknowledged progress has not been written to the target; 0 if all progress ' +
      'is written.'
  },
  longhaul_partition_records_forwarded_total: {
    type: 'counter',
    labels: partition,
    perPartition: true,
    help: 'Records of the partition acknowledged by the target since it was assigned to its lane.'
  },
  longhaul_partition_bytes_forwarded_total: {
    type: 'counter',
    labels: partition,
    perPartition: true,
    help: 'Bytes of the partition acknowledged by the target since it was assigned to its lane.'
  },
  longhaul_partition_lag_records: {
    type: 'gauge',
    labels: partition,
    perPartition: true,
    help: 'Records on the source, up to the high watermark, that the target has not acknowledged.'
  },
  longhaul_partition_lag_records_open_transaction: {
    type: 'gauge',
    labels: partition,
    perPartition: true,
    help: 'The part of longhaul_partition_lag_records after the start of an open transaction.'
  },
  longhaul_partition_lag_seconds: {
    type: 'gauge',
    labels: partition,
    perPartition: true,
    help: 'Like longhaul_lag_seconds_max, for one partition.'
  },
  longhaul_partition_upstream_offset: {
    type: 'gauge',
    labels: partition,
    perPartition: true,
    help: 'The next source offset that the target has not acknowledged.'
  },
  longhaul_partition_high_watermark: {
    type: 'gauge',
    labels: partition,
    perPartition: true,
    help: 'High watermark of the source partition.'
  },
  longhaul_partition_info: {
    type: 'gauge',
    labels: [...partition, 'remote_topic', 'lane', 'state'],
    perPartition: true,
    help: 'Always 1: the remote topic, the lane (empty: none) and the state of the partition.'
  },
  longhaul_build_info: {
    type: 'gauge',
    labels: ['version', 'librdkafka'],
    help: 'Always 1: the version of Longhaul and of its librdkafka.'
  }
} as const satisfies Record<string, MetricRow>

export type MetricName = keyof typeof metricTable

export type MetricNameOf<Type extends MetricType> = {
  [Name in MetricName]: (typeof metricTable)[Name]['type'] extends Type ? Name : never
}[MetricName]

/** Exactly the labels of the row. */
export type MetricLabels<Name extends MetricName> = Readonly<
  Record<(typeof metricTable)[Name]['labels'][number], string | number>
>
