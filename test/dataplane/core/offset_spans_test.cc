// Spans of offsets between two reports of a lane, and the offsets that a resume finds.
#include "core/offset_spans.h"

#include <doctest/doctest.h>

#include <vector>

#include "core/resume_verdict.h"

namespace longhaul::test {
namespace {

OffsetSpan Exact(int64_t upstream, int64_t downstream, int64_t records) {
  return {upstream, downstream, records, records, records};
}

}  // namespace

TEST_CASE("spans that touch on both sides are one") {
  OffsetSpans spans;
  spans.Add(10, 0, 5);
  spans.Add(15, 5, 5);
  CHECK(spans.spans() == std::vector{Exact(10, 0, 10)});
  spans.Add(21, 10, 1);  // after a transaction marker
  spans.Add(22, 12, 1);  // after a record of another producer
  CHECK(spans.spans() == std::vector{Exact(10, 0, 10), Exact(21, 10, 1), Exact(22, 12, 1)});
}

TEST_CASE("records that are mirrored again replace later spans") {
  OffsetSpans spans;
  spans.Add(0, 0, 10);
  spans.Add(11, 10, 10);
  spans.Add(5, 20, 2);
  CHECK(spans.spans() == std::vector{Exact(0, 0, 5), Exact(5, 20, 2)});
  spans.Add(7, 3, 2);  // an unclean election of the target
  CHECK(spans.spans() == std::vector{Exact(0, 0, 3), Exact(7, 3, 2)});
}

TEST_CASE("of too many spans the closest neighbours become one that counts its records") {
  OffsetSpans spans;
  int64_t upstream = 0;
  int64_t downstream = 0;
  for (size_t i = 0; i <= OffsetSpans::kMax; ++i) {
    spans.Add(upstream, downstream, 10);
    upstream += i == 30 ? 11 : 50;  // gaps of 40 offsets, and one of 1
    downstream += 10;
  }
  REQUIRE(spans.spans().size() == OffsetSpans::kMax);
  CHECK(spans.spans()[30] == OffsetSpan{1500, 300, 21, 20, 20});
  CHECK_FALSE(spans.spans()[30].is_exact());
}

TEST_CASE("a truncated span with gaps counts no record that may be missing") {
  OffsetSpans spans;
  spans.Add({0, 0, 20, 12, 10});
  spans.Add(15, 30, 1);
  CHECK(spans.spans() == std::vector{OffsetSpan{0, 0, 15, 12, 5}, Exact(15, 30, 1)});
}

// Of the records found, 0-9 are at 100-109, 10-14 were deleted, 15-19 are at 120-124.
TEST_CASE("records found on the target have their offsets, deleted ones have none") {
  TargetFindings findings;
  findings.placed = {{0, 100, 10}, {15, 120, 5}};
  OffsetSpans spans;
  Place(findings, 0, 1000, 8, &spans);
  Place(findings, 8, 1010, 10, &spans);  // after a gap of the source
  CHECK(spans.spans() ==
        std::vector{Exact(1000, 100, 8), Exact(1010, 108, 2), Exact(1017, 120, 3)});
}

}  // namespace longhaul::test
