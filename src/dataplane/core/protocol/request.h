// What all requests of the data plane share. Source: the JSON files of Kafka's message schemas.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/broker_reach.h"
#include "core/transport.h"

namespace longhaul {

struct NamedPartition {
  std::string_view topic;
  int32_t partition;
};

// KIP-951: of a partition that the broker does not lead any more. -1: not named.
struct LeaderHint {
  int32_t node = -1;
  int32_t epoch = -1;
};

// A request body: `bytes` holds what is copied, `pieces` the order in which it goes out. A flexible
// one lacks its closing tags: librdkafka adds them (rd_kafka_buf_finalize).
struct EncodedRequest {
  std::string bytes;
  std::vector<Piece> pieces;
  bool is_flexible = false;
};

}  // namespace longhaul
