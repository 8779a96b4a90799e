// Can a broker be asked now?
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "core/transport.h"

namespace longhaul {

// kDown and kUnsupported are said only of a broker that has been so for kGraceMs: idle connections
// come and go, and librdkafka knows no versions of a broker whose connection has just ended.
enum class Reach : uint8_t { kReady, kConnecting, kDown, kUnsupported };

// A request by its key and the versions of it that Longhaul speaks.
struct Api {
  const char* name;
  int16_t key;
  int16_t min;
  int16_t max;
};

class BrokerReach {
 public:
  static constexpr int64_t kGraceMs = 3000;

  // *version: the highest one that both sides speak, if kReady. A broker that is not connected is
  // connected to in the background.
  Reach Ask(Transport* transport, int64_t now, Side side, int32_t node, const Api& api,
            int16_t* version);

 private:
  std::map<std::pair<Side, int32_t>, int64_t> unreachable_since_;
};

// "target broker 3"
std::string BrokerName(Side side, int32_t node);
// "target broker 3 is not connected"; "target broker 3 speaks no Produce v3 to v8".
std::string DescribeReach(Side side, int32_t node, const Api& api, Reach reach);

}  // namespace longhaul
