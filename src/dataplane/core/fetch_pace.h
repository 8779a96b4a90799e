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

  int64_t bytes_max() const { return bytes_max_; }

  // A Fetch of `asked` bytes was answered with `received` bytes, `ms` after it was sent. The first
  // of these bytes arrived after `first_byte_ms`; -1: not known.
  void Answered(int64_t asked, int64_t received, int64_t ms, int64_t first_byte_ms) {
    if (2 * received < asked) return;
    const int64_t time_ms = std::max(kTimeMs, kRoundTrips * first_byte_ms);
    bytes_max_ = std::max(kBytesMin, received * time_ms / std::max<int64_t>(ms, 1));
  }

 private:
  int64_t bytes_max_ = kBytesMin;
};

}  // namespace longhaul
