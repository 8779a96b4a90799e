// The memory of responses: address ranges of our own, cut into blocks of whole pages. malloc is not
// made for them: it puts small things between large ones, which then pin holes of all sizes, and
// the next response fits into no hole. A process whose lanes run full grew with every stall.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace longhaul {

// The largest block of a range. A larger response is mapped for itself, and goes back to the kernel
// when it is freed.
constexpr size_t kKeptBlockBytes = 32 * 1024 * 1024;

// Thread-safe: a response is allocated by a broker's thread and freed by a lane's.
//
// Each page of a range is in use, warm (free, and with memory behind it) or cold:
//
//   | used | warm | used | warm | cold ... |
//
// used + warm <= the shares of all lanes, or what is in use if that is more. A block lies where the
// fewest cold pages are, so that in the long run none is touched for the first time, whatever the
// sizes of responses are. What becomes warm beyond the bound goes back to the kernel.
class BlockPool {
 public:
  // What is smaller comes from malloc.
  static constexpr size_t kBlockBytesMin = 2 * 1024;

  // How much the pool may keep warm on behalf of one lane, for as long as the lane lives.
  class Share {
   public:
    Share(BlockPool* pool, size_t bytes) : pool_(pool), bytes_(bytes) { pool_->Grow(bytes_); }
    ~Share() { pool_->Shrink(bytes_); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

   private:
    BlockPool* const pool_;
    const size_t bytes_;
  };

  struct Totals {
    size_t used;       // bytes of blocks, with malloc's
    size_t warm;       // bytes
    uint64_t touched;  // bytes that were cold when a block was put there, ever
    size_t ranges;     // that are mapped
  };

  static BlockPool& OfProcess();
  // The bytes of a block for so many bytes, with what lies around them.
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
