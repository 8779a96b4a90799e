// The errors that Longhaul's data plane detects: rows of the error table. The native contract reads
// names and codes from here.
import {
  report, row, skipBatch, skipRefused, skipTooLarge, upgrade, type ErrorRow
} from './error-row.ts'

export const dataPlaneErrors = {
  BATCH_MALFORMED: row(1000, 'final', 'partition',
    "the bytes of a record batch do not follow Kafka's format",
    'Check the source topic; ' + skipBatch),
  BATCH_CRC_MISMATCH: row(1001, 'final', 'partition',
    'a record batch does not match its checksum',
    'Check the disks of the source leader; ' + skipBatch),
  BATCH_DECODED_TOO_LARGE: row(1002, 'final', 'partition',
    'a record batch decodes to more than decoded.bytes.max',
    'Raise decoded.bytes.max if batches of the topic may be this large'),
  CODEC_UNSUPPORTED: row(1003, 'final', 'partition',
    'a batch that must be re-encoded has a codec that Longhaul does not know', upgrade),
  CODEC_FAILED: row(1004, 'final', 'partition',
    'a compressed batch cannot be decoded', 'Check the source topic; ' + skipBatch),
  RECORD_TOO_LARGE: row(1005, 'final', 'partition',
    'a single record is larger than the target topic accepts',
    'Raise max.message.bytes of the target topic, or ' + skipTooLarge),
  TARGET_PARTITION_MISSING: row(1006, 'refresh', 'partition',
    'the partition does not exist on the target',
    'Nothing to do: Longhaul creates the topic, or adds the partitions, when it next looks at ' +
    'the topics (refresh.topics.interval.seconds). If it may not, do so yourself'),
  SOURCE_PARTITION_MISSING: row(1007, 'refresh', 'partition',
    'the partition does not exist on the source', 'Nothing to do if the topic was deleted'),
  RESPONSE_MALFORMED: row(1008, 'retry', 'partition',
    'a response of the broker cannot be read',
    'If it persists, check that the port is a Kafka port'),
  BROKER_UNSUPPORTED: row(1009, 'final', 'flow',
    'the broker is too old for Longhaul', 'Use brokers of Kafka 0.11 or later'),
  CLOSED: row(1010, 'final', 'process', 'the object is closed', report),
  INVALID_ARGUMENT: row(1011, 'final', 'process', 'an argument is not allowed', report),
  TIMED_OUT: row(1012, 'retry', 'flow',
    'the operation took too long', 'If it persists, check the brokers and the network'),
  TARGET_OUT_OF_RANGE: row(1013, 'final', 'partition',
    'the target no longer holds the offset that progress names',
    'Nothing to do: Longhaul checks whether the topic was trimmed, truncated or recreated'),
  SOURCE_TRUNCATED: row(1014, 'final', 'partition',
    'the source has lost records that are on the target',
    'Look for an unclean leader election on the source; data.loss=skip continues where the two ' +
    'logs diverge'),
  TARGET_OVERWRITTEN: row(1015, 'final', 'partition',
    'the target holds other records at offsets that it had acknowledged for this flow',
    'Look for an unclean leader election on the target'),
  RECORD_REFUSED: row(1016, 'final', 'partition',
    'the target broker refuses one record of a batch',
    'Change the setting of the target topic that refuses the record, or ' + skipRefused),
  PRODUCER_UNKNOWN: row(1017, 'retry', 'partition',
    'a batch on the source may come from the target, by a flow in the other direction; the batch ' +
    'waits until the progress topics on the source have been read',
    'If it persists, look for INBOUND_UNREADABLE in the log')
} as const satisfies Record<string, ErrorRow>
