// What a lane holds: bytes of buffers that are alive, and bytes that requests in flight may bring.
// Their sum stays below in.flight.bytes.max, as a request is sent only for what still fits:
//
//   | held: responses, re-encoded batches | reserved: Fetches | room | kept free for scans |
//
// A scan of the target needs memory just when everything is full, because partitions that cannot
// produce fill it; so a part is kept free for scans. A broker returns at least one whole batch
// however large it is (KIP-74): such a batch overshoots the bound, and nothing is fetched until it
// is acknowledged. The same holds, whatever the bound, for a buffer that is mapped for itself
// (block_pool.h): it is alone in its lane, and goes back to the kernel when it is freed.
#pragma once

#include <cstdint>
#include <memory>

#include "contract/contract.generated.h"
#include "core/block_pool.h"
#include "core/transport.h"

namespace longhaul {

// Of the buffers that are alive.
struct HeldTotals {
  int64_t bytes = 0;
  int64_t mapped = 0;  // buffers that are mapped for themselves
};

// A buffer that counts as held until it is freed, which may be after the lane has ended.
class HeldBuffer {
 public:
  // Of what describes a response and a batch in it: with batches of a few records that is as much
  // as a fifth of the records.
  static constexpr int64_t kResponseOverhead = 1'024;
  static constexpr int64_t kBatchOverhead = 192;

  HeldBuffer(BufferRef buffer, std::shared_ptr<HeldTotals> totals)
      : buffer_(std::move(buffer)), totals_(std::move(totals)) {
    Count(1);
  }
  ~HeldBuffer() { Count(-1); }
  HeldBuffer(const HeldBuffer&) = delete;
  HeldBuffer& operator=(const HeldBuffer&) = delete;

  uint8_t* data() { return buffer_->data(); }
  int64_t size() const { return static_cast<int64_t>(buffer_->size()); }

  // Bytes of queued batches in it. The rest is dead, but freed with them only.
  int64_t queued_bytes() const { return queued_bytes_; }
  // `times`: 1 for a batch that is queued, -1 for one that leaves its queue.
  void CountBatch(int64_t times, int64_t bytes) {
    queued_bytes_ += times * bytes;
    totals_->bytes += times * kBatchOverhead;
  }
  // Batches in it that requests in flight point to: they cannot move.
  int32_t in_flight = 0;

 private:
  void Count(int64_t times) {
    const auto footprint = static_cast<int64_t>(buffer_->footprint());
    totals_->bytes += times * (footprint + kResponseOverhead);
    if (footprint > static_cast<int64_t>(kKeptBlockBytes)) totals_->mapped += times;
  }

  BufferRef buffer_;
  std::shared_ptr<HeldTotals> totals_;
  int64_t queued_bytes_ = 0;
};
using HeldRef = std::shared_ptr<HeldBuffer>;

class MemoryAccount {
 public:
  // The part of the bound that is kept free for scans of the target: one part in so many.
  static constexpr int64_t kScanShare = 8;

  explicit MemoryAccount(const ForwarderSettings& settings)
      : bound_(settings.in_flight_bytes_max) {}

  HeldRef Hold(BufferRef buffer) {
    return std::make_shared<HeldBuffer>(std::move(buffer), totals_);
  }
  int64_t held() const { return totals_->bytes; }
  int64_t bound() const { return bound_; }

  int64_t fetch_room() const {
    if (totals_->mapped > 0) return 0;
    return bound_ - scan_bytes_max() - totals_->bytes - fetch_reserved_;
  }
  void ReserveFetch(int64_t bytes) { fetch_reserved_ += bytes; }
  void EndFetch(int64_t bytes) { fetch_reserved_ -= bytes; }

  int64_t scan_bytes_max() const { return bound_ / kScanShare; }
  int64_t scan_room() const { return scan_bytes_max() - scan_reserved_; }
  void ReserveScan(int64_t bytes) { scan_reserved_ += bytes; }
  void EndScan(int64_t bytes) { scan_reserved_ -= bytes; }

 private:
  const int64_t bound_;
  // Shared, because a buffer may be freed after the lane.
  std::shared_ptr<HeldTotals> totals_ = std::make_shared<HeldTotals>();
  int64_t fetch_reserved_ = 0;
  int64_t scan_reserved_ = 0;
};

}  // namespace longhaul
