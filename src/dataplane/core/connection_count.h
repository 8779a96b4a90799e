// How many connections a lane fetches over from one source broker.
//
// The problem: a connection has no more bytes under way than the smaller one of two socket buffers
// holds. A broker's default send buffer (100 KiB) passes 2.4 MB/s over a round trip of 100 ms,
// whatever the line can carry. Several connections pass more. But the lane does not see the
// broker's buffer, and its kernel sees only the next hop, which may be a proxy. So the lane tries:
//
//             twice as many             all are open, each
//             are wanted                has its partitions       5 round trips
//   kSteady ---------------> kOpening -----------------> kSettling ---------> kTrial
//      ^ ^                                                                      |  |
//      | +------ 5 % faster or more: keeps them, and tries more at once --------+  |
//      +-------- less: returns to the former number, for a minute, then two, ... --+
//
// If a lane gets faster only because other lanes of the process get slower, the line is full. So
// what all lanes fetch must grow as much. The second connection is kept in any case: a broker
// serves one Fetch of a connection at a time, so a single connection passes nothing for a round
// trip between two responses. With two, the line carries one response meanwhile.
//
// The lane tries only if more connections can pay: the broker is far (on a near one no window
// bounds a connection), there is more to fetch than one connection can fetch (several partitions
// with records, or one with so many that it can be fetched in stripes), and no Fetch
// waits for memory, since then the target is slower than the source. When a quarter of the
// connections would do for a minute, half of them are closed.
//
// Pure: no clock, no transport. fetch_channels.h measures, opens and closes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/shortest_time.h"

namespace longhaul {

// Constants of the lane. Simulations use shorter times.
struct ConnectionPace {
  // A nearer broker has one connection. Over 5 ms a broker's default send buffer passes 48 MB/s.
  int64_t far_ms = 5;
  // What a rate is measured over, at least. A Fetch response may be longer than a window.
  int64_t window_ms = 500;
  int64_t window_round_trips = 8;
  // New connections need some round trips until their congestion windows are open.
  int64_t settle_round_trips = 5;
  // Each needs some round trips to connect and log in, one after another; and partitions move only
  // between two Fetches.
  int64_t opening_ms_max = 30'000;
  int64_t opening_look_ms = 20;
  int64_t gain_percent = 5;
  int64_t hold_ms = 60'000;  // after a trial that did not pay; doubles
  int64_t hold_ms_max = 16 * 60'000;
  int64_t refused_ms = 10 * 60'000;
  int64_t idle_ms = 60'000;
  // A broker that sends less in a window is not looked at any further.
  int64_t busy_bytes = 64 * 1024;
  // How long a further connection may take until it is logged in: librdkafka tries several times.
  int64_t open_ms_max = 10'000;
  // Before a connection that has ended is opened again; doubles.
  int64_t pause_ms = 1'000;
  int64_t pause_ms_max = 60'000;
  // A partition with a smaller backlog is not fetched in stripes (stripe_fetcher.h).
  int64_t stripe_backlog_bytes = 8 << 20;
  // A partition that lacks as much no longer follows its log (fetch_channels.h).
  int64_t behind_bytes = 1 << 20;
};

class ConnectionCount {
 public:
  // What is known at the end of a window.
  struct Look {
    int64_t bytes = 0;         // moved over all connections since the last look
    int64_t bytes_of_all = 0;  // fetched by all lanes of the process since the last look
    // Connections that could fetch: one for each partition with records to fetch and with room for
    // them, or any number.
    int32_t busy = 0;
    int32_t members = 0;       // the same, whether or not there is something to fetch
    int32_t affordable = 1;    // connections that the memory of the lane has room for
    bool is_spread = false;    // all wanted connections are open and have their partitions
    bool lacked_room = false;  // a Fetch waited for memory
  };

  // `max`: connections.per.broker.max.
  ConnectionCount(int32_t max, const ConnectionPace& pace) : max_(max), pace_(pace) {}

  int32_t wanted() const { return count_; }
  bool is_trying() const { return phase_ != Phase::kSteady; }
  // When to call Judge again.
  int64_t due() const { return due_; }
  // From sending a Fetch until the first byte of its response.
  void SeeRoundTrip(int64_t now, int64_t ms) { round_trip_.See(now, ms); }
  // -1: not known.
  int64_t round_trip_ms() const { return round_trip_.ms(); }
  void Judge(int64_t now, const Look& look);
  // The broker accepts no more connections than `count`.
  void Limit(int64_t now, int32_t count);

 private:
  enum class Phase : uint8_t { kSteady, kOpening, kSettling, kTrial };
  static constexpr int64_t kRoundTripsMs = 10'000;  // how long the shortest one counts, at least
  static constexpr int32_t kTrials = 2;  // windows; one alone may have hit a stall of the line

  int64_t WindowMs() const;
  // Bytes a second in a window.
  struct Rate {
    int64_t own = 0;
    int64_t of_all = 0;  // lanes of the process
    static Rate Higher(const Rate& a, const Rate& b) {
      return {std::max(a.own, b.own), std::max(a.of_all, b.of_all)};
    }
  };
  void Rest(int64_t now, const Look& look, const Rate& rate);
  bool Shrinks(int64_t now, int64_t rate);
  void Decide(int64_t now, const Look& look, const Rate& rate);
  bool Pays() const;
  void Return(int64_t now, int32_t count);

  const int32_t max_;
  const ConnectionPace pace_;
  Phase phase_ = Phase::kSteady;
  int32_t count_ = 1;
  int64_t due_ = 0;
  int64_t looked_at_ = 0;
  Rate rest_rate_;  // in the last window at rest
  int64_t opened_by_ = 0;
  int32_t former_count_ = 1;  // before the trial
  Rate former_rate_;
  int32_t factor_ = 2;  // of the next trial
  Rate trial_rate_;
  int32_t trials_ = 0;
  int64_t connection_rate_ = 0;  // what one connection passes, by the last trial
  int64_t hold_until_ = 0;
  int64_t hold_ms_ = 0;  // the next one; 0: pace_.hold_ms
  int64_t idle_since_ = 0;
  ShortestTime round_trip_{kRoundTripsMs};
};

}  // namespace longhaul
