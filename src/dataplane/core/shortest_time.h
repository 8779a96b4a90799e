// The shortest of the times that were seen in the last span, and in the span before it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace longhaul {

class ShortestTime {
 public:
  explicit ShortestTime(int64_t span_ms) : span_ms_(span_ms) {}

  void See(int64_t now, int64_t ms) {
    if (now - since_ >= span_ms_) {
      former_ms_ = now - since_ < 2 * span_ms_ ? ms_ : -1;
      ms_ = -1;
      since_ = now;
    }
    ms_ = ms_ < 0 ? ms : std::min(ms_, ms);
  }
  // -1: not known.
  int64_t ms() const {
    return ms_ < 0 || former_ms_ < 0 ? std::max(ms_, former_ms_) : std::min(ms_, former_ms_);
  }

 private:
  const int64_t span_ms_;
  int64_t ms_ = -1;
  int64_t former_ms_ = -1;
  int64_t since_ = 0;
};

}  // namespace longhaul
