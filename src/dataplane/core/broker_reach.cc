#include "core/broker_reach.h"

namespace longhaul {

Reach BrokerReach::Ask(Transport* transport, int64_t now, Side side, int32_t node, const Api& api,
                       int16_t* version) {
  const bool up = transport->broker_state(side, node) == BrokerState::kUp;
  *version =
      up ? transport->api_version(side, node, api.key, api.min, api.max) : int16_t{-1};
  if (*version >= 0) {
    unreachable_since_.erase({side, node});
    return Reach::kReady;
  }
  const int64_t since = unreachable_since_.emplace(std::pair(side, node), now).first->second;
  if (now - since < kGraceMs) return Reach::kConnecting;
  return up ? Reach::kUnsupported : Reach::kDown;
}

std::string BrokerName(Side side, int32_t node) {
  return std::string(SideName(side)) + " broker " + std::to_string(node);
}

std::string DescribeReach(Side side, int32_t node, const Api& api, Reach reach) {
  if (reach != Reach::kUnsupported) return BrokerName(side, node) + " is not connected";
  return BrokerName(side, node) + " does not support " + api.name + " v" + std::to_string(api.min) +
         " to v" + std::to_string(api.max);
}

}  // namespace longhaul
