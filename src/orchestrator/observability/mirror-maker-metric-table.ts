// The rows of the metric table that repeat figures under the names of MirrorMaker 2's JMX metrics,
// with the names and labels of Strimzi's rules for Prometheus. Names, labels and units are those of
// MirrorMaker 2, so that dashboards need no change; the rule that units are seconds does not apply.
import type { MetricRow } from './metric-table.ts'

const partition = ['source', 'target', 'topic', 'partition'] as const
const group = ['source', 'target', 'group', 'topic', 'partition'] as const

function gauge<Labels extends readonly string[]> (labels: Labels, help: string) {
  return { type: 'gauge', labels, help, ofMirrorMaker: true } as const
}

const age = 'Time from the timestamp of a record to its acknowledgement by the target, as ' +
  'kafka_connect_mirror_mirrorsourceconnector_replication_latency_ms: MirrorMaker 2 measures the ' +
  'age when it has fetched the record'
const latency = 'Time from the timestamp of a record to its acknowledgement by the target'
const checkpoint = 'Time from the reading of a committed offset to the acknowledgement of its ' +
  'checkpoint'
const ofLast = '; of the last second in which there was one.'
const least = '; of the second of the last minute in which it was least.'
const most = '; of the second of the last minute in which it was most.'
const average = '; average of the last minute.'

export const mirrorMakerMetricTable = {
  kafka_connect_mirror_mirrorsourceconnector_record_count:
    gauge(partition, 'Records acknowledged by the target since the process has the partition.'),
  kafka_connect_mirror_mirrorsourceconnector_record_rate:
    gauge(partition, 'Records a second acknowledged by the target in the last minute.'),
  kafka_connect_mirror_mirrorsourceconnector_byte_count: gauge(partition, 'Bytes of the record ' +
    'batches acknowledged by the target, compressed as they are, since the process has the ' +
    'partition. MirrorMaker 2 counts the values, uncompressed.'),
  kafka_connect_mirror_mirrorsourceconnector_byte_rate:
    gauge(partition, 'The same a second, in the last minute.'),
  kafka_connect_mirror_mirrorsourceconnector_record_age_ms: gauge(partition, age + ofLast),
  kafka_connect_mirror_mirrorsourceconnector_record_age_ms_min: gauge(partition, age + least),
  kafka_connect_mirror_mirrorsourceconnector_record_age_ms_max: gauge(partition, age + most),
  kafka_connect_mirror_mirrorsourceconnector_record_age_ms_avg: gauge(partition, age + average),
  kafka_connect_mirror_mirrorsourceconnector_replication_latency_ms:
    gauge(partition, latency + ofLast),
  kafka_connect_mirror_mirrorsourceconnector_replication_latency_ms_min:
    gauge(partition, latency + least),
  kafka_connect_mirror_mirrorsourceconnector_replication_latency_ms_max:
    gauge(partition, latency + most),
  kafka_connect_mirror_mirrorsourceconnector_replication_latency_ms_avg:
    gauge(partition, latency + average),
  kafka_connect_mirror_mirrorcheckpointconnector_checkpoint_latency_ms:
    gauge(group, checkpoint + ofLast),
  kafka_connect_mirror_mirrorcheckpointconnector_checkpoint_latency_ms_min:
    gauge(group, checkpoint + least),
  kafka_connect_mirror_mirrorcheckpointconnector_checkpoint_latency_ms_max:
    gauge(group, checkpoint + most),
  kafka_connect_mirror_mirrorcheckpointconnector_checkpoint_latency_ms_avg:
    gauge(group, checkpoint + average),
  kafka_consumer_fetch_manager_records_lag: gauge(['clientid', 'topic', 'partition'], 'Records ' +
    'on the source, up to the high watermark, that the target has not acknowledged. The topic is ' +
    'the name on the source.'),
  kafka_connect_worker_connector_count:
    gauge([], 'Flows of this process; dashboards find a mirror by this metric.'),
  kafka_connect_worker_task_count: gauge([], 'Lanes of this process.')
} as const satisfies Record<string, MetricRow>
