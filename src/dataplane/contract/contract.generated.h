// Generated from contract-table.ts and error-table.ts by render-contract.ts. Do not edit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace longhaul {

constexpr int32_t kErrorBatchMalformed = 1000;
constexpr int32_t kErrorBatchCrcMismatch = 1001;
constexpr int32_t kErrorBatchDecodedTooLarge = 1002;
constexpr int32_t kErrorCodecUnsupported = 1003;
constexpr int32_t kErrorCodecFailed = 1004;
constexpr int32_t kErrorRecordTooLarge = 1005;
constexpr int32_t kErrorTargetPartitionMissing = 1006;
constexpr int32_t kErrorSourcePartitionMissing = 1007;
constexpr int32_t kErrorResponseMalformed = 1008;
constexpr int32_t kErrorBrokerUnsupported = 1009;
constexpr int32_t kErrorClosed = 1010;
constexpr int32_t kErrorInvalidArgument = 1011;
constexpr int32_t kErrorTimedOut = 1012;
constexpr int32_t kErrorTargetOutOfRange = 1013;
constexpr int32_t kErrorSourceTruncated = 1014;
constexpr int32_t kErrorTargetOverwritten = 1015;
constexpr int32_t kErrorRecordRefused = 1016;
constexpr int32_t kErrorProducerUnknown = 1017;

struct ForwarderSettings {
  int64_t in_flight_bytes_max = 50331648;  // bytes fetched but not acked, by all lanes of the process
  int64_t in_flight_bytes_raised_max = 0;  // what the process may raise that limit to
  int64_t process_lanes = 1;  // lanes of all flows of the process
  int64_t fetch_bytes_max = 6291456;  // bytes a Fetch response may hold
  int64_t partition_fetch_bytes_max = 4194304;  // bytes of one partition in a Fetch
  int64_t partition_queue_bytes_max = 8388608;  // unacked bytes of one partition
  int64_t fetch_wait_max_ms = 500;  // how long a broker may hold a Fetch with nothing to send
  int64_t fetch_min_bytes = 1;  // bytes that end a Fetch wait early
  int64_t request_timeout_ms = 30000;  // how long a request may be unanswered
  int64_t linger_ms = 0;  // how long the outbox waits for more partitions
  int64_t batch_size = 131072;  // outbox bytes that end the linger early
  int64_t produce_request_bytes_max = 8388608;  // bytes of one Produce request
  int64_t produce_requests_in_flight = 5;  // Produce requests in flight to each broker
  int64_t partition_batches_in_flight = 5;  // batches in flight (brokers keep 5)
  int64_t retry_backoff_ms = 100;  // first wait after a retriable error
  int64_t retry_backoff_max_ms = 5000;  // longest wait after retriable errors
  int64_t metadata_max_age_ms = 60000;  // longest time between metadata requests
  int64_t decoded_bytes_max = 268435456;  // decoded bytes of one batch
  int64_t isolation_level = 1;  // 0 read_uncommitted, 1 read_committed
  int64_t keep_producer_timestamps = 0;  // 1: pass LogAppendTime batches through
  int64_t target_codecs = 0;  // four bits for each codec: its number plus 1; 0: any
  int64_t broker_connections_max = 32;  // connections to fetch over from one source broker
  int64_t judges_producers = 0;  // 1: leave out batches of inbound flows
};

// Name and member of each setting, for the binding.
struct ForwarderSettingName {
  const char* name;
  int64_t ForwarderSettings::*member;
};
inline constexpr ForwarderSettingName kForwarderSettingNames[] = {
    {"inFlightBytesMax", &ForwarderSettings::in_flight_bytes_max},
    {"inFlightBytesRaisedMax", &ForwarderSettings::in_flight_bytes_raised_max},
    {"processLanes", &ForwarderSettings::process_lanes},
    {"fetchBytesMax", &ForwarderSettings::fetch_bytes_max},
    {"partitionFetchBytesMax", &ForwarderSettings::partition_fetch_bytes_max},
    {"partitionQueueBytesMax", &ForwarderSettings::partition_queue_bytes_max},
    {"fetchWaitMaxMs", &ForwarderSettings::fetch_wait_max_ms},
    {"fetchMinBytes", &ForwarderSettings::fetch_min_bytes},
    {"requestTimeoutMs", &ForwarderSettings::request_timeout_ms},
    {"lingerMs", &ForwarderSettings::linger_ms},
    {"batchSize", &ForwarderSettings::batch_size},
    {"produceRequestBytesMax", &ForwarderSettings::produce_request_bytes_max},
    {"produceRequestsInFlight", &ForwarderSettings::produce_requests_in_flight},
    {"partitionBatchesInFlight", &ForwarderSettings::partition_batches_in_flight},
    {"retryBackoffMs", &ForwarderSettings::retry_backoff_ms},
    {"retryBackoffMaxMs", &ForwarderSettings::retry_backoff_max_ms},
    {"metadataMaxAgeMs", &ForwarderSettings::metadata_max_age_ms},
    {"decodedBytesMax", &ForwarderSettings::decoded_bytes_max},
    {"isolationLevel", &ForwarderSettings::isolation_level},
    {"keepProducerTimestamps", &ForwarderSettings::keep_producer_timestamps},
    {"targetCodecs", &ForwarderSettings::target_codecs},
    {"brokerConnectionsMax", &ForwarderSettings::broker_connections_max},
    {"judgesProducers", &ForwarderSettings::judges_producers},
};

