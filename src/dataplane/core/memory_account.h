// The memory of a lane: bytes of buffers that are alive, and bytes that the responses to requests
// in flight may hold. Their sum stays below what the lane has of the memory of the process
// (lent_memory.h), its bound, because a request asks only for what still fits:
//
//   | held: responses, re-encoded batches | reserved: Fetches | room | kept free for scans |
//
// The bound changes only in Settle(), and never to less than what is held and reserved.
//
// A partition that cannot produce needs a scan of the target before it can continue. The lane may
// then be full of batches of such partitions. So a part of the bound is kept free for scans.
//
// Two cases stop all Fetches:
// - A broker returns at least one whole batch, however large it is (KIP-74). Such a batch may
//   exceed the bound. Then the lane fetches nothing until the batch is acknowledged.
// - A buffer that is too large for the ranges of the pool has a mapping of its own (block_pool.h).
//   The lane fetches nothing until that buffer is freed, whatever the bound.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "contract/contract.generated.h"
#include "core/block_pool.h"
#include "core/lent_memory.h"
#include "core/transport.h"

namespace longhaul {

// Sums over the buffers that are alive.
struct HeldTotals {
  int64_t bytes = 0;
  int64_t mapped = 0;  // number of buffers with a mapping of their own
};

// A buffer that counts as held until it is freed, which may be after the lane has ended.
class HeldBuffer {
 public:
  // The memory that describes a response, and each batch in it. With batches of a few records that
  // is as much as a fifth of the bytes of the records.
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

  // Bytes of queued batches in the buffer. No batch needs the other bytes, the dead ones; they are
  // freed only with the whole buffer.
  int64_t queued_bytes() const { return queued_bytes_; }
  // `times`: 1 for a batch that is queued, -1 for one that leaves its queue.
  void CountBatch(int64_t times, int64_t bytes) {
    queued_bytes_ += times * bytes;
    totals_->bytes += times * kBatchOverhead;
  }
  // Batches in the buffer that cannot move, because a request in flight or a job points to them.
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

// Bytes that count as held although no buffer holds them yet, for as long as this lives.
class HeldBytes {
 public:
  HeldBytes(int64_t bytes, std::shared_ptr<HeldTotals> totals)
      : bytes_(bytes), totals_(std::move(totals)) {
    totals_->bytes += bytes_;
  }
  ~HeldBytes() { totals_->bytes -= bytes_; }
  HeldBytes(const HeldBytes&) = delete;
  HeldBytes& operator=(const HeldBytes&) = delete;

 private:
  const int64_t bytes_;
  const std::shared_ptr<HeldTotals> totals_;
};

class MemoryAccount {
 public:
  // One part in kScanShare of the bound is kept free for scans of the target.
  static constexpr int64_t kScanShare = 8;

  // A lane wants kAhead times what it used at most in the last kPeakMs: limits that stop it are
  // parts of its bound, such as a quarter for a response or for a target broker.
  static constexpr int64_t kAhead = 8;
  static constexpr int64_t kPeakMs = 1'000;

  // `shared`: of the process; null: the lane is alone in its memory.
  MemoryAccount(const ForwarderSettings& settings, LentMemory* shared)
      : own_(shared == nullptr ? std::make_unique<LentMemory>(settings.in_flight_bytes_max, 1)
                               : nullptr),
        part_(shared == nullptr ? own_.get() : shared) {}

  HeldRef Hold(BufferRef buffer) {
    return std::make_shared<HeldBuffer>(std::move(buffer), totals_);
  }
  HeldBytes Count(int64_t bytes) { return HeldBytes(bytes, totals_); }
  int64_t held() const { return totals_->bytes; }
  int64_t bound() const { return part_.bytes(); }
  bool lacks() const { return part_.lacks(); }
  int64_t bound_of_all() const { return part_.memory().bound(); }
  // False: the bound of the process is as large already.
  bool RaiseAll(int64_t bytes) { return part_.RaiseAll(bytes); }

  // Borrows what the lane lacks, and returns what it does not need, see lent_memory.h.
  void Settle(int64_t now) {
    if (now - peak_since_ >= kPeakMs) {
      former_peak_ = now - peak_since_ < 2 * kPeakMs ? peak_ : 0;
      peak_ = 0;
      peak_since_ = now;
    }
    const int64_t fetched = totals_->bytes + fetch_reserved_;
    peak_ = std::max(peak_, fetched + scan_reserved_);
    part_.Settle(kAhead * std::max(peak_, former_peak_),
                 std::max(fetched + fetched / (kScanShare - 1) + kScanShare,
                          kScanShare * scan_reserved_));
  }

  int64_t fetch_room() const {
    if (totals_->mapped > 0) return 0;
    return bound() - scan_bytes_max() - totals_->bytes - fetch_reserved_;
  }
  void ReserveFetch(int64_t bytes) { fetch_reserved_ += bytes; }
  void EndFetch(int64_t bytes) { fetch_reserved_ -= bytes; }

  int64_t scan_bytes_max() const { return bound() / kScanShare; }
  int64_t scan_room() const { return scan_bytes_max() - scan_reserved_; }
  void ReserveScan(int64_t bytes) { scan_reserved_ += bytes; }
  void EndScan(int64_t bytes) { scan_reserved_ -= bytes; }

 private:
  const std::unique_ptr<LentMemory> own_;
  LentMemory::Part part_;
  int64_t peak_ = 0;  // since peak_since_
  int64_t former_peak_ = 0;
  int64_t peak_since_ = 0;
  // Shared, because a buffer may be freed after the lane.
  std::shared_ptr<HeldTotals> totals_ = std::make_shared<HeldTotals>();
  int64_t fetch_reserved_ = 0;
  int64_t scan_reserved_ = 0;
};

}  // namespace longhaul
