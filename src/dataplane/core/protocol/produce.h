// Produce v3 to v13. Every broker from 0.11 on supports one of them; v8 names the records that a
// broker refuses (KIP-467), v10 the new leader of a partition that has moved (KIP-951), and from
// v13 on topics have ids instead of names (KIP-516). v11 and v12 are about transactions.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/protocol/request.h"
#include "core/status.h"

namespace longhaul {

inline constexpr Api kProduceApi{"Produce", 0, 3, 13};
constexpr int16_t kProduceFlexibleFrom = 9;
constexpr int16_t kProduceByNameMax = 12;
constexpr int16_t kProduceZstdFrom = 7;  // KIP-110
constexpr int16_t kProduceClientThrottlesFrom = 6;  // as kFetchClientThrottlesFrom

struct ProducePartition {
  std::string_view topic;  // partitions of one topic are adjacent
  int32_t partition;
  const uint8_t* batch;
  size_t batch_size;
  TopicId topic_id = {};
};

struct ProducedPartition {
  std::string_view topic;  // above kProduceByNameMax the bytes of its id
  int32_t partition;
  int16_t error;
  int64_t base_offset;  // -1: the broker does not return it (an old duplicate)
  int64_t append_time;  // -1: the topic has create times, and the batch is no duplicate
  std::string_view error_text;  // for the refused record, or else for the batch
  int32_t refused_record = -1;  // KIP-467: index in the batch of the first record that is refused
  LeaderHint leader;
};

struct ProduceResponse {
  int32_t throttle_ms = 0;
  std::vector<ProducedPartition> partitions;
};

void EncodeProduce(const std::vector<ProducePartition>& partitions, int16_t version,
                   int32_t timeout_ms, EncodedRequest* out);
Status ParseProduce(const uint8_t* data, size_t size, int16_t version, ProduceResponse* out);

}  // namespace longhaul
