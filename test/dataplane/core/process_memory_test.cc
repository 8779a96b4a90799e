// How much malloc keeps of memory that was freed. The sanitizers have their own malloc.
#include "core/process_memory.h"

#include <doctest/doctest.h>
#include <malloc.h>

#include <cstdlib>
#include <vector>

namespace longhaul::test {
namespace {

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

size_t MappedBlocksWith(size_t bytes) {
  void* block = std::malloc(bytes);
  REQUIRE(block != nullptr);
  const size_t mapped = mallinfo2().hblks;
  std::free(block);
  return mapped;
}

// Regression: an older glibc refuses a threshold above 32 MiB. The call was not checked, and the
// next call made malloc map every large buffer.
TEST_CASE("a buffer of the largest unmapped size has no separate mapping") {
  const Status status = LimitFreedMemory();
  CHECK(status.detail == "");
  const size_t mapped = mallinfo2().hblks;
  CHECK(MappedBlocksWith(kUnmappedBytes - 4096) == mapped);
  CHECK(MappedBlocksWith(256 * kUnmappedBytes) == mapped + 1);  // more than is kept free
}

// Regression: malloc kept up to 128 MiB of free memory at the end of each arena, so that each arena
// had the memory for ever that its threads had once needed at most.
TEST_CASE("malloc returns to the kernel what the largest buffers do not need") {
  REQUIRE(LimitFreedMemory().ok());
  constexpr size_t kBlock = 64 * 1024;
  std::vector<void*> blocks;
  for (size_t bytes = 0; bytes < 8 * kUnmappedBytes; bytes += kBlock)
    blocks.push_back(std::malloc(kBlock));
  for (void* block : blocks) std::free(block);
  CHECK(mallinfo2().keepcost <= kKeptFreeBytes + kBlock);
}

#endif

}  // namespace
}  // namespace longhaul::test
