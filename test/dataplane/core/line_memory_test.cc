// How the memory of the process follows its line: more only while lanes lack memory and the line
// carries what the memory permits.
#include "core/line_memory.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace longhaul::test {
namespace {

constexpr int64_t kMiB = 1 << 20;

// A process whose lanes fetch as fast as the line and the memory permit: half of the memory may be
// in flight, and a response needs a quarter longer than a round trip.
struct Line {
  LineMemory memory;
  int64_t bytes_a_second;
  int64_t round_trip_ms;
  int64_t bound = 48 * kMiB;
  int64_t now = 10'000;
  int64_t fetched = 0;

  Line(int64_t rate, int64_t ms) : bytes_a_second(rate), round_trip_ms(ms) {
    memory.SeeRoundTrip(Side::kSource, now, ms);
    (void)memory.Look(now, fetched, bound);
  }
  // Returns what the bound is raised to, 0 for nothing.
  int64_t Window(bool lacks = true) {
    const int64_t ms =
        std::max(LineMemory::kWindowMs, LineMemory::kWindowRoundTrips * round_trip_ms);
    now += ms;
    fetched += std::min(bytes_a_second, bound / 2 * 800 / round_trip_ms) * ms / 1'000;
    if (lacks) memory.Lack();
    return memory.Look(now, fetched, bound);
  }
  int64_t needed() const { return 2 * bytes_a_second * round_trip_ms / 1'000; }
};

TEST_CASE("memory grows until the line is the limit, and then no more") {
  Line line(1'000 * kMiB, 200);
  int raises = 0;
  for (int i = 0; i < 20; i++) {
    const int64_t to = line.Window();
    if (to == 0) continue;
    CHECK(to >= line.bound * 5 / 4);
    line.bound = to;
    raises++;
  }
  CHECK(line.bound >= line.needed());
  CHECK(line.bound <= 2 * line.needed());
  CHECK(raises <= 12);
  CHECK(line.Window() == 0);
}

TEST_CASE("memory that the line cannot fill does not grow") {
  Line slow(10 * kMiB, 100);
  Line near(1'000 * kMiB, 1);
  for (int i = 0; i < 20; i++) {
    CHECK(slow.Window() == 0);
    CHECK(near.Window() == 0);
  }
}

TEST_CASE("memory does not grow if no lane lacks some") {
  Line line(1'000 * kMiB, 200);
  for (int i = 0; i < 20; i++) CHECK(line.Window(false) == 0);
}

TEST_CASE("the round trips to both clusters count, and the shortest of each") {
  LineMemory memory;
  CHECK(memory.round_trips_ms() == 0);
  memory.SeeRoundTrip(Side::kSource, 1, 30);
  memory.SeeRoundTrip(Side::kSource, 2, 20);
  memory.SeeRoundTrip(Side::kTarget, 3, 100);
  memory.SeeRoundTrip(Side::kTarget, 4, -1);  // not known
  memory.SeeRoundTrip(Side::kTarget, 5, 900);
  CHECK(memory.round_trips_ms() == 120);
}

TEST_CASE("a window in which the lane slept tells no rate") {
  Line line(1'000 * kMiB, 200);
  line.now += 60'000;
  line.fetched += 10'000 * kMiB;
  CHECK(line.Window() == 0);
  CHECK(line.Window() > 0);
}

}  // namespace
}  // namespace longhaul::test
