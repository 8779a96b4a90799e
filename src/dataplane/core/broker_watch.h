// Watches brokers that do not answer. A broker that hangs keeps its connections open: its kernel
// goes on acknowledging, and nothing fails. A connection that a NAT or a firewall has forgotten
// looks the same from here. Two answers to silence:
//
//   request sent                 suspect                         silent
//   |-----------------------------|-------------------------------|---> time without a byte
//                              + 5 s                  own wait + 10 s
//
//   suspect: nothing more is sent to the broker or fetched for it, and metadata is asked for each
//            second, so that its partitions go on as soon as they have another leader;
//   silent:  its connection is closed, so that all its requests fail and their memory is free.
//
// Silence is measured in bytes that the kernel has sent and received, not in the age of requests: a
// large response takes long on a narrow link.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "core/transport.h"

namespace longhaul {

// How long a broker may be silent behind a request.
struct Patience {
  int64_t suspect_ms;
  int64_t silent_ms;
};

// Metadata has a connection of its own: its answers tell nothing of the connection of data, which a
// NAT may have forgotten alone, and its silence nothing of what data waits for.
enum class Route : uint8_t { kData, kMetadata };

class BrokerWatch {
 public:
  using Brokers = std::set<std::pair<Side, int32_t>>;

  // A healthy broker answers within a round trip, a flush and a fetch of its followers, which is
  // well below a second; a controller fences a silent broker after 9 s (the default of
  // broker.session.timeout.ms). Between the two: the lane learns of a new leader at once.
  static constexpr int64_t kSuspectMs = 5'000;
  // Beyond what a broker waits by itself. Most brokers that are silent for this long are well, and
  // to ask another one for metadata costs nothing. One that hangs, or whose connections a NAT has
  // forgotten, would keep a partition that was just assigned without leaders for
  // Leaders::kAnswerMs.
  static constexpr int64_t kDoubtMs = 1'000;
  // Beyond what the broker may wait by itself (for data, for followers). Together with the longest
  // wait of a request, 5 s (Outbox::kAckWaitMs), a dead connection is closed within 15 s.
  static constexpr int64_t kSilentMs = 10'000;
  // How often the bytes of a connection are looked at while a request on it is unanswered.
  static constexpr int64_t kLookMs = 1'000;

  explicit BrokerWatch(int64_t request_timeout_ms) : request_timeout_ms_(request_timeout_ms) {}

  // For a request that the broker may hold for `wait_ms` before it answers. `is_idle`: it does so
  // whenever there is nothing to tell; else only in trouble.
  Patience PatienceFor(int64_t wait_ms, bool is_idle) const;
  // A request is in flight, and has been answered or has failed. Both with the same patience.
  void Sent(Side side, int32_t node, const Patience& patience, int64_t now,
            Route route = Route::kData);
  void Answered(Side side, int32_t node, const Patience& patience, int64_t now,
                Route route = Route::kData);
  // The broker reads no request before `until` (KIP-219).
  void Muted(Side side, int32_t node, int64_t until);

  bool IsSuspect(Side side, int32_t node) const {
    return !suspects_.empty() && suspects_.contains({side, node});
  }
  const Brokers& suspects() const { return suspects_; }
  // Silent behind a question for metadata.
  const Brokers& without_metadata() const { return without_metadata_; }
  // Of either route: whom not to ask for metadata, as long as others can be asked.
  std::set<int32_t> Doubtful(Side side, int64_t now) const;

  // Looks at what is due, closes what is silent. Returns when to look again.
  int64_t Tick(Transport* transport, int64_t now);

 private:
  Brokers& OfRoute(Route route) { return route == Route::kData ? suspects_ : without_metadata_; }

  using Key = std::tuple<Side, int32_t, Route>;
  struct Watched {
    // Of all requests in flight.
    std::multiset<int64_t> suspect_ms, silent_ms;
    int64_t heard_at = 0;   // an answer came, bytes moved, or nothing was in flight before
    int64_t look_at = 0;
    int64_t bytes = -1;     // moved, at the last look
  };

  const int64_t request_timeout_ms_;
  std::map<Key, Watched> watched_;  // those with requests in flight
  Brokers suspects_;
  Brokers without_metadata_;
};

}  // namespace longhaul
