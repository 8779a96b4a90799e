// Which pages the pool keeps, reuses and returns to the kernel.
#include "core/block_pool.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <deque>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace longhaul::test {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

// Whole pages of the block for which the kernel holds memory.
size_t ResidentPages(void* block, size_t size) {
  const auto begin = (reinterpret_cast<uintptr_t>(block) + kPage - 1) / kPage * kPage;
  std::vector<unsigned char> is_resident(size / kPage - 1);
  REQUIRE(mincore(reinterpret_cast<void*>(begin), is_resident.size() * kPage,
                  is_resident.data()) == 0);
  size_t pages = 0;
  for (unsigned char flags : is_resident) pages += flags & 1;
  return pages;
}

TEST_CASE("freed memory is reused, also for other sizes") {
  BlockPool pool;
  BlockPool::Share share(&pool, 8 * kMiB);
  void* first = pool.Allocate(2 * kMiB);
  void* second = pool.Allocate(2 * kMiB);
  const uint64_t touched = pool.totals().touched;
  pool.Free(first);
  pool.Free(second);
  void* small = pool.Allocate(500 * kKiB);
  void* large = pool.Allocate(3 * kMiB);
  CHECK(small == first);
  CHECK(pool.totals().touched == touched);
  pool.Free(small);
  pool.Free(large);
}

TEST_CASE("the footprint of a block is whole pages and a header") {
  BlockPool pool;
  for (size_t size = 1; size < 2 * kKeptBlockBytes; size += 1 + size / 3) {
    void* block = pool.Allocate(size);
    CHECK(pool.totals().used == BlockPool::Footprint(size));
    CHECK(BlockPool::Footprint(size) > size);
    CHECK(BlockPool::Footprint(size) <= size + 2 * kPage);
    CHECK(reinterpret_cast<uintptr_t>(block) % 16 == 0);
    std::memset(block, 1, size);
    pool.Free(block);
    CHECK(pool.totals().used == 0);
    CHECK(pool.totals().ranges == 0);  // no lane has a share
  }
}

// malloc keeps freed memory. Regression: small responses, as of a slow load, came from malloc: a
// process held their memory beside all that the pool keeps.
TEST_CASE("small responses are in pages of the pool, too") {
  BlockPool pool;
  BlockPool::Share share(&pool, kMiB);
  std::vector<void*> held;
  for (size_t size = BlockPool::kBlockBytesMin; size < 8 * kKiB; size += 100)
    held.push_back(pool.Allocate(size));
  CHECK(BlockPool::kBlockBytesMin <= 2 * kKiB);
  CHECK(pool.totals().touched == pool.totals().used);
  for (void* block : held) pool.Free(block);
  CHECK(pool.totals().warm == pool.totals().touched);
}

// If free memory were kept without regard to used memory, both would add up to twice the bound.
TEST_CASE("warm pages beyond the bound are returned to the kernel, the highest first") {
  BlockPool pool;
  BlockPool::Share share(&pool, 4 * kMiB);
  void* low = pool.Allocate(kMiB);
  void* high = pool.Allocate(3 * kMiB);
  std::memset(low, 1, kMiB);
  std::memset(high, 1, 3 * kMiB);
  void* more = pool.Allocate(2 * kMiB);
  CHECK(pool.totals().used > 6 * kMiB);  // used memory is never returned
  pool.Free(low);
  CHECK(pool.totals().warm == 0);
  CHECK(ResidentPages(low, kMiB) == 0);
  pool.Free(high);
  CHECK(pool.totals().used + pool.totals().warm <= 4 * kMiB);
  // A whole huge page.
  CHECK(ResidentPages(high, 3 * kMiB) * kPage <= kMiB);
  CHECK(ResidentPages(high, 3 * kMiB) * kPage > kMiB - 4 * kPage);
  pool.Free(more);
}

// Pages that are not next to others are returned, too: otherwise the bound would not hold.
TEST_CASE("warm pages that are no whole huge page are returned, if there is none") {
  BlockPool pool;
  BlockPool::Share share(&pool, 4 * kMiB);
  std::vector<void*> blocks;
  for (int i = 0; i < 8; i++) blocks.push_back(pool.Allocate(kMiB / 2));
  void* large = pool.Allocate(3 * kMiB);
  for (size_t i = 0; i < blocks.size(); i += 2) pool.Free(blocks[i]);
  CHECK(pool.totals().warm == 0);
  for (size_t i = 1; i < blocks.size(); i += 2) pool.Free(blocks[i]);
  pool.Free(large);
}

