// THE metric table: every metric of Longhaul's own. Registration, the types of the labels and
// METRICS.md come from it; a test says when a row is never filled or a series has no row.
//
// Names follow Prometheus: base units (seconds, bytes), `_total` for what only grows. `source` and
// `target` are cluster aliases, `topic` is the name on the source.
import { mirrorMakerMetricTable } from './mirror-maker-metric-table.ts'

export type MetricType = 'counter' | 'gauge' | 'histogram'

export interface MetricRow {
  readonly type: MetricType
  readonly help: string
  readonly labels: readonly string[]
  /** A series a partition: only with metrics.per.partition=true. */
  readonly perPartition?: boolean
  /** A figure under the name of MirrorMaker 2's: only with metrics.mirror.maker.names=true. */
  readonly ofMirrorMaker?: boolean
  /** Upper bounds of a histogram, in the unit of its name. */
  readonly buckets?: readonly number[]
}

const flow = ['source', 'target'] as const
const topic = [...flow, 'topic'] as const
const partition = [...topic, 'partition'] as const

/** Powers of two in milliseconds, so that they are bounds of latency.ts too. */
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
    help: 'Bytes of the record batches acknowledged by the target cluster, compressed as they are.'
  },
  longhaul_batches_passed_through_total: {
    type: 'counter',
    labels: topic,
    help: 'Acknowledged record batches whose payload bytes were forwarded unread.'
  },
  longhaul_batches_reencoded_total: {
    type: 'counter',
    labels: [...topic, 'reason'],
    help: 'Record batches decoded and encoded again, because they could not pass as they are.'
  },
  longhaul_batches_dropped_total: {
    type: 'counter',
    labels: [...topic, 'reason'],
    help: 'Record batches left out on purpose: control, aborted, empty, looped or stale ones.'
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
    help: 'Of longhaul_lag_records, those behind an open transaction on the source: they are ' +
      'mirrored when it ends.'
  },
  longhaul_lag_records_max: {
    type: 'gauge',
    labels: topic,
    help: 'The same of the partition that is furthest behind.'
  },
  longhaul_lag_seconds_max: {
    type: 'gauge',
    labels: topic,
    help: 'Age of the oldest batch that the target has not acknowledged, by its header, of the ' +
      'partition furthest behind. Where the header is not known or lies in the future: time ' +
      'since the end of the log was first seen beyond what the target has. Where the source has ' +
      'not reported that end for 15 s: at least the time since it did.'
  },
  longhaul_record_age_seconds: {
    type: 'gauge',
    labels: topic,
    help: 'Time since the timestamp of the newest record acknowledged by the target; absent if ' +
      'it lies in the future.'
  },
  longhaul_records_resumed_total: {
    type: 'counter',
    labels: topic,
    help: 'Records that a resume found on the target and so skipped on the source.'
  },
  longhaul_records_doubled_total: {
    type: 'counter',
    labels: topic,
    help: 'Records that may be on the target twice: a resume could not match source and target.'
  },
  longhaul_records_skipped_total: {
    type: 'counter',
    labels: [...topic, 'reason'],
    help: 'Records left out by data.loss, topic.recreated, record.too.large, record.refused or ' +
      'corrupt.batch=skip, by an operator, or because auto.offset.reset begins behind them, at ' +
      'most. 0 with a reason: records were left out, and their number is not known.'
  },
  longhaul_records_mirrored_again_total: {
    type: 'counter',
    labels: topic,
    help: 'Records that the target lost after it had acknowledged them (unclean election), at ' +
      'most; they are mirrored again.'
  },
  longhaul_retries_total: {
    type: 'counter',
    labels: topic,
    help: 'Times that batches without an acknowledgement were sent again.'
  },
  longhaul_replication_latency_seconds: {
    type: 'histogram',
    labels: flow,
    buckets: powersOfTwoMs(0, 20),
    help: 'Time from the timestamp of a record to its acknowledgement by the target, one ' +
      'observation a record.'
  },
  longhaul_in_flight_bytes: {
    type: 'gauge',
    labels: [...flow, 'lane'],
    help: 'Bytes fetched and not yet acknowledged.'
  },
  longhaul_in_flight_limit_bytes: {
    type: 'gauge',
    labels: [...flow, 'lane'],
    help: 'What longhaul_in_flight_bytes may reach; at the limit the lane stops fetching.'
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
    help: 'Bytes of Fetch responses; more than was forwarded if batches were dropped or came twice.'
  },
  longhaul_follower_bytes_total: {
    type: 'counter',
    labels: flow,
    help: 'Bytes of records that were fetched from followers in the rack of client.rack.'
  },
  longhaul_evictions_total: {
    type: 'counter',
    labels: flow,
    help: 'Partitions whose queue was dropped, to be fetched again, because memory was short.'
  },
  longhaul_throttle_seconds_total: {
    type: 'counter',
    labels: [...flow, 'cluster'],
    help: 'Time for which a cluster asked to wait (quota), as lane seconds.'
  },
  longhaul_errors_total: {
    type: 'counter',
    labels: [...flow, 'error'],
    help: 'Errors by name that stopped a partition, or that the flow itself met; OTHER for ' +
      'codes that Longhaul does not know.'
  },
  longhaul_retried_errors_total: {
    type: 'counter',
    labels: [...flow, 'error'],
    help: 'Errors by name after which lanes tried again. Most heal by themselves: leaders move, ' +
      'new topics are not known everywhere at once.'
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
    help: '1 for the state that the flow is in, 0 for the others.'
  },
  longhaul_flow_not_ready: {
    type: 'gauge',
    labels: [...flow, 'reason'],
    help: '1 for each reason for which /readyz answers 503: the state of the flow, a cluster ' +
      'that does not answer, slots that nobody owns, faulted partitions, a flow or partitions ' +
      'that stand still, progress that cannot be written; 0 for the others.'
  },
  longhaul_slots_owned: {
    type: 'gauge',
    labels: flow,
    help: 'Task slots that this process owns. Summed over the processes of a flow it is task.slots.'
  },
  longhaul_members_differing: {
    type: 'gauge',
    labels: flow,
    help: 'Live processes of the flow whose settings differ from those of this one. Alert when ' +
      'it stays above 0 for longer than a rolling restart: with other topics, partitions may be ' +
      'mirrored by no process. MEMBERS_DIFFER in the log names the settings.'
  },
  longhaul_certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    labels: [...flow, 'cluster', 'of'],
    help: 'When a certificate of the configuration ends, in seconds since 1970: the one that the ' +
      'client shows (of="client"), and of the authorities that it trusts the first to end ' +
      '(of="authority"). Public authorities and the certificates of brokers are not in it.'
  },
  longhaul_duty_last_success_timestamp_seconds: {
    type: 'gauge',
    labels: [...flow, 'duty'],
    help: 'When a duty that this process does for the slots that it owns succeeded last, in ' +
      'seconds since 1970, in the slot where that is the longest ago.'
  },
  longhaul_progress_age_seconds: {
    type: 'gauge',
    labels: flow,
    help: 'For how long acknowledged progress has not been written to the target; 0 while all ' +
      'of it is written.'
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
    help: 'Of longhaul_partition_lag_records, those behind an open transaction on the source.'
  },
  longhaul_partition_lag_seconds: {
    type: 'gauge',
    labels: partition,
    perPartition: true,
    help: 'As longhaul_lag_seconds_max, of one partition.'
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
    help: 'Always 1: where the partition goes, which lane has it (empty: none), its state.'
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

/** Exactly the labels of the row, no more and no fewer. */
export type MetricLabels<Name extends MetricName> = Readonly<
  Record<(typeof metricTable)[Name]['labels'][number], string | number>
>
