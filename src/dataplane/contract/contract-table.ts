// THE native contract: every number that both sides of the boundary must agree on. The C++ header
// contract.generated.h is rendered from it by render-contract.ts; a test says when it is stale.

/** Settings of one Forwarder, in the order they are handed over. Bytes, milliseconds, counts. */
export const forwarderSettings = {
  inFlightBytesMax: { default: 32 * 1024 * 1024, doc: 'bytes fetched but not yet acked, a lane' },
  fetchBytesMax: { default: 8 * 1024 * 1024, doc: 'bytes a Fetch response may hold' },
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
  decodedBytesMax: { default: 256 * 1024 * 1024, doc: 'decoded bytes of one batch; more faults it' },
  isolationLevel: { default: 1, doc: '0 read_uncommitted, 1 read_committed' },
  keepProducerTimestamps: { default: 0, doc: '1: pass LogAppendTime batches through' }
} as const

/** Partition states, each move carries a code. */
export const partitionStates = [
  'starting', 'resuming', 'running', 'paused', 'throttled', 'faulted', 'stopped'
] as const

/** Why a batch did not pass through; the reason label of the re-encode and drop counters. */
export const batchReasons = [
  'none', 'control', 'empty', 'aborted', 'looped', 'stale',
  'compacted', 'old_magic', 'mid_batch', 'log_append_time', 'too_large'
] as const

/** Longhaul's own error codes; the text and the operator's action stand in the error table. */
export const nativeErrors = {
  BATCH_MALFORMED: 1000,
  BATCH_CRC_MISMATCH: 1001,
  BATCH_DECODED_TOO_LARGE: 1002,
  CODEC_UNSUPPORTED: 1003,
  CODEC_FAILED: 1004,
  RECORD_TOO_LARGE: 1005,
  TARGET_PARTITION_MISSING: 1006,
  SOURCE_PARTITION_MISSING: 1007,
  RESPONSE_MALFORMED: 1008,
  BROKER_UNSUPPORTED: 1009,
  CLOSED: 1010,
  INVALID_ARGUMENT: 1011,
  TIMED_OUT: 1012
} as const
