// The seam between what the target holds and what the source goes on with.
#include "core/seam.h"

#include <doctest/doctest.h>

#include <limits>

#include "batch_fixture.h"

namespace longhaul::test {
namespace {

// The walker lets a last offset delta of 2^31-1 through: one more overflowed.
TEST_CASE("a batch with the largest offset delta is a thinned one") {
  Bytes bytes = BuildBatch({{.offset = 0, .timestamp = 1, .key = "k"}}, {});
  StoreI32(&bytes[kLastOffsetDeltaOffset], std::numeric_limits<int32_t>::max());
  SealCrc(bytes);
  Seam seam;
  seam.Reach(RecordBatchView(bytes.data()), 1, 0);
  CHECK(seam.batch_thinned);
}

}  // namespace
}  // namespace longhaul::test
