// How much memory the line of the process needs.
//
// Records are in memory from the request for them until the target has acknowledged them, so for a
// round trip to each cluster at least. What the line carries in that time is in memory, twice: the
// requests in flight may reserve half of the memory only.
//
//   needed = 2 x bytes fetched a second x (round trip to the source + round trip to the target)
//
// What the line can carry is not known. While memory limits the lanes, they fetch what the memory
// permits, and `needed` is about the memory that there is. So the memory grows while a lane lacks
// some and `needed` is near, until the line (or a broker) is the limit. A target that is slow needs
// no more memory: `needed` is small then, whatever waits.
//
// Pure: no clock, no transport. The rate is that of all lanes, since they share line and memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/per_side.h"
#include "core/shortest_time.h"
#include "core/transport.h"

namespace longhaul {

class LineMemory {
 public:
  // A rate is measured over a window: so long, and several round trips.
  static constexpr int64_t kWindowMs = 1'000;
  static constexpr int64_t kWindowRoundTrips = 8;
  // The shortest round trip of this span, at least, is that of a line on which nothing waits.
  static constexpr int64_t kNearestMs = 600'000;

  // By a Fetch that was answered at once, or by a Produce.
  void SeeRoundTrip(Side side, int64_t now, int64_t ms) {
    if (ms >= 0) nearest_[side].See(now, ms);
  }
  // A Fetch waits for memory, or asks for less for want of it.
  void Lack() { has_lacked_ = true; }

  // Both round trips.
  int64_t round_trips_ms() const {
    return std::max<int64_t>(nearest_.source.ms(), 0) + std::max<int64_t>(nearest_.target.ms(), 0);
  }
  int64_t bytes_per_second() const { return bytes_per_second_; }

  // The bound that the lanes need if it is more than `bound`, else 0. `fetched`: by all lanes since
  // the process has started.
  int64_t Look(int64_t now, int64_t fetched, int64_t bound) {
    const int64_t window_ms = std::max(kWindowMs, kWindowRoundTrips * round_trips_ms());
    const int64_t ms = now - looked_at_;
    if (ms < window_ms) return 0;
    looked_at_ = now;
    const int64_t bytes = fetched - std::exchange(fetched_, fetched);
    const bool has_lacked = std::exchange(has_lacked_, false);
    if (ms >= 2 * window_ms) return 0;  // the lane has slept
    bytes_per_second_ = bytes * 1'000 / ms;
    const int64_t needed = 2 * (bytes * round_trips_ms() / ms);
    if (!has_lacked || needed * 8 < bound * 5) return 0;
    return std::max(needed / 5 * 8, bound / 4 * 5);
  }

 private:
  PerSide<ShortestTime> nearest_{ShortestTime(kNearestMs), ShortestTime(kNearestMs)};
  int64_t looked_at_ = 0;
  int64_t fetched_ = 0;
  int64_t bytes_per_second_ = 0;
  bool has_lacked_ = false;
};

}  // namespace longhaul
