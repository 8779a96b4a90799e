// The age of the log end beyond a position, compared with a model of all ends.
#include "core/log_end_marks.h"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "random.h"

namespace longhaul::test {
namespace {

// When the end was first seen beyond `position`.
int64_t Truth(const std::vector<std::pair<int64_t, int64_t>>& seen, int64_t position) {
  for (const auto& [end, when] : seen)
    if (end > position) return when;
  return 0;
}

TEST_CASE("a position at the end has no age, and one that stays behind keeps its first time") {
  LogEndMarks marks;
  CHECK(marks.first_seen_ms() == 0);
  CHECK(marks.known_ms() == 0);
  marks.See(10, 10, 1'000);
  CHECK(marks.first_seen_ms() == 0);
  CHECK(marks.known_ms() == 1'000);
  for (int64_t i = 1; i < 100; ++i) marks.See(10 + i, 10, 1'000 + i);
  CHECK(marks.first_seen_ms() == 1'001);
  marks.Pass(109);
  CHECK(marks.first_seen_ms() == 0);
}

// Regression: one mark, for the first end ever seen ahead, made it look hours behind.
TEST_CASE("a partition that is always a second behind looks a second behind") {
  LogEndMarks marks;
  for (int64_t ms = 0; ms < 3'600'000; ms += 20) {
    marks.See(ms, ms - 1'000, ms);
    if (ms < 5'000) continue;
    CHECK(ms - marks.first_seen_ms() >= 980);
    CHECK(ms - marks.first_seen_ms() <= 1'500);
  }
}

TEST_CASE("the answer is never younger than the truth, and never beyond the first mark") {
  Random random("log end marks");
  for (int round = 0; round < 200; ++round) {
    LogEndMarks marks;
    std::vector<std::pair<int64_t, int64_t>> seen;
    int64_t end = 0, position = 0, now = 1;
    for (int step = 0; step < 200; ++step) {
      now += static_cast<int64_t>(random.Length(1'000));
      end += static_cast<int64_t>(random.Length(50));
      if (random.OneIn(2))
        position += static_cast<int64_t>(random.Below(static_cast<uint64_t>(end - position) + 1));
      if (random.OneIn(3)) {
        marks.Pass(position);
      } else {
        marks.See(end, position, now);
        seen.emplace_back(end, now);
      }
      const int64_t truth = Truth(seen, position);
      CHECK((marks.first_seen_ms() == 0) == (truth == 0));
      CHECK(marks.first_seen_ms() <= truth);
    }
  }
}

TEST_CASE("a clock that is set back makes no later end look older") {
  LogEndMarks marks;
  marks.See(10, 0, 5'000);
  marks.See(20, 0, 1'000);
  marks.Pass(15);
  CHECK(marks.first_seen_ms() == 5'000);
}

}  // namespace
}  // namespace longhaul::test
