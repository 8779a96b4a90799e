// The rows of the settings that say how a flow fetches and produces records.
import { forwarderSettings } from '../../dataplane/contract/contract-table.ts'
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

/** Settings of a flow about fetching and producing records. */
export const recordTable = {
  'auto.offset.reset': offsetReset({
    doc: 'Where a partition begins that was never mirrored before. What is created after the ' +
      'first start of the flow begins at its earliest offset, also with latest.',
    importance: 'medium', default: 'earliest', role: 'consumer'
  }),
  'start.positions': topicStarts({
    doc: 'Where topics begin that were never mirrored before, by their names: the first regular ' +
      'expression that matches the whole name decides, and auto.offset.reset for all others: ' +
      '`clicks.*@latest, audit@2026-11-01T00:00:00Z, logs-.*@by_duration:P3D`.',
    importance: 'medium', default: []
  }),
  'lanes': integer({
    doc: 'Worker threads of the flow, each with its own connections to every broker.',
    importance: 'high', default: 2, min: 1, max: 64, flag: '--lanes <count>'
  }),
  'lane.rebalance.interval.ms': milliseconds({
    doc: 'How often the traffic of the lanes is compared, and partitions are moved to even it out.',
    importance: 'low', default: 30_000, min: 100, max: hour
  }),
  'in.flight.bytes.max': bytes({
    doc: 'Bytes fetched and not yet acknowledged, a lane. Bounds the memory of the process.',
    importance: 'high', default: byDefault.inFlightBytesMax.default, min: MiB, max: 16 * GiB,
    forwarder: 'inFlightBytesMax', flag: '--in-flight-bytes-max <size>'
  }),
  'partition.in.flight.bytes.max': bytes({
    doc: 'Bytes of one partition fetched and not yet acknowledged.',
    importance: 'low', default: byDefault.partitionQueueBytesMax.default, min: 64 * KiB,
    max: 16 * GiB, forwarder: 'partitionQueueBytesMax'
  }),
  'partition.batches.in.flight': integer({
    doc: 'Batches of one partition sent and not yet acknowledged; brokers remember the last five.',
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
    doc: 'Bytes that end the wait of a Fetch early.',
    importance: 'low', default: byDefault.fetchMinBytes.default, min: 0, max: GiB,
    role: 'consumer', forwarder: 'fetchMinBytes'
  }),
  'fetch.max.wait.ms': milliseconds({
    doc: 'How long a broker may hold a Fetch that it has nothing to answer.',
    importance: 'low', default: byDefault.fetchWaitMaxMs.default, min: 0, max: 5 * minute,
    role: 'consumer', forwarder: 'fetchWaitMaxMs', alias: ['fetch.wait.max.ms']
  }),
  'isolation.level': choice({
    doc: 'read_committed leaves aborted transactions out; read_uncommitted mirrors them, too.',
    importance: 'medium', default: 'read_committed', of: ['read_uncommitted', 'read_committed'],
    role: 'consumer', forwarder: 'isolationLevel'
  }),
  'batch.size': bytes({
    doc: 'Bytes waiting for one target broker that end linger.ms early.',
    importance: 'medium', default: byDefault.batchSize.default, min: 0, max: GiB,
    role: 'producer', forwarder: 'batchSize', flag: '--batch-size <size>'
  }),
  'linger.ms': milliseconds({
    doc: 'How long batches wait for batches of other partitions, to share a Produce request.',
    importance: 'medium', default: byDefault.lingerMs.default, min: 0, max: minute,
    role: 'producer', forwarder: 'lingerMs', alias: ['queue.buffering.max.ms'],
    flag: '--linger-ms <time>'
  }),
  'max.request.size': bytes({
    doc: 'Bytes of a Produce request; a single larger batch still goes alone.',
    importance: 'low', default: byDefault.produceRequestBytesMax.default, min: KiB, max: GiB,
    role: 'producer', forwarder: 'produceRequestBytesMax'
  }),
  'max.in.flight.requests.per.connection': integer({
    doc: 'Produce requests sent to one target broker and not yet answered, a lane.',
    importance: 'low', default: byDefault.produceRequestsInFlight.default, min: 1, max: 1000,
    role: 'producer', forwarder: 'produceRequestsInFlight', alias: ['max.in.flight']
  }),
  'request.timeout.ms': milliseconds({
    doc: 'How long a request may be unanswered before it is sent again.',
    importance: 'medium', default: byDefault.requestTimeoutMs.default, min: 1000, max: 5 * minute,
    role: 'either', forwarder: 'requestTimeoutMs'
  }),
  'retry.backoff.ms': milliseconds({
    doc: 'The first wait after an error that is retried; it doubles each time.',
    importance: 'low', default: byDefault.retryBackoffMs.default, min: 1, max: 5 * minute,
    role: 'either', forwarder: 'retryBackoffMs'
  }),
  'retry.backoff.max.ms': milliseconds({
    doc: 'The longest wait between retries.',
    importance: 'low', default: byDefault.retryBackoffMaxMs.default, min: 1, max: 5 * minute,
    role: 'either', forwarder: 'retryBackoffMaxMs'
  }),
  'metadata.max.age.ms': milliseconds({
    doc: 'How often the leaders of the partitions are looked up when no error asks for it.',
    importance: 'low', default: byDefault.metadataMaxAgeMs.default, min: 1000, max: hour,
    role: 'either', forwarder: 'metadataMaxAgeMs'
  }),
  'decoded.bytes.max': bytes({
    doc: 'Bytes that one batch may decode to when it must be re-encoded; a larger one faults.',
    importance: 'low', default: byDefault.decodedBytesMax.default, min: MiB, max: 2 * GiB,
    forwarder: 'decodedBytesMax'
  }),
  'target.codecs': codecList({
    doc: 'The codecs that the target accepts. Batches of others are re-encoded in the first ' +
      'one. Empty: all, and once the target refuses one, batches of that codec are re-encoded in ' +
      'lz4, else snappy, gzip, zstd or none. compression.type re-encodes nothing.',
    importance: 'low', default: [], forwarder: 'targetCodecs'
  }),
  'keep.producer.timestamps': flag({
    doc: 'Mirror the timestamps that producers set, not those that a LogAppendTime topic shows.',
    importance: 'low', default: false, forwarder: 'keepProducerTimestamps'
  })
} as const satisfies Record<string, Row<unknown>>
