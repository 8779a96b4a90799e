// The memory of responses: address ranges that the pool maps and cuts into blocks of whole pages.
// malloc does not suit responses: it places small allocations between large ones, which leaves gaps
// of many sizes, and the next response fits into none of them. With malloc, a process whose lanes
// are full grows each time a broker stalls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace longhaul {

// The largest block of a range. A larger response has a mapping of its own, which goes back to the
// kernel when the response is freed.
constexpr size_t kKeptBlockBytes = 32 * 1024 * 1024;

// Thread-safe: a response is allocated by a broker's thread and freed by a lane's.
//
// Each page of a range is in use, warm (free, and with memory behind it) or cold:
//
//   | used | warm | used | warm | cold ... |
//
// used + warm <= the shares of all lanes, or the bytes in use if they are more. A new block is
// placed where it covers the fewest cold pages, so that in the long run no page is touched for the
// first time, whatever the sizes of responses are. Warm pages beyond the bound go back to the
// kernel.
//
// The kernel is asked for huge pages, of 2 MiB: with pages of 4 KiB it copied the bytes of a
// connection a third slower, because the processor had to look up each page. The kernel backs a
// range by a whole huge page at a time, so a range may have up to 2 MiB more than the pool
// counts. To keep the huge pages whole, the pool returns whole ones where it can.
class BlockPool {
 public:
  // Smaller blocks come from malloc.
  static constexpr size_t kBlockBytesMin = 2 * 1024;

  // How much the pool may keep warm on behalf of one lane, for as long as the lane lives.
  class Share {
   public:
    Share(BlockPool* pool, size_t bytes) : pool_(pool), bytes_(bytes) { pool_->Grow(bytes_); }
    void Resize(size_t bytes) {
      if (bytes == bytes_) return;
      pool_->Grow(bytes);
      pool_->Shrink(std::exchange(bytes_, bytes));
    }
    ~Share() { pool_->Shrink(bytes_); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

   private:
    BlockPool* const pool_;
    size_t bytes_;
  };

  struct Totals {
    size_t used;       // bytes of blocks, those from malloc included
    size_t warm;       // bytes
    uint64_t touched;  // bytes that were cold when a block was placed there, since the start
    size_t ranges;     // that are mapped
  };

  static BlockPool& OfProcess();
  // The bytes of a block that holds `size` bytes: with its header, in whole pages.
  static size_t Footprint(size_t size);

  BlockPool();
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // Aligned as malloc's. Never null: without memory the process ends.
  void* Allocate(size_t size);
  void Free(void* payload);
  Totals totals() const;

 private:
  struct Block;
  class Range;
  struct Place {
    Range* range = nullptr;
    size_t begin = 0;
    size_t cold = SIZE_MAX;
  };

  Block* Take(size_t bytes);
  Place FindPlace(size_t bytes) const;
  void Trim();
  void Release(size_t unit);
  void Grow(size_t bytes);
  void Shrink(size_t bytes);

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Range>> ranges_;
  size_t bound_ = 0;
  size_t used_ = 0;
  size_t warm_ = 0;
  uint64_t touched_ = 0;
};

}  // namespace longhaul
