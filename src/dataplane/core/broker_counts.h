// What a lane has exchanged with each broker: requests, bytes, times. Metadata is not counted: the
// transport chooses its broker.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "contract/contract.generated.h"
#include "core/transport.h"

namespace longhaul {

class BrokerCounts {
 public:
  // The transport has accepted the request, so exactly one reply follows.
  void Sent(const Request& request, int64_t now) {
    BrokerCounters& broker = Of(request.side, request.node);
    broker.requests++;
    for (const Piece& piece : request.pieces) broker.sent_bytes += static_cast<int64_t>(piece.size);
    waiting_.emplace(request.tag, Waiting{&broker, now});
  }
  // Ignores replies to other requests.
  void Answered(const Reply& reply, int64_t now) {
    auto found = waiting_.find(reply.tag);
    if (reply.is_metadata || found == waiting_.end()) return;
    BrokerCounters& broker = *found->second.broker;
    if (reply.error != 0) {
      broker.failed_requests++;
    } else {
      broker.answer_ms += now - found->second.sent_at;
      if (reply.body) broker.received_bytes += static_cast<int64_t>(reply.body->size());
    }
    waiting_.erase(found);
  }
  void Throttled(Side side, int32_t node, int64_t ms) {
    if (ms > 0) Of(side, node).throttle_ms += ms;
  }
  std::vector<BrokerCounters> Snapshot(const Transport* transport) const {
    std::vector<BrokerCounters> rows;
    rows.reserve(by_broker_.size());
    for (const auto& [key, counters] : by_broker_) {
      rows.push_back(counters);
      rows.back().connections = transport->connections_opened(key.first, key.second);
    }
    return rows;
  }

 private:
  struct Waiting {
    BrokerCounters* broker;
    int64_t sent_at;
  };

  BrokerCounters& Of(Side side, int32_t node) {
    BrokerCounters& broker = by_broker_[{side, node}];
    broker.is_target = side == Side::kTarget ? 1 : 0;
    broker.node = node;
    return broker;
  }

  std::map<std::pair<Side, int32_t>, BrokerCounters> by_broker_;  // its values keep their places
  std::unordered_map<uint64_t, Waiting> waiting_;                 // by tag
};

}  // namespace longhaul
