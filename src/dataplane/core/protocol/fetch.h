// Fetch v4 to v16. Every broker from 0.11 on supports one of them. From v12 on (Kafka 2.7) the
// broker reports if its log diverges from the one that was read before (KIP-595); from v13 on
// topics are named by id, so that a recreated topic is another one (KIP-516); v16 names the new
// leader of a partition that has moved (KIP-951).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/protocol/request.h"
#include "core/status.h"

namespace longhaul {

inline constexpr Api kFetchApi{"Fetch", 1, 4, 16};
constexpr int16_t kFetchByNameMax = 12;
inline constexpr Api kFetchByNameApi{"Fetch", 1, 4, kFetchByNameMax};
constexpr int16_t kFetchFlexibleFrom = 12;
constexpr int16_t kFetchSessionsFrom = 7;  // KIP-227
constexpr int16_t kFetchFromFollowersFrom = 11;  // KIP-392
// KIP-219: from this version on a broker answers at once, and its client waits for the throttle
// time. Before, the broker itself waits for that time before it answers.
constexpr int16_t kFetchClientThrottlesFrom = 8;

struct FetchPartition {
  std::string_view topic;
  TopicId topic_id;  // used from v13 on, and not zeros then
  int32_t partition;
  int32_t leader_epoch;  // -1: do not check
  int64_t offset;
  int32_t last_epoch;  // of the batch before `offset`, -1: not known; sent from v12 on
  int32_t bytes_max;
};

// A partition that leaves the session.
struct ForgottenPartition {
  std::string_view topic;
  TopicId topic_id;
  int32_t partition;
};

// Epochs of Fetch requests outside a session, and of one that opens a session.
constexpr int32_t kNoSessionEpoch = -1;
constexpr int32_t kOpenSessionEpoch = 0;

struct FetchRequest {
  int32_t wait_max_ms;
  int32_t bytes_min;
  int32_t bytes_max;
  int8_t isolation_level;
  std::vector<FetchPartition> partitions;  // the broker fills the response in this order
  // If it is not empty, the leader may answer without records, and name a closer replica instead.
  std::string_view rack = {};
  // From v7 on. In a session `partitions` holds only what the broker does not know yet.
  int32_t session_id = 0;
  int32_t session_epoch = kNoSessionEpoch;
  std::vector<ForgottenPartition> forgotten = {};
};

struct AbortedTransaction {
  int64_t producer_id;
  int64_t first_offset;
};

struct FetchedPartition {
  std::string_view topic;  // points into the response; from v13 on the bytes of the id
  int32_t partition;
  int16_t error;
  int64_t high_watermark;
  int64_t last_stable_offset;
  int64_t log_start_offset;  // -1: not in this version
  std::vector<AbortedTransaction> aborted;
  // If the leader's log diverges from the one that was read: its largest epoch that is not above
  // last_epoch, and where this epoch ends. -1: it does not diverge.
  int32_t diverging_epoch;
  int64_t diverging_end;
  LeaderHint leader;
  int32_t preferred_replica = -1;  // node to fetch from instead, -1: this broker
  uint8_t* records;  // points into the response
  size_t records_size;
};

struct FetchResponse {
  int32_t throttle_ms = 0;
  int16_t error = 0;
  int32_t session_id = 0;  // 0: none
  std::vector<FetchedPartition> partitions;
};

void EncodeFetch(const FetchRequest& request, int16_t version, EncodedRequest* out);
Status ParseFetch(uint8_t* data, size_t size, int16_t version, FetchResponse* out);

}  // namespace longhaul
