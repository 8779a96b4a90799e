// THE native contract: every number that both sides of the boundary must agree on.
// render-contract.ts renders the C++ header contract.generated.h from it; a test fails when the
// header is stale.
import { dataPlaneErrors } from '../../orchestrator/errors/data-plane-errors.ts'

/** Settings of one Forwarder, in the order of the native struct. Bytes, milliseconds, counts. */
export const forwarderSettings = {
  inFlightBytesMax: {
    default: 48 * 1024 * 1024, doc: 'bytes fetched but not acked, by all lanes of the process'
  },
  inFlightBytesRaisedMax: { default: 0, doc: 'what the process may raise that limit to' },
  processLanes: { default: 1, doc: 'lanes of all flows of the process' },
  fetchBytesMax: { default: 6 * 1024 * 1024, doc: 'bytes a Fetch response may hold' },
  partitionFetchBytesMax: { default: 4 * 1024 * 1024, doc: 'bytes of one partition in a Fetch' },
  partitionQueueBytesMax: { default: 8 * 1024 * 1024, doc: 'unacked bytes of one partition' },
  fetchWaitMaxMs: { default: 500, doc: 'how long a broker may hold a Fetch with nothing to send' },
  fetchMinBytes: { default: 1, doc: 'bytes that end a Fetch wait early' },
  requestTimeoutMs: { default: 30_000, doc: 'how long a request may be unanswered' },
  lingerMs: { default: 0, doc: 'how long the outbox waits for more partitions' },
  batchSize: { default: 131_072, doc: 'outbox bytes that end the linger early' },
  produceRequestBytesMax: { default: 8 * 1024 * 1024, doc: 'bytes of one Produce request' },
  produceRequestsInFlight: { default: 5, doc: 'Produce requests in flight to each broker' },
  partitionBatchesInFlight: { default: 5, doc: 'batches in flight (brokers keep 5)' },
  retryBackoffMs: { default: 100, doc: 'first wait after a retriable error' },
  retryBackoffMaxMs: { default: 5_000, doc: 'longest wait after retriable errors' },
  metadataMaxAgeMs: { default: 60_000, doc: 'longest time between metadata requests' },
  decodedBytesMax: { default: 256 * 1024 * 1024, doc: 'decoded bytes of one batch' },
  isolationLevel: { default: 1, doc: '0 read_uncommitted, 1 read_committed' },
  keepProducerTimestamps: { default: 0, doc: '1: pass LogAppendTime batches through' },
  targetCodecs: { default: 0, doc: 'four bits for each codec: its number plus 1; 0: any' },
  brokerConnectionsMax: { default: 32, doc: 'connections to fetch over from one source broker' },
  judgesProducers: { default: 0, doc: '1: leave out batches of inbound flows' }
} as const

/**
 * The state of a partition that a lane reports. `waiting` and `faulted` carry the code of their
 * cause. partition-phases.ts has the phases that they stand for.
 */
export const partitionStates = [
  'starting', 'resuming', 'running', 'waiting', 'faulted', 'stopping', 'stopped'
] as const

/** Why a batch did not pass through: the reason label of the re-encode and drop counters. */
export const batchReasons = [
  'none', 'control', 'empty', 'aborted', 'looped', 'stale',
  'compacted', 'old_magic', 'mid_batch', 'log_append_time', 'codec', 'too_large', 'merged'
] as const

/** How the batches of a partition are sent: the setting `batching` in the order of its values. */
export const batchings = ['pass-through', 'rebatch', 'auto'] as const

