// What all requests of the data plane share. The layouts are from the JSON files of Kafka's message
// schemas.
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

// KIP-951: the leader of a partition that the broker no longer leads. -1: not named.
struct LeaderHint {
  int32_t node = -1;
  int32_t epoch = -1;
};

// A request body: `bytes` holds the parts that are copied, `pieces` all parts in the order of the
// body. A flexible body lacks its closing tags: the transport adds them.
struct EncodedRequest {
  std::string bytes;
  std::vector<Piece> pieces;
  bool is_flexible = false;
};

}  // namespace longhaul