enum class PartitionState : uint8_t {
  kStarting,
  kResuming,
  kRunning,
  kWaiting,
  kFaulted,
  kStopping,
  kStopped,
};
constexpr size_t kPartitionStateCount = 7;

enum class WorkList : uint8_t {
  kNone,
  kScans,
  kRetries,
  kStops,
};
constexpr size_t kWorkListCount = 4;

enum class PartitionPhase : uint8_t {
  kStarting,
  kScanning,
  kAsking,
  kSkipping,
  kRunning,
  kEnding,
  kSettling,
  kRetrying,
  kMoving,
  kFaulted,
  kStopping,
  kStopped,
};
constexpr size_t kPartitionPhaseCount = 12;

struct PhaseTraits {
  const char* name;
  PartitionState shows;
  bool is_active;
  bool fetches;
  bool stores;
  bool produces;
  WorkList list;
};
inline constexpr PhaseTraits kPhaseTraits[] = {
    {"starting", PartitionState::kStarting, true, false, false, false, WorkList::kScans},
    {"scanning", PartitionState::kResuming, true, false, true, false, WorkList::kScans},
    {"asking", PartitionState::kResuming, true, false, true, false, WorkList::kScans},
    {"skipping", PartitionState::kResuming, true, true, true, false, WorkList::kNone},
    {"running", PartitionState::kRunning, true, true, true, true, WorkList::kNone},
    {"ending", PartitionState::kRunning, true, false, false, true, WorkList::kNone},
    {"settling", PartitionState::kRunning, true, false, true, false, WorkList::kNone},
    {"retrying", PartitionState::kRunning, true, true, true, true, WorkList::kRetries},
    {"moving", PartitionState::kResuming, true, false, true, false, WorkList::kScans},
    {"faulted", PartitionState::kFaulted, false, false, false, false, WorkList::kNone},
    {"stopping", PartitionState::kStopping, false, false, false, false, WorkList::kStops},
    {"stopped", PartitionState::kStopped, false, false, false, false, WorkList::kNone},
};

enum class PartitionEvent : uint8_t {
  kScanBegins,
  kLeaderAsked,
  kLeaderTold,
  kNothingHeld,
  kRetryHeld,
  kRecordsHeld,
  kSeamPassed,
  kSourceEnds,
  kBatchRefused,
  kBatchRetried,
  kBatchDoubted,
  kBatchDropped,
  kBatchAcked,
  kLeaderMoves,
  kFaults,
  kRevoked,
  kReleased,
};
constexpr size_t kPartitionEventCount = 17;
inline constexpr const char* kPartitionEventNames[] = {
    "scanBegins",
    "leaderAsked",
    "leaderTold",
    "nothingHeld",
    "retryHeld",
    "recordsHeld",
    "seamPassed",
    "sourceEnds",
    "batchRefused",
    "batchRetried",
    "batchDoubted",
    "batchDropped",
    "batchAcked",
    "leaderMoves",
    "faults",
    "revoked",
    "released",
};

