// Watches brokers that do not answer. A broker that hangs keeps its connections open: its kernel
// continues to acknowledge bytes, and nothing fails. A connection that a NAT or a firewall has
// forgotten looks the same from here. The watch acts on silence in two steps:
//
//   request sent                 suspect                         silent
//   |-----------------------------|-------------------------------|---> time without a byte
//                              + 5 s               broker's wait + 10 s
//
//   suspect: nothing more is sent to the broker or fetched for it, and the lane requests metadata
//            each second, so that its partitions continue as soon as they have another leader;
//   silent:  its connection is closed, so that all its requests fail and free their memory.
//
// Each further channel to a source broker is watched by itself, because a NAT may have forgotten
// one of them. A silent one is closed; only a silent channel 0 makes its broker suspect.
//
// Silence is measured by the bytes that the kernel has sent and received, not by the age of
// requests: a large response needs a long time on a narrow link.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "core/transport.h"

namespace longhaul {

// How long a broker may be silent after a request.
struct Patience {
  int64_t suspect_ms;
  int64_t silent_ms;
};

// Metadata has its own connection. A metadata response does not prove that the data connection
// works, which a NAT may have forgotten alone; nor does a missing one prove that it does not.
enum class Route : uint8_t { kData, kMetadata };

class BrokerWatch {
 public:
  using Brokers = std::set<std::pair<Side, int32_t>>;

  // A healthy broker answers within a round trip, a flush and a fetch of its followers, which is
  // well below a second; a controller fences a silent broker after 9 s (the default of
  // broker.session.timeout.ms). The value is between the two, so that the lane learns of a new
  // leader at once.
  static constexpr int64_t kSuspectMs = 5'000;
  // Added to the time that the broker itself may wait. Most brokers that are silent for this long
  // are healthy, and asking another broker for metadata costs nothing. But if the broker hangs, or
  // a NAT has forgotten its connections, a partition that was just assigned would have no leaders
  // for Leaders::kAnswerMs.
  static constexpr int64_t kDoubtMs = 1'000;
  // Added to the time that the broker itself may wait (for data, for followers). That time is at
  // most 5 s (Outbox::kAckWaitMs), so a dead connection is closed within 15 s.
  static constexpr int64_t kSilentMs = 10'000;
  // How often the bytes of a connection are read while a request on it is unanswered.
  static constexpr int64_t kLookMs = 1'000;

  explicit BrokerWatch(int64_t request_timeout_ms) : request_timeout_ms_(request_timeout_ms) {}

  // For a request that the broker may hold for `wait_ms` before it answers. `is_idle`: the broker
  // holds the request whenever there are no new records; otherwise only when followers are late.
  Patience PatienceFor(int64_t wait_ms, bool is_idle) const;
  // A request was sent; it was answered or failed. Both calls get the same patience.
  void Sent(Side side, const Channel& channel, const Patience& patience, int64_t now,
            Route route = Route::kData);
  void Answered(Side side, const Channel& channel, const Patience& patience, int64_t now,
                Route route = Route::kData);
  // The broker reads no request before `until` (KIP-219).
  void Muted(Side side, int32_t node, int64_t until);

  bool IsSuspect(Side side, int32_t node) const {
    return !suspects_.empty() && suspects_.contains({side, node});
  }
  const Brokers& suspects() const { return suspects_; }
  // Brokers that are silent after a metadata request.
  const Brokers& without_metadata() const { return without_metadata_; }
  // Brokers that are silent on either route: metadata is requested from others, if there are any.
  std::set<int32_t> Doubtful(Side side, int64_t now) const;

  // Checks the connections that are due and closes those that are silent. Returns when to call
  // again.
  int64_t Tick(Transport* transport, int64_t now);

 private:
  Brokers& OfRoute(Route route) { return route == Route::kData ? suspects_ : without_metadata_; }

  using Key = std::tuple<Side, Channel, Route>;
  struct Watched {
    // Of all requests in flight.
    std::multiset<int64_t> suspect_ms, silent_ms;
    int64_t heard_at = 0;   // last answer, last moved bytes, or first request after an idle time
    int64_t look_at = 0;
    int64_t bytes = -1;     // bytes moved until the last check
  };

  const int64_t request_timeout_ms_;
  std::map<Key, Watched> watched_;  // connections with requests in flight
  Brokers suspects_;
  Brokers without_metadata_;
};

}  // namespace longhaul
