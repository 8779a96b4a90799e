// How many bytes a Fetch asks for, over connections of which the test knows what they pass.
#include "core/fetch_pace.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace longhaul::test {
namespace {

// A connection whose broker always has more records than a Fetch asks for.
struct Connection {
  int64_t round_trip_ms;
  int64_t bytes_per_ms;

  // Returns after how many ms the response is complete.
  int64_t Fetch(FetchPace* pace, int64_t share = INT64_MAX) const {
    const int64_t asked = std::min(pace->bytes_max(), share);
    const int64_t ms = round_trip_ms + asked / bytes_per_ms;
    pace->Answered(asked, asked, ms, round_trip_ms, round_trip_ms);
    return ms;
  }
};

constexpr int64_t kQuarter = 6 * 1024 * 1024;  // of the default in.flight.bytes.max

// Regression: over 1 MB/s a Fetch asked for 6 MiB. The lane learned the ends of the logs after 6 s,
// and opened its second connection after 12 s.
TEST_CASE("over a slow connection a response arrives within about a second") {
  for (const int64_t bytes_per_ms : {1'000, 2'400}) {
    CAPTURE(bytes_per_ms);
    const Connection slow{100, bytes_per_ms};
    FetchPace pace;
    for (int i = 0; i < 4; ++i) CHECK(slow.Fetch(&pace, kQuarter) <= 1'200);
    for (int i = 0; i < 10; ++i) {
      const int64_t ms = slow.Fetch(&pace, kQuarter);
      CHECK(ms >= 900);
      CHECK(ms <= 1'100);
    }
  }
}

TEST_CASE("a fast line is full after two responses, far or near") {
  for (const int64_t round_trip_ms : {0, 20, 100, 250}) {
    CAPTURE(round_trip_ms);
    const Connection fast{round_trip_ms, 125'000};
    FetchPace pace;
    fast.Fetch(&pace, kQuarter);
    fast.Fetch(&pace, kQuarter);
    CHECK(pace.bytes_max() >= kQuarter);
  }
}

// Without the factor ten, a Fetch of a second would leave the connection without bytes for 600 ms
// of each 1,600 ms.
TEST_CASE("over a long round trip a Fetch takes ten of them") {
  const Connection far{600, 500};
  FetchPace pace;
  for (int i = 0; i < 30; ++i) far.Fetch(&pace);
  CHECK(far.Fetch(&pace) >= 6'000);
}

TEST_CASE("a response without many records tells no rate") {
  FetchPace pace;
  Connection{0, 100'000}.Fetch(&pace);
  const int64_t known = pace.bytes_max();
  pace.Answered(known, 10'000, 500, 499, 0);  // the broker has waited for the record
  CHECK(pace.bytes_max() == known);
}

TEST_CASE("after a stall of the line the first response restores the size of a Fetch") {
  const Connection fast{100, 125'000};
  FetchPace pace;
  for (int i = 0; i < 3; ++i) fast.Fetch(&pace, kQuarter);
  pace.Answered(kQuarter, kQuarter, 60'000, 100, 100);
  CHECK(pace.bytes_max() == FetchPace::kBytesMin);
  fast.Fetch(&pace, kQuarter);
  fast.Fetch(&pace, kQuarter);
  CHECK(pace.bytes_max() >= kQuarter);
}

// What is in flight beside partitions that follow their logs is latency for these, but only if it
// waits on the line. A connection that the window of the broker limits needs it.
TEST_CASE("beside others that follow their logs a Fetch is shorter while first bytes are late") {
  FetchPace pace;
  Connection{100, 10'000}.Fetch(&pace);
  const auto trips = [&pace] {
    const int64_t round_trip_ms = 1'000;  // so that no minimum counts
    const int64_t of_one = pace.bytes_max_beside(round_trip_ms, 1, 1);
    return static_cast<double>(pace.bytes_max_beside(round_trip_ms, 1, 10)) /
           static_cast<double>(of_one);
  };
  const auto answer = [&pace](int64_t first_byte_ms) {
    pace.Answered(1'000'000, 1'000'000, 300, first_byte_ms, 100);
  };
  for (int i = 0; i < 20; i++) answer(105);
  CHECK(trips() == doctest::Approx(10).epsilon(0.01));
  for (int i = 0; i < 4; i++) answer(150);
  CHECK(trips() < 4);
  for (int i = 0; i < 10; i++) answer(150);
  CHECK(trips() == doctest::Approx(1).epsilon(0.01));
  CHECK(pace.bytes_max_beside(100, 2.5, 10) == 1'000'000 * 250 / 300);
  CHECK(pace.bytes_max_beside(0, 2.5, 10) == FetchPace::kBytesMin);
}

// KIP-74: a broker returns at least one whole batch.
TEST_CASE("a batch that is larger than its Fetch counts with its size") {
  FetchPace pace;
  pace.Answered(FetchPace::kBytesMin, 3'000'000, 1'500, 100, 100);
  CHECK(pace.bytes_max() == 2'000'000);
}

}  // namespace
}  // namespace longhaul::test
