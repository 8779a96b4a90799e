#include "core/block_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <string>

#include "core/assertion.h"

namespace longhaul {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t WholePages(size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

// A block up to so many classes larger than the one that is wanted is used, too: it is at most a
// quarter larger. With more there are fewer page faults, and more memory is held than counted.
constexpr size_t kLargerClasses = 2;

}  // namespace

// In front of the payload.
struct alignas(16) BlockPool::Block {
  size_t bytes;        // with this header
  size_t size_class;   // of a block that can be kept
  uint64_t freed_at;   // the smaller, the longer it has been kept
  enum class From : uint8_t { kMalloc, kMapped, kMappedForItself } from;

  void* payload() { return this + 1; }
  static Block* Of(void* payload) { return static_cast<Block*>(payload) - 1; }

  // `bytes` are those of the header that it gets.
  static Block* Create(const Block& header) {
    void* memory = MAP_FAILED;
    if (header.from != From::kMalloc) {
      memory = mmap(nullptr, header.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                    0);
    }
    const bool is_mapped = memory != MAP_FAILED;
    // Also where the kernel allows no more mappings (vm.max_map_count).
    if (!is_mapped) memory = std::malloc(header.bytes);
    if (memory == nullptr)
      FailAssertion("no memory for a response of " + std::to_string(header.bytes) + " bytes");
    Block* block = new (memory) Block(header);
    if (!is_mapped) block->from = From::kMalloc;
    return block;
  }

  void Destroy() {
    if (from == From::kMalloc)
      std::free(this);
    else
      (void)munmap(this, bytes);
  }
};

BlockPool& BlockPool::OfProcess() {
  static BlockPool* const pool = new BlockPool;  // never destroyed: threads may outlive main()
  return *pool;
}

BlockPool::~BlockPool() {
  for (Block* block : TakeBeyond(0)) block->Destroy();
}

// Class 0 is 16 KiB; then 18, 20, 22, ... 32, 36, 40, ...
size_t BlockPool::ClassOf(size_t bytes) {
  if (bytes <= (size_t{1} << kOctaveMin)) return 0;
  const int octave = std::bit_width(bytes - 1) - 1;
  const size_t step = (size_t{1} << octave) / 8;
  const size_t steps = (bytes - (size_t{1} << octave) + step - 1) / step;
  return static_cast<size_t>(octave - kOctaveMin) * 8 + steps;
}

size_t BlockPool::BytesOf(size_t size_class) {
  if (size_class == 0) return size_t{1} << kOctaveMin;
  const size_t octave = size_t{1} << (kOctaveMin + (size_class - 1) / 8);
  return WholePages(octave + ((size_class - 1) % 8 + 1) * (octave / 8));
}

BlockPool::Block BlockPool::HeaderFor(size_t size) {
  const size_t bytes = size + sizeof(Block);
  if (bytes < kBlockBytesMin) return {bytes, 0, 0, Block::From::kMalloc};
  if (bytes > kKeptBlockBytes) return {WholePages(bytes), 0, 0, Block::From::kMappedForItself};
  const size_t size_class = ClassOf(bytes);
  return {BytesOf(size_class), size_class, 0, Block::From::kMapped};
}

void* BlockPool::Allocate(size_t size) {
  const Block header = HeaderFor(size);
  std::vector<Block*> surplus;
  {
    std::lock_guard<std::mutex> guard(mutex_);
    if (header.from == Block::From::kMapped) {
      if (Block* block = TakeKept(header.size_class)) {
        in_use_ += block->bytes;
        return block->payload();
      }
    }
    in_use_ += header.bytes;
    if (header.from != Block::From::kMalloc) created_++;
    surplus = TakeBeyond(bound_ - std::min(bound_, in_use_));
  }
  for (Block* block : surplus) block->Destroy();
  return Block::Create(header)->payload();
}

void BlockPool::Free(void* payload) {
  Block* block = Block::Of(payload);
  {
    std::lock_guard<std::mutex> guard(mutex_);
    in_use_ -= block->bytes;
    if (block->from == Block::From::kMapped && in_use_ + kept_ + block->bytes <= bound_) {
      block->freed_at = ++frees_;
      kept_ += block->bytes;
      kept_by_class_[block->size_class].push_back(block);
      return;
    }
  }
  block->Destroy();
}

BlockPool::Totals BlockPool::totals() const {
  std::lock_guard<std::mutex> guard(mutex_);
  return {in_use_ + kept_, kept_, created_};
}

void BlockPool::Grow(size_t bytes) {
  std::lock_guard<std::mutex> guard(mutex_);
  bound_ += bytes;
}

void BlockPool::Shrink(size_t bytes) {
  std::vector<Block*> surplus;
  {
    std::lock_guard<std::mutex> guard(mutex_);
    bound_ -= bytes;
    surplus = TakeBeyond(bound_ - std::min(bound_, in_use_));
  }
  for (Block* block : surplus) block->Destroy();
}

// The caller holds the lock. Null: none fits.
BlockPool::Block* BlockPool::TakeKept(size_t size_class) {
  const size_t last = std::min(size_class + kLargerClasses, kClasses - 1);
  for (size_t i = size_class; i <= last; i++) {
    std::vector<Block*>& kept = kept_by_class_[i];
    if (kept.empty()) continue;
    Block* block = kept.back();
    kept.pop_back();
    kept_ -= block->bytes;
    return block;
  }
  return nullptr;
}

// The caller holds the lock; something is kept.
BlockPool::Block* BlockPool::TakeOldest() {
  std::vector<Block*>* oldest = nullptr;
  for (std::vector<Block*>& kept : kept_by_class_) {
    if (kept.empty()) continue;
    if (oldest == nullptr || kept.front()->freed_at < oldest->front()->freed_at) oldest = &kept;
  }
  Block* block = oldest->front();
  oldest->erase(oldest->begin());
  kept_ -= block->bytes;
  return block;
}

// Out of what is kept, beyond so many bytes; whoever asks destroys them without the lock.
std::vector<BlockPool::Block*> BlockPool::TakeBeyond(size_t bytes) {
  std::vector<Block*> surplus;
  while (kept_ > bytes) surplus.push_back(TakeOldest());
  return surplus;
}

}  // namespace longhaul