/** Counters and positions of one topic-partition, a row of int64 each, in this order. */
export const partitionCounters = {
  id: 'the id of the assignment',
  state: 'index into partitionStates',
  code: 'error code of the current state, 0: none',
  upstreamOffset: 'next upstream offset to be acked (progress)',
  downstreamOffset: 'next downstream offset (progress)',
  sequence: 'records appended to the target by this flow, mod 2^31 (progress)',
  fetchOffset: 'next upstream offset to be fetched',
  highWatermark: 'of the source partition, -1: not fetched yet',
  lastStableOffset: 'of the source partition, -1: not fetched yet',
  logStartOffset: 'of the source partition, -1: not known',
  queuedBytes: 'fetched or re-encoded, not acked',
  oldestUnackedMs: 'timestamp in the header of the first batch fetched and not acked, -1: none',
  endFirstSeenMs: 'when a log end beyond the position was first seen, epoch ms, 0: none',
  endKnownMs: 'when the source last reported the end of the log, epoch ms, 0: never',
  quietNode: 'number of the channel whose responses leave out the partition: no news; -1: none',
  ackedTimestampMs: 'largest record timestamp acked, -1: none',
  latencySumMs: 'ack time less record timestamp, summed over the acked records',
  caughtUpAtMs: 'when all records of the source were last on the target, epoch ms, 0: never',
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
  reencodedMerged: 'batches that were merged from several of the source',
  droppedControl: 'batches left out',
  droppedEmpty: 'batches left out',
  droppedAborted: 'batches left out',
  droppedLooped: 'batches left out',
  droppedStale: 'batches left out: completely before the wanted offset',
  loopedRecords: 'records of the batches that droppedLooped counts',
  resumedRecords: 'records found on the target at resume and skipped on the source',
  doubledRecords: 'records that may be on the target twice after a resume',
  retries: 'how often unacked batches were sent again'
} as const

/** Counters of one lane, one row of int64 in this order. */
export const laneCounters = {
  heldBytes: 'bytes of response and re-encode buffers',
  partBytes: 'what the lane has of the memory of the process, the bound on heldBytes',
  heldBytesMax: 'the bound on heldBytes of all lanes of the process together',
  fetchRequests: 'sent',
  produceRequests: 'sent',
  fetchResponseBytes: 'received',
  followerBytes: 'of records that followers of the source returned (client.rack)',
  fetchedTwiceBytes: 'of batches that were fetched ahead of their partition and dropped',
  sourceThrottleMs: 'sum of the throttle times of source brokers',
  targetThrottleMs: 'sum of the throttle times of target brokers',
  requestErrors: 'requests that failed as a whole',
  evictions: 'partitions whose queue was dropped to free memory',
  copiedOutResponses: 'responses freed after their last batches were copied',
  targetScans: 'scans of a target partition that were started',
  leftSessions: 'open Fetch sessions with brokers that the lane no longer fetches from',
  refusedSessions: 'answers of source brokers without the session that was requested',
  sourceConnections: 'connections that the lane fetches over, of all source brokers',
  bandwidthWaitMs: 'how long Fetches have waited for the limit of the bandwidth',
  bandwidthHolds: 'how often a debt or the share of a topic kept a partition out of a Fetch'
} as const

/** What a lane has exchanged with one broker, a row of int64 each, in this order. */
export const brokerCounters = {
  isTarget: '1: a broker of the target, 0: of the source',
  node: 'the id of the broker',
  requests: 'sent; without those for metadata',
  failedRequests: 'that had no answer',
  answerMs: 'from sending a request to its answer, summed; of a Fetch with the wait for records',
  sentBytes: 'of request bodies',
  receivedBytes: 'of responses',
  throttleMs: 'sum of the throttle times that the broker asked for',
  connections: 'opened to the broker, without those that renew a login'
} as const

/**
 * Replication latency (ack time less record timestamp, ms) is counted in log-linear buckets: exact
 * below 8 ms, then 8 buckets for each power of two.
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

/** The codes of the errors that Longhaul defines, by name, from the error table. */
export const nativeErrors: Readonly<Record<keyof typeof dataPlaneErrors, number>> =
  Object.fromEntries(Object.entries(dataPlaneErrors).map(([name, { code }]) => [name, code])) as
    Record<keyof typeof dataPlaneErrors, number>
