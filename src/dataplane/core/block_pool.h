// The memory of responses: blocks that are mapped by themselves and used again. malloc is not made
// for them: it puts small things between large ones, which then pin holes of all sizes, and the
// next response fits into no hole. A process whose lanes run full grew with every stall that way.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace longhaul {

// The largest block that is used again. A larger response is mapped for itself, and goes back to
// the kernel when it is freed.
constexpr size_t kKeptBlockBytes = 32 * 1024 * 1024;

// Thread-safe: a response is allocated by a broker's thread and freed by a lane's.
//
//   | mapped: in use | kept free, to be used again |  <= the shares of all lanes, or what is in use
class BlockPool {
 public:
  // What is smaller comes from malloc.
  static constexpr size_t kBlockBytesMin = 16 * 1024;

  // How much the pool may keep mapped on behalf of one lane, for as long as the lane lives.
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
    size_t mapped;      // bytes, with what is kept free
    size_t kept;        // bytes
    uint64_t created;   // blocks that were ever mapped
  };

  static BlockPool& OfProcess();

  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // At least `size` bytes, aligned as malloc's. Never null: without memory the process ends.
  void* Allocate(size_t size);
  void Free(void* payload);
  Totals totals() const;

 private:
  struct Block;
  // Each octave has eight classes, so that at most an eighth of a block is unused.
  static constexpr int kOctaveMin = 14;  // 16 KiB
  static constexpr int kOctaves = 11;    // up to 32 MiB
  static constexpr size_t kClasses = 8 * kOctaves + 1;

  static size_t ClassOf(size_t bytes);
  static size_t BytesOf(size_t size_class);
  static Block HeaderFor(size_t size);
  void Grow(size_t bytes);
  void Shrink(size_t bytes);
  Block* TakeKept(size_t size_class);
  Block* TakeOldest();
  std::vector<Block*> TakeBeyond(size_t bytes);

  mutable std::mutex mutex_;
  std::array<std::vector<Block*>, kClasses> kept_by_class_;  // the one freed last at the end
  size_t bound_ = 0;
  size_t in_use_ = 0;
  size_t kept_ = 0;
  uint64_t created_ = 0;
  uint64_t frees_ = 0;
};

}  // namespace longhaul
