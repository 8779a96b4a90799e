// The rows of the settings for how a flow fetches and produces records.
import { batchings, forwarderSettings } from '../../dataplane/contract/contract-table.ts'
import {
  bytes, choice, codecList, flag, integer, milliseconds, type Row
} from './setting-kinds.ts'
import { offsetReset, topicStarts } from './offset-reset.ts'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB
const minute = 60_000
const hour = 60 * minute
const byDefault = forwarderSettings

/** Settings of a flow for fetching and producing records. */
export const recordTable = {
  'auto.offset.reset': offsetReset({
    doc: 'Where to begin with a partition that was never mirrored before. Partitions that are ' +
      'created after the first start of the flow begin at their earliest offset, also with latest.',
    importance: 'medium', default: 'earliest', role: 'consumer'
  }),
  'start.positions': topicStarts({
    doc: 'Where to begin with topics that were never mirrored before, by their names: the first ' +
      'regular expression that matches the whole name decides; for other topics, ' +
      'auto.offset.reset does: ' +
      '`clicks.*@latest, audit@2026-11-01T00:00:00Z, logs-.*@by_duration:P3D`.',
    importance: 'medium', default: []
  }),
  'lanes': integer({
    doc: 'Worker threads of the flow, each with its own connections to every broker. If it is ' +
      'not set, a container with less than two CPUs gets one.',
    importance: 'high', default: 2, min: 1, max: 64, flag: '--lanes <count>'
  }),
  'connections.per.broker.max': integer({
    doc: 'Connections over which a lane may fetch from one source broker. It begins with one, ' +
      'and doubles them while more partitions wait, or one with a large backlog, and that makes ' +
      'it at least 5 % faster: over a long line the send buffer of a broker (100 KiB by ' +
      'default) limits each connection.',
    importance: 'medium', default: byDefault.brokerConnectionsMax.default, min: 1, max: 64,
    forwarder: 'brokerConnectionsMax'
  }),
  'lane.rebalance.interval.ms': milliseconds({
    doc: 'How often the traffic of the lanes is compared, and partitions are moved to balance it.',
    importance: 'low', default: 30_000, min: 100, max: hour
  }),
  'bandwidth.max': bytes({
    doc: 'Bytes a second that the flow may fetch from its source, all its processes and lanes ' +
      'together, beyond bursts of a second; 0: no limit. An order of an operator (`longhaul ' +
      'throttle`) has precedence.',
    importance: 'medium', default: 0, min: 0, max: 1024 * GiB
  }),
  'bandwidth.share': integer({
    doc: 'Percent of the limit of the bandwidth (bandwidth.max, or the order of an operator) ' +
      'that one topic may use, in all processes and lanes together. Each of its partitions has ' +
      'an equal part of that. 100: all of it; without a limit there are no shares.',
    importance: 'low', default: 100, min: 1, max: 100
  }),
  'partition.in.flight.bytes.max': bytes({
    doc: 'Bytes of one partition that are fetched and not acknowledged.',
    importance: 'low', default: byDefault.partitionQueueBytesMax.default, min: 64 * KiB,
    max: 16 * GiB, forwarder: 'partitionQueueBytesMax'
  }),
  'partition.batches.in.flight': integer({
    doc: 'Batches of one partition in flight; brokers remember only the last five.',
    importance: 'low', default: byDefault.partitionBatchesInFlight.default, min: 1, max: 5,
    forwarder: 'partitionBatchesInFlight'
  }),
  'fetch.max.bytes': bytes({
    doc: 'Bytes that a Fetch response may hold.',
    importance: 'medium', default: byDefault.fetchBytesMax.default, min: KiB, max: GiB,
    role: 'consumer', forwarder: 'fetchBytesMax'
  }),
  'max.partition.fetch.bytes': bytes({
    doc: 'Bytes of one partition that a Fetch response may hold.',
    importance: 'medium', default: byDefault.partitionFetchBytesMax.default, min: KiB, max: GiB,
    role: 'consumer', forwarder: 'partitionFetchBytesMax', alias: ['fetch.message.max.bytes']
  }),
  'fetch.min.bytes': bytes({
    doc: 'When a broker has so many bytes, fetch.max.wait.ms ends early.',
    importance: 'low', default: byDefault.fetchMinBytes.default, min: 0, max: GiB,
    role: 'consumer', forwarder: 'fetchMinBytes'
  }),
  'fetch.max.wait.ms': milliseconds({
    doc: 'How long a broker may hold a Fetch while there are no new records.',
    importance: 'low', default: byDefault.fetchWaitMaxMs.default, min: 0, max: 5 * minute,
    role: 'consumer', forwarder: 'fetchWaitMaxMs', alias: ['fetch.wait.max.ms']
  }),
  'isolation.level': choice({
    doc: 'read_committed leaves out aborted transactions; read_uncommitted mirrors them.',
    importance: 'medium', default: 'read_committed', of: ['read_uncommitted', 'read_committed'],
    role: 'consumer', forwarder: 'isolationLevel'
  }),
  'batching': choice({
    doc: 'pass-through sends each batch as it was fetched. rebatch merges batches of one ' +
      'partition that wait for the target into batches of up to batch.size, in the codec that ' +
      'they have. auto does so while eight or more batches wait that have at most an eighth of ' +
      'batch.size, and at most 16KiB (in zstd 4KiB, in gzip 2KiB): larger ones are cheaper as ' +
      'they are.',
    importance: 'medium', default: 'pass-through', of: batchings,
    role: 'producer'
  }),
  'batch.size': bytes({
    doc: 'When so many bytes wait for one target broker, linger.ms ends early. Where batching ' +
      'merges batches, also the size of a merged batch.',
    importance: 'medium', default: byDefault.batchSize.default, min: 0, max: GiB,
    role: 'producer', forwarder: 'batchSize', flag: '--batch-size <size>'
  }),
  'linger.ms': milliseconds({
    doc: 'How long batches wait for batches of other partitions, to share one Produce request. ' +
      'Where batching merges batches, those of one partition that wait meanwhile are merged; ' +
      'with 0 it merges what waits for acknowledgements.',
    importance: 'medium', default: byDefault.lingerMs.default, min: 0, max: minute,
    role: 'producer', forwarder: 'lingerMs', alias: ['queue.buffering.max.ms'],
    flag: '--linger-ms <time>'
  }),
  'max.request.size': bytes({
    doc: 'Bytes of a Produce request; a larger batch is sent alone.',
    importance: 'low', default: byDefault.produceRequestBytesMax.default, min: KiB, max: GiB,
    role: 'producer', forwarder: 'produceRequestBytesMax'
  }),
  'max.in.flight.requests.per.connection': integer({
    doc: 'Produce requests of one lane in flight to one target broker.',
    importance: 'low', default: byDefault.produceRequestsInFlight.default, min: 1, max: 1000,
    role: 'producer', forwarder: 'produceRequestsInFlight', alias: ['max.in.flight']
  }),
  'request.timeout.ms': milliseconds({
    doc: 'How long a request may be unanswered before it is sent again.',
    importance: 'medium', default: byDefault.requestTimeoutMs.default, min: 1000, max: 5 * minute,
    role: 'either', forwarder: 'requestTimeoutMs'
  }),
  'retry.backoff.ms': milliseconds({
    doc: 'The first wait after a retriable error; the wait doubles each time.',
    importance: 'low', default: byDefault.retryBackoffMs.default, min: 1, max: 5 * minute,
    role: 'either', forwarder: 'retryBackoffMs'
  }),
  'retry.backoff.max.ms': milliseconds({
    doc: 'The longest wait between retries.',
    importance: 'low', default: byDefault.retryBackoffMaxMs.default, min: 1, max: 5 * minute,
    role: 'either', forwarder: 'retryBackoffMaxMs'
  }),
  'metadata.max.age.ms': milliseconds({
    doc: 'How often the leaders of partitions are looked up if there are no errors.',
    importance: 'low', default: byDefault.metadataMaxAgeMs.default, min: 1000, max: hour,
    role: 'either', forwarder: 'metadataMaxAgeMs'
  }),
  'decoded.bytes.max': bytes({
    doc: 'Decoded bytes of one batch that must be re-encoded; a larger batch faults its ' +
      'partition. A process re-encodes as many batches at a time as it has processors, at most 8.',
    importance: 'low', default: byDefault.decodedBytesMax.default, min: MiB, max: 2 * GiB,
    forwarder: 'decodedBytesMax'
  }),
  'target.codecs': codecList({
    doc: 'The codecs that the target accepts. Batches of other codecs are re-encoded in the ' +
      'first one. Empty: all codecs; if the target refuses one, its batches are re-encoded in ' +
      'lz4, or else in snappy, gzip, zstd or none. compression.type has no effect.',
    importance: 'low', default: [], forwarder: 'targetCodecs'
  }),
  'keep.producer.timestamps': flag({
    doc: 'Mirror the timestamps of producers, not the append times of a LogAppendTime topic.',
    importance: 'low', default: false, forwarder: 'keepProducerTimestamps'
  })
} as const satisfies Record<string, Row<unknown>>
