// THE native contract: every number that both sides of the boundary must agree on. The C++ header
// contract.generated.h is rendered from it by render-contract.ts; a test says when it is stale.
import { dataPlaneErrors } from '../../orchestrator/errors/data-plane-errors.ts'

/** Settings of one Forwarder, in the order they are handed over. Bytes, milliseconds, counts. */
export const forwarderSettings = {
  inFlightBytesMax: { default: 24 * 1024 * 1024, doc: 'bytes fetched but not yet acked, a lane' },
  fetchBytesMax: { default: 6 * 1024 * 1024, doc: 'bytes a Fetch response may hold' },
  partitionFetchBytesMax: { default: 4 * 1024 * 1024, doc: 'bytes of one partition a Fetch' },
  partitionQueueBytesMax: { default: 8 * 1024 * 1024, doc: 'unacked bytes of one partition' },
  fetchWaitMaxMs: { default: 500, doc: 'how long a broker may hold a Fetch with nothing to send' },
  fetchMinBytes: { default: 1, doc: 'bytes that end a Fetch wait early' },
  requestTimeoutMs: { default: 30_000, doc: 'how long a request may be unanswered' },
  lingerMs: { default: 0, doc: 'how long the outbox waits for more partitions' },
  batchSize: { default: 131_072, doc: 'outbox bytes that end the linger early' },
  produceRequestBytesMax: { default: 8 * 1024 * 1024, doc: 'bytes of one Produce request' },
  produceRequestsInFlight: { default: 5, doc: 'Produce requests in flight a target broker' },
  partitionBatchesInFlight: { default: 5, doc: 'batches in flight a partition (broker: last 5)' },
  retryBackoffMs: { default: 100, doc: 'first wait after a retriable error' },
  retryBackoffMaxMs: { default: 5_000, doc: 'longest wait after retriable errors' },
  metadataMaxAgeMs: { default: 60_000, doc: 'leaders are asked for at least this often' },
  decodedBytesMax: { default: 256 * 1024 * 1024, doc: 'decoded bytes of one batch' },
  isolationLevel: { default: 1, doc: '0 read_uncommitted, 1 read_committed' },
  keepProducerTimestamps: { default: 0, doc: '1: pass LogAppendTime batches through' },
  targetCodecs: { default: 0, doc: 'four bits a codec, its number plus 1, lowest first; 0: any' },
  judgesProducers: { default: 0, doc: '1: leave out what inbound flows brought from the target' }
} as const

/**
 * What a lane shows of a partition. `waiting` and `faulted` carry the code of their cause; the
 * phases behind them are those of partition-phases.ts.
 */
export const partitionStates = [
  'starting', 'resuming', 'running', 'waiting', 'faulted', 'stopping', 'stopped'
] as const

/** Why a batch did not pass through; the reason label of the re-encode and drop counters. */
export const batchReasons = [
  'none', 'control', 'empty', 'aborted', 'looped', 'stale',
  'compacted', 'old_magic', 'mid_batch', 'log_append_time', 'codec', 'too_large'
] as const

/** Counters and positions of one topic-partition, a row of int64 each, in this order. */
export const partitionCounters = {
  id: 'the id that assign() gave',
  state: 'index into partitionStates',
  code: 'error code of the last state move, 0: none',
  upstreamOffset: 'next upstream offset to be acked (progress)',
  downstreamOffset: 'next downstream offset (progress)',
  sequence: 'records put into the target partition by this flow, mod 2^31 (progress)',
  fetchOffset: 'next upstream offset to be fetched',
  highWatermark: 'of the source partition, -1: not fetched yet',
  lastStableOffset: 'of the source partition, -1: not fetched yet',
  logStartOffset: 'of the source partition, -1: not known',
  queuedBytes: 'fetched or re-encoded, not acked',
  oldestUnackedMs: 'timestamp in the header of the first batch fetched and not acked, -1: none',
  endFirstSeenMs: 'when the log end was first seen beyond our position, epoch ms, 0: it is not',
  endKnownMs: 'when the source last reported the end of the log, epoch ms, 0: never',
  quietNode: 'source broker whose answers say that nothing is new of the partition, -1: none',
  ackedTimestampMs: 'largest record timestamp acked, -1: none',
  latencySumMs: 'ack time less record timestamp, summed over the acked records',
  caughtUpAtMs: 'when the partition was last seen with nothing left to mirror, epoch ms, 0: never',
  records: 'acked',
  batches: 'acked',
  bytes: 'acked, on the wire',
  passedThrough: 'batches acked with their payload bytes as fetched',
  reencodedOldMagic: 'batches re-encoded',
  reencodedCompacted: 'batches re-encoded',
  reencodedMidBatch: 'batches re-encoded',
  reencodedLogAppendTime: 'batches re-encoded',
  reencodedCodec: 'batches re-encoded',
  reencodedTooLarge: 'batches re-encoded',
  droppedControl: 'batches left out',
  droppedEmpty: 'batches left out',
  droppedAborted: 'batches left out',
  droppedLooped: 'batches left out',
  droppedStale: 'batches left out: wholly before the wanted offset',
  resumedRecords: 'records found on the target at resume and skipped on the source',
  doubledRecords: 'records that may be on the target twice: the seam did not match at resume',
  retries: 'times that unacked batches were sent again'
} as const

/** Counters of one lane, one row of int64 in this order. */
export const laneCounters = {
  heldBytes: 'bytes of response and re-encode buffers held',
  heldBytesMax: 'the bound on heldBytes',
  fetchRequests: 'sent',
  produceRequests: 'sent',
  fetchResponseBytes: 'received',
  followerBytes: 'of records that followers of the source returned (client.rack)',
  sourceThrottleMs: 'asked for by source brokers, summed',
  targetThrottleMs: 'asked for by target brokers, summed',
  requestErrors: 'requests that failed as a whole',
  evictions: 'partitions whose queue was dropped to free memory',
  copiedOutResponses: 'responses whose last batches were copied out to free memory',
  targetScans: 'scans of a target partition begun',
  leftSessions: 'Fetch sessions that brokers may keep though the lane reads nothing there any more'
} as const

/**
 * Replication latency (ack time less record timestamp, ms) is counted in log-linear buckets: exact
 * below 8 ms, then 8 buckets a power of two.
 */
export const latencyBuckets = { subBuckets: 8, shifts: 24, count: 8 + 8 * 25 } as const

/** librdkafka's properties whose values must not be shown. */
export const secretClientProperties = [
  'sasl.oauthbearer.assertion.private.key.passphrase',
  'sasl.oauthbearer.assertion.private.key.pem',
  'sasl.oauthbearer.client.credentials.client.secret',
  'sasl.oauthbearer.client.secret',
  'sasl.oauthbearer.config',
  'sasl.oauthbearer.extensions',
  'sasl.password',
  'ssl.key.password',
  'ssl.key.pem',
  'ssl.keystore.password'
] as const

/** Longhaul's own error codes, by name, from the error table. */
export const nativeErrors: Readonly<Record<keyof typeof dataPlaneErrors, number>> =
  Object.fromEntries(Object.entries(dataPlaneErrors).map(([name, { code }]) => [name, code])) as
    Record<keyof typeof dataPlaneErrors, number>