// Of the mapping that holds the address, as the kernel shows it.
std::string FlagsOfMapping(const void* address) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  std::ifstream maps("/proc/self/smaps");
  bool is_here = false;
  for (std::string line; std::getline(maps, line);) {
    uintptr_t begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2)
      is_here = begin <= at && at < end;
    if (is_here && line.starts_with("VmFlags:")) return line;
  }
  return "";
}

TEST_CASE("ranges begin where a huge page does, and ask the kernel for huge pages") {
  BlockPool pool;
  void* block = pool.Allocate(kMiB);
  const auto at = reinterpret_cast<uintptr_t>(block);
  CHECK(at % (2 * kMiB) < kPage);
  const std::string flags = FlagsOfMapping(block);
  REQUIRE(flags != "");
  const bool has_huge_pages = access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) == 0;
  if (has_huge_pages) CHECK(flags.find(" hg") != std::string::npos);
  pool.Free(block);
}

TEST_CASE("a block too large for a range is returned to the kernel") {
  BlockPool pool;
  BlockPool::Share share(&pool, 2 * kKeptBlockBytes);
  pool.Free(pool.Allocate(kKeptBlockBytes));
  CHECK(pool.totals().warm == 0);
  const size_t largest = kKeptBlockBytes - kKiB;
  pool.Free(pool.Allocate(largest));
  CHECK(pool.totals().warm == BlockPool::Footprint(largest));
}

TEST_CASE("the share of a lane is returned with the lane, except used memory") {
  BlockPool pool;
  void* used = nullptr;
  {
    BlockPool::Share share(&pool, 4 * kMiB);
    used = pool.Allocate(kMiB);
    pool.Free(pool.Allocate(2 * kMiB));
    CHECK(pool.totals().warm > 0);
  }
  CHECK(pool.totals().warm == 0);
  std::memset(used, 1, kMiB);
  pool.Free(used);
  CHECK(pool.totals().ranges == 0);
}

// Regression: each size class had its own memory: while the mix of sizes changed, most of it was
// touched for the first time again. Here a lane runs full, as with a target that is slower than the
// source, and sizes are the worst case; an eighth of the bound is kept for scans.
TEST_CASE("a full lane touches little memory for the first time, whatever the sizes are") {
  BlockPool pool;
  constexpr size_t kBound = 24 * kMiB;
  BlockPool::Share share(&pool, kBound);
  std::mt19937 random(3);
  std::deque<std::pair<void*, size_t>> held;
  size_t used = 0, moved = 0;
  for (int i = 0; i < 3'000; i++) {
    const size_t size = 100 * kKiB + random() % (5 * kMiB);
    while (used + BlockPool::Footprint(size) > kBound / 8 * 7) {
      pool.Free(held.front().first);
      used -= BlockPool::Footprint(held.front().second);
      held.pop_front();
    }
    held.push_back({pool.Allocate(size), size});
    used += BlockPool::Footprint(size);
    moved += size;
    REQUIRE(pool.totals().used + pool.totals().warm <= kBound);
  }
  CHECK(pool.totals().touched < moved / 8);
  for (auto [block, size] : held) pool.Free(block);
}

TEST_CASE("blocks of several threads never overlap, and the bound holds") {
  BlockPool pool;
  constexpr size_t kBound = 4 * kMiB;
  BlockPool::Share share(&pool, kBound);
  auto work = [&pool](uint8_t mark) {
    std::mt19937 random(mark);
    std::vector<std::pair<uint8_t*, size_t>> held;
    for (int i = 0; i < 2'000; i++) {
      const size_t size = 1 + random() % (200 * kKiB);
      auto* block = static_cast<uint8_t*>(pool.Allocate(size));
      std::memset(block, mark, size);
      held.push_back({block, size});
      if (held.size() < 4) continue;
      std::swap(held[random() % held.size()], held.back());
      auto [freed, freed_size] = held.back();
      held.pop_back();
      REQUIRE(freed[0] == mark);
      REQUIRE(std::memcmp(freed, freed + 1, freed_size - 1) == 0);
      pool.Free(freed);
    }
    for (auto [block, size] : held) pool.Free(block);
  };
  std::vector<std::thread> threads;
  for (uint8_t mark = 1; mark <= 4; mark++) threads.emplace_back(work, mark);
  for (std::thread& thread : threads) thread.join();
  CHECK(pool.totals().used == 0);
  CHECK(pool.totals().warm <= kBound);
}

}  // namespace
}  // namespace longhaul::test
