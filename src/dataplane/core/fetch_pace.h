// How many bytes a Fetch on one channel asks for, so that its response arrives within about a
// second.
//
// Over a connection that passes 1 MB/s, a Fetch of 6 MiB takes 6 s. Meanwhile the lane learns no
// end of a log, produces nothing, and cannot decide whether more connections would pay. A response
// that arrives within a second avoids that. A smaller Fetch would waste the line, because the
// connection passes nothing for a round trip between two responses: a Fetch takes at least ten
// round trips, so at most a tenth of the time is lost.
//
// The rate is the bytes of the last response divided by the time since its Fetch was sent. That
// time contains the round trip, so one window of a connection that waits for acknowledgements
// counts with the round trip that it needs. On a fast line most of the time of a small Fetch is
// the round trip; then the next Fetch asks for ten times as much. A response that is much smaller
// than its Fetch tells no rate: the broker had no more records.
//
// While other partitions follow their logs, what is in flight for a backlog delays their records:
// on one connection all of it, on a line that is full what waits before it. The bytes in flight are
// what the rate passes in the round trips that a Fetch lasts. So a Fetch lasts fewer round trips
// while the first bytes of responses arrive late, and more while they do not, as over connections
// that the window of the broker limits.
#pragma once

#include <algorithm>
#include <cstdint>

namespace longhaul {

class FetchPace {
 public:
  // What the first Fetch asks for, before a rate is known, and what each Fetch asks for at least.
  // The overhead of smaller requests is a large part of their cost.
  static constexpr int64_t kBytesMin = 256 * 1024;
  static constexpr int64_t kTimeMs = 1'000;
  static constexpr int64_t kRoundTrips = 10;
  // Beside partitions that follow their logs: how long a Fetch to a near broker lasts, and how many
  // round trips one to a far broker lasts at first.
  static constexpr int64_t kBesideMs = 50;
  static constexpr double kBesideRoundTrips = 3;
  // First bytes are late after a quarter of a round trip, and after this time at least.
  static constexpr int64_t kLateMs = 10;

  int64_t bytes_max() const {
    return BytesIn(std::max(kTimeMs, kRoundTrips * first_byte_ms_));
  }
  // Beside partitions that follow their logs. `least` and `most`: round trips.
  int64_t bytes_max_beside(int64_t round_trip_ms, double least, double most) const {
    const double trips = std::clamp(round_trips_, least, most);
    return BytesIn(std::max(
        kBesideMs, static_cast<int64_t>(trips * static_cast<double>(round_trip_ms))));
  }

  // A Fetch of `asked` bytes was answered with `received` bytes, `ms` after it was sent. The first
  // of these bytes arrived after `first_byte_ms`; -1: not known. `round_trip_ms`: of a line on
  // which nothing waits; -1: not known.
  void Answered(int64_t asked, int64_t received, int64_t ms, int64_t first_byte_ms,
                int64_t round_trip_ms) {
    if (2 * received < asked) return;
    received_ = received;
    ms_ = std::max<int64_t>(ms, 1);
    first_byte_ms_ = first_byte_ms;
    if (first_byte_ms < 0 || round_trip_ms < 0) return;
    const bool is_late = first_byte_ms - round_trip_ms > std::max(round_trip_ms / 4, kLateMs);
    round_trips_ = std::clamp(round_trips_ * (is_late ? 0.75 : 1.125), 1.0,
                              static_cast<double>(kRoundTrips));
  }

 private:
  int64_t BytesIn(int64_t ms) const { return std::max(kBytesMin, received_ * ms / ms_); }

  // The last response that told a rate.
  int64_t received_ = 0;
  int64_t ms_ = 1;
  int64_t first_byte_ms_ = -1;
  double round_trips_ = kBesideRoundTrips;
};

}  // namespace longhaul