// The phase that an event leads to, by phase and event; -1: the move is illegal.
inline constexpr int8_t kPartitionMoves[kPartitionPhaseCount][kPartitionEventCount] = {
    {1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 9, 10, -1},  // starting
    {-1, 2, -1, 4, 7, 3, -1, -1, -1, -1, -1, -1, -1, 8, 9, 10, -1},  // scanning
    {-1, -1, 1, 4, 7, 3, -1, -1, -1, -1, -1, -1, -1, 8, 9, 10, -1},  // asking
    {-1, -1, -1, -1, -1, -1, 4, -1, -1, -1, -1, -1, -1, 8, 9, 10, -1},  // skipping
    {-1, -1, -1, -1, -1, -1, -1, 5, 6, 7, -1, -1, -1, 8, 9, 10, -1},  // running
    {-1, -1, -1, -1, -1, -1, -1, -1, 6, 7, -1, -1, -1, 8, 9, 10, -1},  // ending
    {-1, -1, -1, -1, -1, -1, -1, -1, 6, 7, 1, 4, -1, 8, 9, 10, -1},  // settling
    {-1, -1, -1, -1, -1, -1, -1, -1, 6, 7, -1, -1, 4, 8, 9, 10, -1},  // retrying
    {1, -1, -1, -1, -1, -1, -1, -1, 8, -1, -1, -1, -1, 8, 9, 10, -1},  // moving
    {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 9, -1, 10, -1},  // faulted
    {-1, -1, -1, -1, -1, -1, -1, -1, 10, -1, -1, -1, -1, 10, -1, 10, 11},  // stopping
    {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},  // stopped
};

enum class BatchReason : uint8_t {
  kNone,
  kControl,
  kEmpty,
  kAborted,
  kLooped,
  kStale,
  kCompacted,
  kOldMagic,
  kMidBatch,
  kLogAppendTime,
  kCodec,
  kTooLarge,
  kMerged,
};
constexpr size_t kBatchReasonCount = 13;
enum class Batching : uint8_t {
  kPassThrough,
  kRebatch,
  kAuto,
};
constexpr size_t kBatchingCount = 3;

// One row of the PartitionCounters table that JavaScript reads: int64 each, in this order.
struct PartitionCounters {
  int64_t id = 0;  // the id of the assignment
  int64_t state = 0;  // index into partitionStates
  int64_t code = 0;  // error code of the current state, 0: none
  int64_t upstream_offset = 0;  // next upstream offset to be acked (progress)
  int64_t downstream_offset = 0;  // next downstream offset (progress)
  int64_t sequence = 0;  // records appended to the target by this flow, mod 2^31 (progress)
  int64_t fetch_offset = 0;  // next upstream offset to be fetched
  int64_t high_watermark = 0;  // of the source partition, -1: not fetched yet
  int64_t last_stable_offset = 0;  // of the source partition, -1: not fetched yet
  int64_t log_start_offset = 0;  // of the source partition, -1: not known
  int64_t queued_bytes = 0;  // fetched or re-encoded, not acked
  int64_t oldest_unacked_ms = 0;  // timestamp in the header of the first batch fetched and not acked, -1: none
  int64_t end_first_seen_ms = 0;  // when a log end beyond the position was first seen, epoch ms, 0: none
  int64_t end_known_ms = 0;  // when the source last reported the end of the log, epoch ms, 0: never
  int64_t quiet_node = 0;  // number of the channel whose responses leave out the partition: no news; -1: none
  int64_t acked_timestamp_ms = 0;  // largest record timestamp acked, -1: none
  int64_t latency_sum_ms = 0;  // ack time less record timestamp, summed over the acked records
  int64_t caught_up_at_ms = 0;  // when all records of the source were last on the target, epoch ms, 0: never
  int64_t records = 0;  // acked
  int64_t batches = 0;  // acked
  int64_t bytes = 0;  // acked, on the wire
  int64_t passed_through = 0;  // batches acked with their payload bytes as fetched
  int64_t reencoded_old_magic = 0;  // batches re-encoded
  int64_t reencoded_compacted = 0;  // batches re-encoded
  int64_t reencoded_mid_batch = 0;  // batches re-encoded
  int64_t reencoded_log_append_time = 0;  // batches re-encoded
  int64_t reencoded_codec = 0;  // batches re-encoded
  int64_t reencoded_too_large = 0;  // batches re-encoded
  int64_t reencoded_merged = 0;  // batches that were merged from several of the source
  int64_t dropped_control = 0;  // batches left out
  int64_t dropped_empty = 0;  // batches left out
  int64_t dropped_aborted = 0;  // batches left out
  int64_t dropped_looped = 0;  // batches left out
  int64_t dropped_stale = 0;  // batches left out: completely before the wanted offset
  int64_t looped_records = 0;  // records of the batches that droppedLooped counts
  int64_t resumed_records = 0;  // records found on the target at resume and skipped on the source
  int64_t doubled_records = 0;  // records that may be on the target twice after a resume
  int64_t retries = 0;  // how often unacked batches were sent again
  bool operator==(const PartitionCounters&) const = default;
};
constexpr size_t kPartitionCountersColumns = 38;
static_assert(sizeof(PartitionCounters) == kPartitionCountersColumns * sizeof(int64_t));

