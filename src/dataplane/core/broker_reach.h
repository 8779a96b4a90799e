// Can a request be sent to a broker now?
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "core/transport.h"

namespace longhaul {

// A broker is kDown or kUnsupported only after it has been unreachable for kGraceMs: idle
// connections end and are opened again, and librdkafka knows no versions of a broker whose
// connection has just ended.
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

  // If kReady, *version is the highest version that both sides support. If the broker is not
  // connected, a connection is opened in the background.
  Reach Ask(Transport* transport, int64_t now, Side side, int32_t node, const Api& api,
            int16_t* version);

 private:
  std::map<std::pair<Side, int32_t>, int64_t> unreachable_since_;
};

// "target broker 3"
std::string BrokerName(Side side, int32_t node);
// "target broker 3 is not connected"; "target broker 3 does not support Produce v3 to v8".
std::string DescribeReach(Side side, int32_t node, const Api& api, Reach reach);

}  // namespace longhaul
