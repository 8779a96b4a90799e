// The limit of the bandwidth of a lane: the bucket alone, and in simulated mirrors.
#include "core/bandwidth_limit.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

constexpr int64_t kRate = 1'000'000;

// Fetches `each` bytes whenever it may, for `ms`; returns what was fetched.
int64_t FetchFor(BandwidthLimit* limit, int64_t from, int64_t ms, int64_t each) {
  int64_t fetched = 0;
  for (int64_t now = from; now < from + ms; ++now) {
    while (limit->MayFetch(now)) {
      const int64_t bytes = std::min(each, limit->FetchBytesMax());
      limit->Spend(bytes);
      fetched += bytes;
    }
  }
  return fetched;
}

TEST_CASE("over any time a limited lane fetches its rate, and one second of it on top at most") {
  for (const int64_t rate : {1'000, 333'333, 1'000'000, 1'000'000'000}) {
    for (const int64_t each : {100, 70'000, 10'000'000}) {
      BandwidthLimit limit;
      limit.Set(rate, 0);
      constexpr int64_t kMs = 20'000;
      const int64_t fetched = FetchFor(&limit, 0, kMs, each);
      CHECK(fetched <= rate * kMs / 1'000 + rate);
      CHECK(fetched >= rate * kMs / 1'000 - rate);
    }
  }
}

TEST_CASE("a limit begins with an empty bucket, however long ago the lane was ticked") {
  BandwidthLimit limit;
  limit.Set(kRate, 0);
  CHECK_FALSE(limit.MayFetch(5'000));
  const int64_t at = limit.FetchAt(5'000);
  CHECK(at <= 5'000 + BandwidthLimit::kBurstMs / 4);
  CHECK(limit.MayFetch(at));
  CHECK(limit.FetchBytesMax() <= kRate / 4);
}

TEST_CASE("what was fetched beyond the bucket is waited for") {
  BandwidthLimit limit;
  limit.Set(kRate, 0);
  CHECK_FALSE(limit.MayFetch(0));
  limit.Spend(10 * kRate);
  const int64_t at = limit.FetchAt(0);
  CHECK(at > 10'000);
  CHECK(at < 10'000 + BandwidthLimit::kBurstMs);
  CHECK_FALSE(limit.MayFetch(at - 1));
  CHECK(limit.waited_ms(at) == at);
  CHECK(limit.MayFetch(at));
  CHECK(limit.waited_ms(at + 500) == at);
}

TEST_CASE("bytes of a Fetch that did not arrive are credited again") {
  BandwidthLimit limit;
  limit.Set(kRate, 0);
  CHECK_FALSE(limit.MayFetch(0));
  CHECK(limit.MayFetch(1'000));
  limit.Spend(kRate);
  CHECK_FALSE(limit.MayFetch(1'000));
  limit.Spend(-kRate);
  CHECK(limit.MayFetch(1'000));
  CHECK(limit.FetchBytesMax() == kRate);
}

TEST_CASE("another limit keeps a debt, none ends it") {
  BandwidthLimit limit;
  limit.Set(kRate, 0);
  CHECK_FALSE(limit.MayFetch(0));
  limit.Spend(2 * kRate);
  limit.Set(2 * kRate, 0);
  CHECK_FALSE(limit.MayFetch(900));
  CHECK(limit.MayFetch(1'300));
  limit.Spend(9 * kRate);
  limit.Set(0, 1'300);
  CHECK(limit.MayFetch(1'300));
  CHECK(limit.FetchBytesMax() == INT64_MAX);
  limit.Set(kRate, 1'300);
  CHECK_FALSE(limit.MayFetch(1'300));
  CHECK(limit.MayFetch(1'600));
}

// A broker returns the first batch of a Fetch even if it is larger than the Fetch allows.
TEST_CASE("a batch that is larger than the bucket holds up its partition, at half the rate") {
  BandwidthLimit limit;
  limit.Set(kRate, 0);
  CHECK_FALSE(limit.MayFetch(0));
  CHECK(limit.MayFetch(1'000));
  limit.Spend(11 * kRate);
  limit.Owe(7, 10 * kRate);
  CHECK(limit.OwesUntil(8, 1'000) == 0);
  CHECK(limit.OwesUntil(7, 1'000) > 1'000);
  SUBCASE("the others have half of the rate meanwhile") {
    const int64_t others = FetchFor(&limit, 1'000, 10'000, 50'000);
    CHECK(others >= 5 * kRate - BandwidthLimit::kFetchBytesMin);
    CHECK(others <= 5 * kRate);
    CHECK(limit.OwesUntil(7, 15'000) > 15'000);
    CHECK(limit.OwesUntil(7, 17'100) == 0);
  }
  SUBCASE("if the others fetch nothing, the debt is repaid sooner") {
    CHECK(limit.OwesUntil(7, 11'000) > 11'000);
    CHECK(limit.OwesUntil(7, 12'100) == 0);
    CHECK(limit.FetchBytesMax() == kRate);
  }
  SUBCASE("a smaller debt does not wait for it") {
    limit.Spend(kRate);
    limit.Owe(9, kRate);
    CHECK(limit.OwesUntil(9, 5'200) == 0);
    CHECK(limit.OwesUntil(7, 5'200) > 5'200);
  }
}

TEST_CASE("a large batch that the bucket can pay is no debt") {
  BandwidthLimit limit;
  limit.Set(kRate, 0);
  CHECK_FALSE(limit.MayFetch(0));
  CHECK(limit.MayFetch(1'000));
  limit.Spend(kRate / 2);
  limit.Owe(7, kRate / 4);
  CHECK(limit.OwesUntil(7, 1'000) == 0);
}

int64_t LogBytes(Simulation& sim, uint32_t id) {
  int64_t bytes = 0;
  for (const LoggedBatch& batch : sim.SourceLog(id).batches())
    bytes += static_cast<int64_t>(batch.bytes.size());
  return bytes;
}

int64_t FetchedBytes(const Process* process) {
  return process->forwarder->SnapshotLane().fetch_response_bytes;
}

// Fetched bytes contain those of scans and of the envelope, so the test compares them, not records.
TEST_CASE("a backlog is mirrored at the limit, over one connection or in stripes over several") {
  SimulationOptions options = Plain(2);
  options.settings.fetch_bytes_max = 16'000;
  options.settings.partition_fetch_bytes_max = 8'000;
  options.settings.broker_connections_max = 1;
  options.pace.busy_bytes = 1'000;
  options.pace.stripe_backlog_bytes = 20'000;
  SUBCASE("one connection") {}
  SUBCASE("several") { options.settings.broker_connections_max = 8; }
  Simulation sim("limited", options);
  Fill(sim, 0, 2'000, 200);
  Process* process = sim.Start();
  constexpr int64_t kSlow = 20'000;
  process->forwarder->LimitBandwidth(kSlow);
  for (int second = 0; second < 20; ++second) {
    const int64_t before = FetchedBytes(process);
    sim.RunFor(1'000);
    // What a Fetch in flight may return beyond the limit is one Fetch, and one batch.
    CHECK(FetchedBytes(process) - before <= 2 * kSlow + options.settings.fetch_bytes_max);
  }
  CHECK(FetchedBytes(process) <= 21 * kSlow + options.settings.fetch_bytes_max);
  CHECK(FetchedBytes(process) >= 18 * kSlow);
  CHECK(FetchedBytes(process) < LogBytes(sim, 0) / 2);
  CHECK(process->forwarder->SnapshotLane().bandwidth_wait_ms > 10'000);
  process->forwarder->LimitBandwidth(0);
  sim.Poke(process);
  CheckExact(sim, process);
}

// A Fetch returns first the partitions that had no records before: those that follow their log do
// not wait until the backlog of another one is mirrored.
TEST_CASE("under a limit partitions that follow their logs do not wait behind a backlog") {
  SimulationOptions options = Plain(4);
  Simulation sim("live", options);
  for (uint32_t id = 0; id < 3; ++id) Fill(sim, id, 2'000, 200);
  Process* process = sim.Start();
  process->forwarder->LimitBandwidth(50'000);
  sim.RunFor(3'000);
  for (int round = 0; round < 10; ++round) {
    sim.Writer(3).WriteBatch(1, 100);
    const size_t count = sim.Mirrored(3).size() + 1;
    CHECK(sim.RunUntil([&] { return sim.Mirrored(3).size() >= count; }, 2'000));
  }
  CHECK(process->forwarder->SnapshotPartitions(true).size() == 4);
  CHECK(FetchedBytes(process) < LogBytes(sim, 0));
  process->forwarder->LimitBandwidth(0);
  sim.Poke(process);
  CheckExact(sim, process);
}

// A batch of 20 s of the limit. Without a debt of its partition, the lane fetches nothing so long.
TEST_CASE("under a limit a partition with huge batches does not hold up the others") {
  SimulationOptions options = Plain(2);
  Simulation sim("huge", options);
  for (int i = 0; i < 3; ++i) sim.Writer(0).WriteBatch(1, 40'000);
  Process* process = sim.Start();
  constexpr int64_t kSlow = 2'000;
  process->forwarder->LimitBandwidth(kSlow);
  CHECK(sim.RunUntil([&] { return sim.Mirrored(0).size() >= 1; }, 10'000));
  for (int round = 0; round < 10; ++round) {
    sim.Writer(1).WriteBatch(1, 20);
    const size_t count = sim.Mirrored(1).size() + 1;
    CHECK(sim.RunUntil([&] { return sim.Mirrored(1).size() >= count; }, 2'000));
  }
  CHECK(sim.Mirrored(0).size() == 1);
  CHECK(process->forwarder->SnapshotLane().bandwidth_holds > 0);
  process->forwarder->LimitBandwidth(0);
  sim.Poke(process);
  CheckExact(sim, process);
}

TEST_CASE("a topic fetches its share of the limit, and one that has none is not held up") {
  SimulationOptions options = Plain(2);
  SUBCASE("one connection") { options.settings.broker_connections_max = 1; }
  SUBCASE("stripes") {
    options.pace.busy_bytes = 1'000;
    options.pace.stripe_backlog_bytes = 20'000;
    options.settings.broker_connections_max = 8;
  }
  options.settings.fetch_bytes_max = 16'000;
  options.settings.partition_fetch_bytes_max = 8'000;
  Simulation sim("share", options);
  for (uint32_t id = 0; id < 2; ++id) Fill(sim, id, 3'000, 200);
  Process* process = sim.Start();
  constexpr int64_t kLimit = 40'000, kShare = 4'000;
  process->forwarder->LimitBandwidth(kLimit, {{Simulation::kTopic, kShare}});
  sim.RunFor(10'000);
  CHECK(FetchedBytes(process) <= 11 * kShare + 2 * options.settings.fetch_bytes_max);
  CHECK(FetchedBytes(process) >= 8 * kShare);
  CHECK(process->forwarder->SnapshotLane().bandwidth_holds > 0);
  process->forwarder->LimitBandwidth(kLimit, {{"another-topic", kShare}});
  sim.Poke(process);
  const int64_t before = FetchedBytes(process);
  sim.RunFor(5'000);
  CHECK(FetchedBytes(process) - before >= 4 * kLimit);
  process->forwarder->LimitBandwidth(0);
  sim.Poke(process);
  CheckExact(sim, process);
}

}  // namespace
}  // namespace longhaul::test
