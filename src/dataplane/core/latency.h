// Replication latency counts in log-linear buckets (contract-table.ts latencyBuckets): exact below
// 8 ms, then 8 buckets a power of two, so that a bucket is never wider than 12.5 % of its value.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace longhaul {

constexpr size_t kLatencyBucketCount = 8 + 8 * 25;

class LatencyCounts {
 public:
  void Add(int64_t milliseconds, int64_t records) {
    counts_[BucketOf(milliseconds)] += records;
    sum_ms_ += (milliseconds < 0 ? 0 : milliseconds) * records;
  }
  const std::array<int64_t, kLatencyBucketCount>& counts() const { return counts_; }
  int64_t sum_ms() const { return sum_ms_; }

  static size_t BucketOf(int64_t milliseconds) {
    if (milliseconds < 8) return milliseconds < 0 ? 0 : static_cast<size_t>(milliseconds);
    auto value = static_cast<uint64_t>(milliseconds);
    auto shift = static_cast<size_t>(std::bit_width(value)) - 4;
    if (shift > 24) return kLatencyBucketCount - 1;
    return 8 + shift * 8 + static_cast<size_t>((value >> shift) - 8);
  }

 private:
  std::array<int64_t, kLatencyBucketCount> counts_{};
  int64_t sum_ms_ = 0;
};

}  // namespace longhaul
