#include "core/block_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "core/assertion.h"
#include "core/page_map.h"

namespace longhaul {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kHugePage = 2 * 1024 * 1024;
constexpr size_t Whole(size_t unit, size_t bytes) { return (bytes + unit - 1) / unit * unit; }

// A range of addresses; only pages that were touched occupy memory. Two of the largest blocks fit.
constexpr size_t kRangeBytes = 2 * kKeptBlockBytes;

// Null: the kernel refuses the mapping, for example because of vm.max_map_count.
uint8_t* Map(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<uint8_t*>(memory);
}

// At a multiple of kHugePage, as huge pages are. A kernel without them uses pages of 4 KiB.
uint8_t* MapHuge(size_t bytes) {
  uint8_t* memory = Map(bytes + kHugePage);
  if (memory == nullptr) return nullptr;
  const size_t before = Whole(kHugePage, reinterpret_cast<uintptr_t>(memory)) -
                        reinterpret_cast<uintptr_t>(memory);
  if (before > 0) (void)munmap(memory, before);
  if (before < kHugePage) (void)munmap(memory + before + bytes, kHugePage - before);
  (void)madvise(memory + before, bytes, MADV_HUGEPAGE);
  return memory + before;
}

}  // namespace

class BlockPool::Range {
 public:
  // Null: no addresses are left.
  static std::unique_ptr<Range> Create() {
    uint8_t* base = MapHuge(kRangeBytes);
    return std::unique_ptr<Range>(base == nullptr ? nullptr : new Range(base));
  }
  ~Range() { (void)munmap(base_, pages.bytes()); }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;

  uint8_t* At(size_t offset) { return base_ + offset; }
  size_t OffsetOf(const void* memory) const {
    return static_cast<size_t>(static_cast<const uint8_t*>(memory) - base_);
  }
  // False: the kernel keeps it.
  bool Release(size_t begin, size_t bytes) {
    return madvise(At(begin), bytes, MADV_DONTNEED) == 0;
  }

  PageMap pages{kRangeBytes};

 private:
  explicit Range(uint8_t* base) : base_(base) {}
  uint8_t* const base_;
};

// The header before the payload.
struct alignas(16) BlockPool::Block {
  enum class From : uint8_t { kMalloc, kRange, kMapped };
  size_t bytes;  // including this header
  Range* range;  // kRange only
  From from;

  void* payload() { return this + 1; }
  static Block* Of(void* payload) { return static_cast<Block*>(payload) - 1; }

  static Block* FromMalloc(size_t bytes) {
    void* memory = std::malloc(bytes);
    if (memory == nullptr)
      FailAssertion("no memory for a response of " + std::to_string(bytes) + " bytes");
    return new (memory) Block{bytes, nullptr, From::kMalloc};
  }
  static Block* MappedForItself(size_t bytes) {
    uint8_t* memory = Map(bytes);
    return memory == nullptr ? nullptr : new (memory) Block{bytes, nullptr, From::kMapped};
  }
};

BlockPool& BlockPool::OfProcess() {
  static BlockPool* const pool = new BlockPool;  // never destroyed: threads may outlive main()
  return *pool;
}

BlockPool::BlockPool() = default;
BlockPool::~BlockPool() = default;

size_t BlockPool::Footprint(size_t size) {
  const size_t bytes = size + sizeof(Block);
  return bytes < kBlockBytesMin ? bytes : Whole(kPage, bytes);
}

void* BlockPool::Allocate(size_t size) {
  const size_t bytes = Footprint(size);
  Block* block = nullptr;
  {
    std::lock_guard<std::mutex> guard(mutex_);
    used_ += bytes;
    if (bytes >= kBlockBytesMin && bytes <= kKeptBlockBytes) block = Take(bytes);
    Trim();
  }
  if (block == nullptr && bytes > kKeptBlockBytes) block = Block::MappedForItself(bytes);
  if (block == nullptr) block = Block::FromMalloc(bytes);
  return block->payload();
}

// The caller holds the lock, and has added the bytes to used_. Null: no addresses are left.
BlockPool::Block* BlockPool::Take(size_t bytes) {
  Place place = FindPlace(bytes);
  if (place.range == nullptr) {
    std::unique_ptr<Range> range = Range::Create();
    if (range == nullptr) return nullptr;
    place = {range.get(), 0, bytes};
    ranges_.push_back(std::move(range));
  }
  place.range->pages.Mark(place.begin, place.begin + bytes, PageMap::State::kUsed);
  warm_ -= bytes - place.cold;
  touched_ += place.cold;
  return new (place.range->At(place.begin)) Block{bytes, place.range, Block::From::kRange};
}

BlockPool::Place BlockPool::FindPlace(size_t bytes) const {
  Place best;
  for (const std::unique_ptr<Range>& range : ranges_) {
    const PageMap::Fit fit = range->pages.Find(bytes);
    if (fit.found && fit.cold < best.cold) best = {range.get(), fit.begin, fit.cold};
    if (best.cold == 0) break;
  }
  return best;
}

void BlockPool::Free(void* payload) {
  Block* block = Block::Of(payload);
  const size_t bytes = block->bytes;
  const Block::From from = block->from;
  {
    std::lock_guard<std::mutex> guard(mutex_);
    used_ -= bytes;
    if (from == Block::From::kRange) {
      Range* range = block->range;
      const size_t begin = range->OffsetOf(block);
      range->pages.Mark(begin, begin + bytes, PageMap::State::kWarm);
      warm_ += bytes;
    }
    Trim();
  }
  if (from == Block::From::kMalloc) std::free(block);
  if (from == Block::From::kMapped) (void)munmap(block, bytes);
}

BlockPool::Totals BlockPool::totals() const {
  std::lock_guard<std::mutex> guard(mutex_);
  return {used_, warm_, touched_, ranges_.size()};
}

// The caller holds the lock, so that no block uses pages that are being returned to the kernel.
void BlockPool::Trim() {
  Release(kHugePage);
  Release(kPage);
}

// Returns whole units of warm pages until the bound holds, the highest first, so that long-lived
// blocks gather at the low end.
void BlockPool::Release(size_t unit) {
  for (size_t i = ranges_.size(); i-- > 0 && used_ + warm_ > bound_ && warm_ > 0;) {
    Range& range = *ranges_[i];
    while (used_ + warm_ > bound_) {
      const PageMap::Span warm = range.pages.LastWarm(unit);
      const size_t bytes = std::min(warm.bytes, Whole(unit, used_ + warm_ - bound_));
      const size_t begin = warm.begin + warm.bytes - bytes;
      if (bytes == 0 || !range.Release(begin, bytes)) break;
      range.pages.Mark(begin, begin + bytes, PageMap::State::kCold);
      warm_ -= bytes;
    }
    if (range.pages.is_cold()) ranges_.erase(ranges_.begin() + static_cast<ptrdiff_t>(i));
  }
}

void BlockPool::Grow(size_t bytes) {
  std::lock_guard<std::mutex> guard(mutex_);
  bound_ += bytes;
}

void BlockPool::Shrink(size_t bytes) {
  std::lock_guard<std::mutex> guard(mutex_);
  bound_ -= bytes;
  Trim();
}

}  // namespace longhaul