// One row of the LaneCounters table that JavaScript reads: int64 each, in this order.
struct LaneCounters {
  int64_t held_bytes = 0;  // bytes of response and re-encode buffers
  int64_t part_bytes = 0;  // what the lane has of the memory of the process, the bound on heldBytes
  int64_t held_bytes_max = 0;  // the bound on heldBytes of all lanes of the process together
  int64_t fetch_requests = 0;  // sent
  int64_t produce_requests = 0;  // sent
  int64_t fetch_response_bytes = 0;  // received
  int64_t follower_bytes = 0;  // of records that followers of the source returned (client.rack)
  int64_t fetched_twice_bytes = 0;  // of batches that were fetched ahead of their partition and dropped
  int64_t source_throttle_ms = 0;  // sum of the throttle times of source brokers
  int64_t target_throttle_ms = 0;  // sum of the throttle times of target brokers
  int64_t request_errors = 0;  // requests that failed as a whole
  int64_t evictions = 0;  // partitions whose queue was dropped to free memory
  int64_t copied_out_responses = 0;  // responses freed after their last batches were copied
  int64_t target_scans = 0;  // scans of a target partition that were started
  int64_t left_sessions = 0;  // open Fetch sessions with brokers that the lane no longer fetches from
  int64_t refused_sessions = 0;  // answers of source brokers without the session that was requested
  int64_t source_connections = 0;  // connections that the lane fetches over, of all source brokers
  int64_t bandwidth_wait_ms = 0;  // how long Fetches have waited for the limit of the bandwidth
  int64_t bandwidth_holds = 0;  // how often a debt or the share of a topic kept a partition out of a Fetch
  bool operator==(const LaneCounters&) const = default;
};
constexpr size_t kLaneCountersColumns = 19;
static_assert(sizeof(LaneCounters) == kLaneCountersColumns * sizeof(int64_t));

// One row of the BrokerCounters table that JavaScript reads: int64 each, in this order.
struct BrokerCounters {
  int64_t is_target = 0;  // 1: a broker of the target, 0: of the source
  int64_t node = 0;  // the id of the broker
  int64_t requests = 0;  // sent; without those for metadata
  int64_t failed_requests = 0;  // that had no answer
  int64_t answer_ms = 0;  // from sending a request to its answer, summed; of a Fetch with the wait for records
  int64_t sent_bytes = 0;  // of request bodies
  int64_t received_bytes = 0;  // of responses
  int64_t throttle_ms = 0;  // sum of the throttle times that the broker asked for
  int64_t connections = 0;  // opened to the broker, without those that renew a login
  bool operator==(const BrokerCounters&) const = default;
};
constexpr size_t kBrokerCountersColumns = 9;
static_assert(sizeof(BrokerCounters) == kBrokerCountersColumns * sizeof(int64_t));

