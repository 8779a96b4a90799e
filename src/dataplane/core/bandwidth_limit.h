// How fast a lane may fetch: a token bucket, in bytes of Fetch responses.
//
// A lane fetches while it has bytes, and a response is subtracted when it arrives. Several Fetches
// may be in flight, so the bucket may become negative; then the lane waits. So over any time the
// lane fetches at most rate x time + one second of the rate + what was in flight.
//
// A broker returns the first batch even if it is larger than the Fetch allows (KIP-74). What the
// bucket lacks for such a batch is a debt of its partition. Half of the rate repays debts, and so
// does what the bucket cannot hold. The partition waits until its debt is repaid; the others fetch
// with the rest of the rate.
//
// Partitions that produce little do not wait behind those with a backlog: a Fetch returns the
// partitions first that had no records in the Fetch before (FetchSession::MoveToEnd).
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>

namespace longhaul {

class BandwidthLimit {
 public:
  // What the bucket holds at most.
  static constexpr int64_t kBurstMs = 1'000;
  // With fewer bytes than this, or than a quarter of the burst, a Fetch waits: most of a smaller
  // response is overhead.
  static constexpr int64_t kFetchBytesMin = 64 * 1024;

  // 0: no limit. A change keeps a debt. A limit begins with an empty bucket: the lane may be one
  // that was restarted and has spent its second before.
  void Set(int64_t bytes_per_second, int64_t now) {
    Refill(now);
    const bool was_limited = is_limited();
    rate_ = bytes_per_second;
    bytes_ = was_limited ? std::min(bytes_, Burst()) : 0;
    // `now` may be the time of a tick long ago.
    if (!was_limited) refilled_at_ = -1;
    if (is_limited()) return;
    debts_.clear();
    EndWait(now);
  }

  bool is_limited() const { return rate_ > 0; }
  int64_t rate() const { return rate_; }

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

  // `bytes`, which were subtracted, belong to a batch that was larger than its Fetch allowed.
  void Owe(uint32_t partition, int64_t bytes) {
    const int64_t lacking = std::min(bytes, -bytes_);
    if (!is_limited() || lacking <= 0) return;
    bytes_ += lacking;
    debts_[partition] += lacking;
  }
  // Until when the partition waits at least, because it has a debt; 0: it has none.
  int64_t OwesUntil(uint32_t partition, int64_t now) {
    if (debts_.empty()) return 0;
    Refill(now);
    const auto debt = debts_.find(partition);
    if (debt == debts_.end()) return 0;
    return now + std::max<int64_t>(debt->second * 1'000 / rate_, 1);
  }

  // How long Fetches have waited for bytes, ms, ever.
  int64_t waited_ms(int64_t now) const {
    return waited_ms_ + (waiting_since_ < 0 ? 0 : now - waiting_since_);
  }

 private:
  int64_t Burst() const { return std::max<int64_t>(rate_ * kBurstMs / 1'000, 1); }
  int64_t Least() const { return std::min((Burst() + 3) / 4, kFetchBytesMin); }

  void Refill(int64_t now) {
    const int64_t since = refilled_at_ < 0 ? now : refilled_at_;
    const int64_t ms = std::clamp<int64_t>(now - since, 0, kLongestMs);
    refilled_at_ = now;
    if (!is_limited()) return;
    // Thousandths of a byte are kept, so that frequent looks do not round the rate down; and the
    // number of bytes is even, so that frequent looks do not round down what repays debts.
    const int64_t thousandths = rate_ * ms + rest_;
    rest_ = thousandths % 2'000;
    const int64_t earned = (thousandths - rest_) / 1'000;
    bytes_ += earned - Repay(earned / 2);
    Repay(bytes_ - Burst());
    bytes_ = std::min(bytes_, Burst());
  }
  // All debts alike, so that a small one does not wait for a large one. Returns what was repaid.
  int64_t Repay(int64_t bytes) {
    int64_t left = std::max<int64_t>(bytes, 0);
    const int64_t all = left;
    while (left > 0 && !debts_.empty()) {
      const int64_t each = std::max<int64_t>(left / static_cast<int64_t>(debts_.size()), 1);
      for (auto debt = debts_.begin(); debt != debts_.end() && left > 0;) {
        const int64_t part = std::min({each, debt->second, left});
        debt->second -= part;
        left -= part;
        debt = debt->second == 0 ? debts_.erase(debt) : std::next(debt);
      }
    }
    return all - left;
  }
  void EndWait(int64_t now) {
    waited_ms_ = waited_ms(now);
    waiting_since_ = -1;
  }

  static constexpr int64_t kLongestMs = 3'600'000;  // so that rate x time does not overflow

  int64_t rate_ = 0;
  int64_t bytes_ = 0;
  int64_t rest_ = 0;
  int64_t refilled_at_ = -1;  // -1: not since the limit began
  int64_t waiting_since_ = -1;
  int64_t waited_ms_ = 0;
  std::map<uint32_t, int64_t> debts_;  // of each partition that has one
};

}  // namespace longhaul
