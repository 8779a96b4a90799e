// Whether malloc keeps memory that re-encoded batches free. The sanitizers have their own malloc.
#include "core/process_memory.h"

#include <doctest/doctest.h>
#include <malloc.h>

#include <cstdlib>

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
TEST_CASE("a batch of the largest kept size has no separate mapping") {
  const Status status = KeepFreedMemory();
  CHECK(status.detail == "");
  const size_t mapped = mallinfo2().hblks;
  CHECK(MappedBlocksWith(kKeptBatchBytes - 4096) == mapped);
  CHECK(MappedBlocksWith(32 * kKeptBatchBytes) == mapped + 1);  // more than is kept free
}

#endif

}  // namespace
}  // namespace longhaul::test