namespace kafka_error {
constexpr int32_t kOffsetOutOfRange = 1;
constexpr int32_t kCorruptMessage = 2;
constexpr int32_t kUnknownTopicOrPartition = 3;
constexpr int32_t kInvalidFetchSize = 4;
constexpr int32_t kLeaderNotAvailable = 5;
constexpr int32_t kNotLeaderOrFollower = 6;
constexpr int32_t kRequestTimedOut = 7;
constexpr int32_t kBrokerNotAvailable = 8;
constexpr int32_t kReplicaNotAvailable = 9;
constexpr int32_t kMessageTooLarge = 10;
constexpr int32_t kOffsetMetadataTooLarge = 12;
constexpr int32_t kNetworkException = 13;
constexpr int32_t kCoordinatorLoadInProgress = 14;
constexpr int32_t kCoordinatorNotAvailable = 15;
constexpr int32_t kNotCoordinator = 16;
constexpr int32_t kInvalidTopicException = 17;
constexpr int32_t kRecordListTooLarge = 18;
constexpr int32_t kNotEnoughReplicas = 19;
constexpr int32_t kNotEnoughReplicasAfterAppend = 20;
constexpr int32_t kInvalidRequiredAcks = 21;
constexpr int32_t kIllegalGeneration = 22;
constexpr int32_t kInconsistentGroupProtocol = 23;
constexpr int32_t kUnknownMemberId = 25;
constexpr int32_t kInvalidSessionTimeout = 26;
constexpr int32_t kRebalanceInProgress = 27;
constexpr int32_t kTopicAuthorizationFailed = 29;
constexpr int32_t kGroupAuthorizationFailed = 30;
constexpr int32_t kClusterAuthorizationFailed = 31;
constexpr int32_t kInvalidTimestamp = 32;
constexpr int32_t kUnsupportedSaslMechanism = 33;
constexpr int32_t kIllegalSaslState = 34;
constexpr int32_t kUnsupportedVersion = 35;
constexpr int32_t kTopicAlreadyExists = 36;
constexpr int32_t kInvalidPartitions = 37;
constexpr int32_t kInvalidReplicationFactor = 38;
constexpr int32_t kInvalidReplicaAssignment = 39;
constexpr int32_t kInvalidConfig = 40;
constexpr int32_t kNotController = 41;
constexpr int32_t kInvalidRequest = 42;
constexpr int32_t kUnsupportedForMessageFormat = 43;
constexpr int32_t kPolicyViolation = 44;
constexpr int32_t kOutOfOrderSequenceNumber = 45;
constexpr int32_t kDuplicateSequenceNumber = 46;
constexpr int32_t kInvalidProducerEpoch = 47;
constexpr int32_t kConcurrentTransactions = 51;
constexpr int32_t kSecurityDisabled = 54;
constexpr int32_t kKafkaStorageError = 56;
constexpr int32_t kSaslAuthenticationFailed = 58;
constexpr int32_t kUnknownProducerId = 59;
constexpr int32_t kReassignmentInProgress = 60;
constexpr int32_t kNonEmptyGroup = 68;
constexpr int32_t kGroupIdNotFound = 69;
constexpr int32_t kFetchSessionIdNotFound = 70;
constexpr int32_t kInvalidFetchSessionEpoch = 71;
constexpr int32_t kListenerNotFound = 72;
constexpr int32_t kTopicDeletionDisabled = 73;
constexpr int32_t kFencedLeaderEpoch = 74;
constexpr int32_t kUnknownLeaderEpoch = 75;
constexpr int32_t kUnsupportedCompressionType = 76;
constexpr int32_t kStaleBrokerEpoch = 77;
constexpr int32_t kOffsetNotAvailable = 78;
constexpr int32_t kPreferredLeaderNotAvailable = 80;
constexpr int32_t kGroupMaxSizeReached = 81;
constexpr int32_t kFencedInstanceId = 82;
constexpr int32_t kEligibleLeadersNotAvailable = 83;
constexpr int32_t kInvalidRecord = 87;
constexpr int32_t kUnstableOffsetCommit = 88;
constexpr int32_t kThrottlingQuotaExceeded = 89;
constexpr int32_t kProducerFenced = 90;
constexpr int32_t kPrincipalDeserializationFailure = 97;
constexpr int32_t kUnknownTopicId = 100;
constexpr int32_t kInconsistentTopicId = 103;
constexpr int32_t kFetchSessionTopicIdError = 106;
constexpr int32_t kOffsetMovedToTieredStorage = 109;
constexpr int32_t kRebootstrapRequired = 129;
}  // namespace kafka_error

// The row of the error table for a code of a broker or of librdkafka.
inline constexpr int32_t kRetriableCodes[] = {
    -195, -193, -190, -188, -187, -185, -184, -183, -180, -178, -167, -166, -164, -163, -158, -153,
    -147, -146, -142, -137, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 22, 25, 27, 41, 51, 56, 60,
    70, 71, 72, 74, 75, 77, 78, 80, 83, 88, 89, 100, 103, 106, 109, 129};
inline constexpr int32_t kRefreshesMetadataCodes[] = {
    -195, -193, -190, -188, -187, -185, -166, -146, -137, 3, 5, 6, 8, 9, 13, 41, 56, 72, 74, 75,
    77, 80, 83, 100, 103, 129};

// librdkafka properties whose values must not be shown.
inline constexpr const char* kSecretClientProperties[] = {
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.private.key.pem",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.extensions",
    "sasl.password",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
};

}  // namespace longhaul
