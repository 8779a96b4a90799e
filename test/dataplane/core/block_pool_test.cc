// What the pool keeps, uses again and returns to the kernel.
#include "core/block_pool.h"

#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <thread>
#include <vector>

namespace longhaul::test {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

TEST_CASE("a block that was freed is used again, also for a somewhat smaller response") {
  BlockPool pool;
  BlockPool::Share share(&pool, 4 * kMiB);
  void* first = pool.Allocate(kMiB);
  pool.Free(first);
  CHECK(pool.totals().kept >= kMiB);
  void* smaller = pool.Allocate(900 * kKiB);
  CHECK(smaller == first);
  CHECK(pool.totals().kept == 0);
  CHECK(pool.totals().created == 1);
  pool.Free(smaller);
  void* much_smaller = pool.Allocate(500 * kKiB);
  CHECK(pool.totals().created == 2);
  pool.Free(much_smaller);
}

TEST_CASE("at most an eighth of a block is unused, and a page for its header") {
  BlockPool pool;
  for (size_t size = BlockPool::kBlockBytesMin; size < kKeptBlockBytes; size += size / 7) {
    void* block = pool.Allocate(size);
    const size_t mapped = pool.totals().mapped;
    CHECK(mapped > size);
    CHECK(mapped <= size + size / 8 + 2 * 4096);
    std::memset(block, 1, size);
    pool.Free(block);
    CHECK(pool.totals().mapped == 0);  // no lane has a share
  }
}

// Kept beside what is in use, free blocks of other sizes would add up to twice the bound.
TEST_CASE("what is kept makes room for what is allocated, the longest kept first") {
  BlockPool pool;
  BlockPool::Share share(&pool, 8 * kMiB);
  std::vector<void*> small;
  for (int i = 0; i < 40; i++) small.push_back(pool.Allocate(150 * kKiB));
  void* last = small.back();
  for (void* block : small) pool.Free(block);
  const size_t kept = pool.totals().kept;
  CHECK(kept > 5 * kMiB);
  void* large = pool.Allocate(6 * kMiB);
  CHECK(pool.totals().mapped <= 8 * kMiB);
  CHECK(pool.totals().kept > 0);
  CHECK(pool.Allocate(150 * kKiB) == last);
  pool.Free(last);
  pool.Free(large);
}

TEST_CASE("a response that is larger than the bound goes back to the kernel") {
  BlockPool pool;
  BlockPool::Share share(&pool, 2 * kKeptBlockBytes);
  void* large = pool.Allocate(kKeptBlockBytes + 1);
  CHECK(pool.totals().mapped > kKeptBlockBytes);
  pool.Free(large);
  CHECK(pool.totals().mapped == 0);
  void* kept = pool.Allocate(kKeptBlockBytes - kKiB);
  pool.Free(kept);
  CHECK(pool.totals().kept == kKeptBlockBytes);
}

TEST_CASE("what a lane may keep goes back with the lane, and what is in use does not") {
  BlockPool pool;
  void* used = nullptr;
  {
    BlockPool::Share share(&pool, 4 * kMiB);
    used = pool.Allocate(kMiB);
    pool.Free(pool.Allocate(2 * kMiB));
    CHECK(pool.totals().kept > 0);
  }
  CHECK(pool.totals().kept == 0);
  std::memset(used, 1, kMiB);
  pool.Free(used);
  CHECK(pool.totals().mapped == 0);
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
      block[0] = block[size - 1] = mark;
      held.push_back({block, size});
      if (held.size() < 4) continue;
      std::swap(held[random() % held.size()], held.back());
      auto [freed, freed_size] = held.back();
      held.pop_back();
      REQUIRE(freed[0] == mark);
      REQUIRE(freed[freed_size - 1] == mark);
      pool.Free(freed);
    }
    for (auto [block, size] : held) pool.Free(block);
  };
  std::vector<std::thread> threads;
  for (uint8_t mark = 1; mark <= 4; mark++) threads.emplace_back(work, mark);
  for (std::thread& thread : threads) thread.join();
  CHECK(pool.totals().mapped == pool.totals().kept);
  CHECK(pool.totals().kept <= kBound);
}

}  // namespace
}  // namespace longhaul::test
