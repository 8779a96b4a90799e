// How fast a lane may fetch: a token bucket, in bytes of Fetch responses.
//
// A lane fetches while it has bytes, and a response is subtracted when it arrives. A broker returns
// the first batch even if it is larger than the Fetch allows (KIP-74), and several Fetches may be
// in flight, so the bucket may become negative; then the lane waits until the debt is paid. So over
// any time the lane fetches at most rate x time + one second of the rate + what was in flight.
//
// Partitions that produce little do not wait behind those with a backlog: a Fetch returns the
// partitions first that had no records in the Fetch before (FetchSession::MoveToEnd).
#pragma once

#include <algorithm>
#include <cstdint>

namespace longhaul {

class BandwidthLimit {
 public:
  // What the bucket holds at most.
  static constexpr int64_t kBurstMs = 1'000;
  // With fewer bytes than this, or than a quarter of the burst, a Fetch waits: most of a smaller
  // response is overhead.
  static constexpr int64_t kFetchBytesMin = 64 * 1024;

  // 0: no limit. A change keeps a debt.
  void Set(int64_t bytes_per_second, int64_t now) {
    Refill(now);
    const bool was_limited = is_limited();
    rate_ = bytes_per_second;
    bytes_ = was_limited ? std::min(bytes_, Burst()) : Burst();
    if (!is_limited()) EndWait(now);
  }

  bool is_limited() const { return rate_ > 0; }

  // Whether the lane may send a Fetch now, and, if it has to wait, until when.
  bool MayFetch(int64_t now) {
    if (!is_limited()) return true;
    Refill(now);
    if (bytes_ < Least()) {
      if (waiting_since_ < 0) waiting_since_ = now;
      return false;
    }
    EndWait(now);
    return true;
  }
  int64_t FetchAt(int64_t now) const {
    return now + std::max<int64_t>(((Least() - bytes_) * 1'000 + rate_ - 1) / rate_, 1);
  }

  // What a Fetch may ask for, after MayFetch().
  int64_t FetchBytesMax() const { return is_limited() ? std::max<int64_t>(bytes_, 1) : INT64_MAX; }

  // Bytes that arrived, or that a Fetch will surely return. Negative: they did not arrive.
  void Spend(int64_t bytes) {
    if (is_limited()) bytes_ -= bytes;
  }

  // How long Fetches have waited for bytes, ms, ever.
  int64_t waited_ms(int64_t now) const {
    return waited_ms_ + (waiting_since_ < 0 ? 0 : now - waiting_since_);
  }

 private:
  int64_t Burst() const { return std::max<int64_t>(rate_ * kBurstMs / 1'000, 1); }
  int64_t Least() const { return std::min((Burst() + 3) / 4, kFetchBytesMin); }

  void Refill(int64_t now) {
    const int64_t ms = std::clamp<int64_t>(now - refilled_at_, 0, kLongestMs);
    refilled_at_ = now;
    if (!is_limited()) return;
    // Thousandths of a byte are kept, so that frequent looks do not round the rate down.
    const int64_t thousandths = rate_ * ms + rest_;
    rest_ = thousandths % 1'000;
    bytes_ = std::min(bytes_ + thousandths / 1'000, Burst());
  }
  void EndWait(int64_t now) {
    waited_ms_ = waited_ms(now);
    waiting_since_ = -1;
  }

  static constexpr int64_t kLongestMs = 3'600'000;  // so that rate x time does not overflow

  int64_t rate_ = 0;
  int64_t bytes_ = 0;
  int64_t rest_ = 0;
  int64_t refilled_at_ = 0;
  int64_t waiting_since_ = -1;
  int64_t waited_ms_ = 0;
};

}  // namespace longhaul
