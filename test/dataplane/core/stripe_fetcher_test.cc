// A hot partition over several connections to its broker, between simulated clusters: it is faster,
// hardly anything is fetched twice, and whatever happens to connections, leaders and the log, each
// record arrives once and in order.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

SimulationOptions HotOptions(int64_t max = 8, int32_t brokers = 1) {
  SimulationOptions options = Plain(1, brokers);
  options.settings.fetch_bytes_max = 16'000;
  options.settings.partition_fetch_bytes_max = 8'000;
  options.settings.broker_connections_max = max;
  options.settings.in_flight_bytes_max = 8 << 20;
  options.pace.busy_bytes = 1'000;
  options.pace.stripe_backlog_bytes = 20'000;
  return options;
}

// A source broker 100 ms away, whose connections pass 20 KB a second, and a partition with a
// backlog.
struct HotPartition {
  explicit HotPartition(const std::string& name, SimulationOptions options = HotOptions(),
                        int batches = 4'000)
      : sim(name, std::move(options)) {
    Fill(sim, 0, batches, 200);
    process = sim.Start();
    process->network->latency_min_ms = process->network->latency_max_ms = 50;
    process->network->connection_rate = 20;
  }
  LaneCounters lane() const { return process->forwarder->SnapshotLane(); }
  bool Reach(int64_t count, int64_t ms = 60'000) {
    return sim.RunUntil([&] { return lane().source_connections == count; }, ms);
  }
  // Stripes have been stored, and others have arrived or are in flight.
  bool BeginStripes() {
    const int64_t before = sim.source.stripes;
    return sim.RunUntil([&] { return sim.source.stripes >= before + 20; }, 60'000);
  }
  int64_t LogBytes() {
    int64_t bytes = 0;
    for (const LoggedBatch& batch : sim.SourceLog(0).batches())
      bytes += static_cast<int64_t>(batch.bytes.size());
    return bytes;
  }
  // Bytes that are fetched in this time. The target, which is as far, would limit the records.
  int64_t Rate(int64_t ms) {
    const int64_t before = lane().fetch_response_bytes;
    sim.RunFor(ms);
    return lane().fetch_response_bytes - before;
  }

  Simulation sim;
  Process* process;
};

TEST_CASE("one partition uses all connections, and is nearly as much faster") {
  HotPartition hot("hot", HotOptions(), 6'000);
  const int64_t alone = hot.Rate(1'500);
  REQUIRE(hot.Reach(8));
  hot.sim.RunFor(2'000);
  CHECK(hot.Rate(1'500) > 5 * alone);
  CheckExact(hot.sim, hot.process);
  const int64_t fetched = hot.lane().fetch_response_bytes;
  CHECK(fetched >= hot.LogBytes());
  CHECK(fetched < hot.LogBytes() * 110 / 100);
  CHECK(hot.lane().fetched_twice_bytes < hot.LogBytes() / 20);
}

// Regression: with one Fetch in flight a connection was idle for a round trip after each response,
// here for more than half of the time. Several partitions that shared it waited for the holes that
// the stripes of each left.
TEST_CASE("stripes keep a single connection to a far broker busy for a single partition") {
  SimulationOptions options = HotOptions();
  options.pace.far_ms = 50;
  options.pace.behind_bytes = INT64_MAX;  // otherwise an idle partition has a connection of its own
  bool both_are_hot = false;
  SUBCASE("far") {}
  SUBCASE("an idle partition makes the session wait, which needs the connection") {
    options.partitions = 2;
  }
  SUBCASE("two partitions with a backlog share the session") {
    options.partitions = 2;
    both_are_hot = true;
  }
  SUBCASE("near") { options.pace.far_ms = 200; }
  options.pace.window_ms = 5'000;  // no further connection is tried meanwhile
  options.pace.window_round_trips = 1;
  HotPartition hot("single", options, 6'000);
  if (both_are_hot) Fill(hot.sim, 1, 6'000, 200);
  hot.process->network->connection_rate = 100;
  hot.sim.RunFor(9'000);
  REQUIRE(hot.lane().source_connections == 1);
  const bool is_striped = options.partitions == 1 && options.pace.far_ms == 50;
  CHECK((hot.sim.source.stripes > 0) == is_striped);
  // The connection passes 100 KB a second.
  if (is_striped) CHECK(hot.Rate(1'000) > 90'000);
}

TEST_CASE("no stripes with one connection, or from a broker that does not check epochs") {
  SUBCASE("one connection") {
    HotPartition hot("set", HotOptions(1), 200);
    CheckExact(hot.sim, hot.process);
    CHECK(hot.sim.source.stripes == 0);
  }
  SUBCASE("an old broker") {
    HotPartition hot("old", HotOptions(), 400);
    hot.sim.source.broker(0).fetch_version = 8;
    CheckExact(hot.sim, hot.process);
    CHECK(hot.sim.source.stripes == 0);
  }
}

TEST_CASE("idle partitions wait in the session of channel 0, and their records are not held up") {
  SimulationOptions options = HotOptions();
  options.partitions = 4;
  options.settings.fetch_wait_max_ms = 500;
  HotPartition hot("beside", options);
  REQUIRE(hot.Reach(8));
  REQUIRE(hot.BeginStripes());
  CHECK(hot.sim.source.broker(0).sessions.size() == 1);
  Fill(hot.sim, 2, 1);
  CHECK(hot.sim.RunUntil([&] { return !hot.sim.Mirrored(2).empty(); }, 400));
  CheckExact(hot.sim, hot.process);
}

TEST_CASE("when the backlog is gone the session continues") {
  HotPartition hot("gone", HotOptions(), 2'000);
  REQUIRE(hot.BeginStripes());
  CheckExact(hot.sim, hot.process);
  const int64_t stripes = hot.sim.source.stripes;
  for (int i = 0; i < 10; i++) {
    Fill(hot.sim, 0, 1);
    hot.sim.RunFor(300);
  }
  CheckExact(hot.sim, hot.process);
  CHECK(hot.sim.source.stripes == stripes);
}

TEST_CASE("what disturbs the stripes ends them, and nothing is lost or doubled") {
  HotPartition hot("disturbed", HotOptions(8, 2));
  REQUIRE(hot.Reach(8));
  REQUIRE(hot.BeginStripes());
  SimulatedNetwork* network = hot.process->network.get();
  const int32_t leader = hot.sim.SourceLog(0).leader;
  SUBCASE("a further connection ends") { network->BreakChannel(Side::kSource, {leader, 3}); }
  SUBCASE("all connections end") { network->Break(Side::kSource, leader); }
  SUBCASE("another leader") { hot.sim.source.MoveLeader(kSource0); }
  SUBCASE("the leader is elected again") { hot.sim.SourceLog(0).Elect(leader); }
  SUBCASE("an error") {
    hot.sim.source.fetch_errors[kSource0] = {56, false, hot.sim.agenda.now + 200};
  }
  SUBCASE("damaged bytes") { network->corrupt_one_in = 4; }
  SUBCASE("damaged offsets") { network->flip_offset_one_in = 4; }
  SUBCASE("responses that are cut") { network->cut_one_in = 10; }
  SUBCASE("another leader of the target") {
    hot.sim.target.MoveLeader(kTarget0);
    hot.sim.RunFor(50);
    hot.sim.target.MoveLeader(kTarget0);
  }
  SUBCASE("the target refuses batches for a while") {
    hot.sim.target.produce_errors[kTarget0] = {19, false, hot.sim.agenda.now + 3'000};
  }
  SUBCASE("it returns to the lane after a release") {
    hot.sim.Revoke(hot.process, 0);
    hot.sim.RunFor(1'000);
    hot.process->reassigned = true;
    hot.sim.Return(hot.process, 0, hot.sim.LastProgress());
  }
  SUBCASE("the process is killed") {
    hot.sim.Kill(hot.process);
    hot.process = hot.sim.StartLagging();
  }
  hot.sim.RunFor(3'000);
  if (hot.process->network.get() == network) {
    network->corrupt_one_in = network->flip_offset_one_in = network->cut_one_in = 0;
  }
  CheckExact(hot.sim, hot.process);
}

// The lane learns of the election when its stripes, its session or its metadata meet it. Stripes of
// the new epoch that begin before the leader has compared its log with the position would store
// records of the other log behind it, so the moment of the election is tried in small steps.
TEST_CASE("a source that is truncated while stripes are ahead faults, as without stripes") {
  for (int round = 0; round < 150; round++) {
    SimulationOptions options = HotOptions(4);
    options.exact = false;
    options.settings.retry_backoff_ms = 5;
    HotPartition hot("truncated " + std::to_string(round), options, 1'500);
    hot.process->network->latency_min_ms = 1 + round % 3;
    REQUIRE(hot.BeginStripes());
    hot.sim.RunFor(3 * round);
    SimulatedLog& log = hot.sim.SourceLog(0);
    SimulatedLog replica = log;
    const int64_t position =
        hot.process->forwarder->SnapshotPartitions(true).front().fetch_offset;
    replica.TruncateTo(position - 30);
    log.ElectUnclean(replica);
    for (int i = 0; i < 1'500; i++) hot.sim.Writer(0).WriteBatch(3, 200);
    INFO("round " << round);
    CheckFaulted(hot.sim, hot.process, kErrorSourceTruncated);
  }
}

// A queue that is full, memory for little more than the stripes, and a target that hangs: the first
// stripe must get memory all the same.
TEST_CASE("with little memory the stripes ahead never keep the first one from being fetched") {
  for (const int64_t bound : {256 * 1024, 64 * 1024, 20 * 1024}) {
    SimulationOptions options = HotOptions();
    options.settings.in_flight_bytes_max = bound;
    options.settings.partition_queue_bytes_max = bound;
    options.batch_max = 4'000;
    HotPartition hot("memory " + std::to_string(bound), options, 600);
    hot.sim.RunFor(5'000);
    hot.sim.target.broker(0).frozen_until = hot.sim.agenda.now + 4'000;
    hot.sim.RunFor(8'000);
    CheckExact(hot.sim, hot.process);
  }
}

TEST_CASE("in read_committed aborted transactions are left out over stripes") {
  SimulationOptions options = HotOptions();
  options.settings.isolation_level = 1;
  HotPartition hot("transactions", options, 0);
  for (int i = 0; i < 1'500; i++) hot.sim.Writer(0).WriteSomething();
  hot.sim.Writer(0).EndTransactions();
  REQUIRE(hot.BeginStripes());
  CheckExact(hot.sim, hot.process);
}

TEST_CASE("whatever happens to a hot partition, each record arrives once") {
  int64_t stripes = 0;
  for (int round = 0; round < (kHasThreadSanitizer ? 2 : 20); round++) {
    Random setup("hot options " + std::to_string(round));
    SimulationOptions options = HotOptions(setup.OneIn(2) ? 8 : 3, 2);
    options.partitions = 2;
    options.writer.value_max = setup.OneIn(2) ? 3'000 : 200;
    if (setup.OneIn(2)) options.settings.in_flight_bytes_max = 512 * 1024;
    if (setup.OneIn(3)) options.settings.partition_queue_bytes_max = 20'000;
    options.batch_max = 512 * 1024;
    options.pace = {.far_ms = 0, .window_ms = 20, .window_round_trips = 1, .settle_round_trips = 1,
                    .opening_ms_max = 200, .opening_look_ms = 5, .gain_percent = 0, .hold_ms = 20,
                    .hold_ms_max = 200, .refused_ms = 300, .idle_ms = 5'000, .busy_bytes = 0,
                    .open_ms_max = 100, .pause_ms = 10, .pause_ms_max = 100,
                    .stripe_backlog_bytes = 1, .behind_bytes = 500};
    Simulation sim("hot " + std::to_string(round), options);
    Random& random = sim.random;
    for (int i = 0; i < 800; i++) sim.Writer(0).WriteSomething();
    Process* process = sim.Start();
    for (int step = 0; step < 60 && sim.failure().empty(); step++) {
      process->network->latency_min_ms = 5, process->network->latency_max_ms = 30;
      process->network->connection_rate = 50;
      for (uint64_t batches = random.Below(20); batches > 0; batches--)
        sim.Writer(0).WriteSomething();
      sim.RunFor(50 + static_cast<int64_t>(random.Below(200)));
      const auto node = static_cast<int32_t>(random.Below(2));
      switch (random.Below(12)) {
        case 0:
          process->network->Break(Side::kSource, node);
          break;
        case 1:
          sim.source.MoveLeader(kSource0);
          break;
        case 2:
          sim.target.MoveLeader(kTarget0);
          break;
        case 3:
          if (!random.OneIn(3)) break;
          sim.Kill(process);
          process = sim.StartLagging();
          break;
        case 4:
          process->network->corrupt_one_in = random.OneIn(2) ? 0 : 20;
          process->network->flip_offset_one_in = random.OneIn(2) ? 0 : 20;
          process->network->cut_one_in = random.OneIn(2) ? 0 : 20;
          break;
        case 5:
          sim.target.produce_errors[kTarget0] = {19, random.OneIn(2), sim.agenda.now + 300, 5};
          break;
        case 6:
          sim.source.fetch_errors[kSource0] = {6, false, sim.agenda.now + 100};
          break;
        default:
          process->network->BreakOne(Side::kSource, node);
      }
    }
    process->network->connection_rate = 0;
    process->network->corrupt_one_in = process->network->flip_offset_one_in = 0;
    process->network->cut_one_in = 0;
    sim.Writer(0).EndTransactions();
    sim.CatchUp(process);
    stripes += sim.source.stripes;
    INFO("LONGHAUL_TEST_SEED=" << RunSeed() << " round " << round);
    REQUIRE(sim.failure() == "");
  }
  CHECK(stripes > 0);  // how many is left to chance
}

}  // namespace
}  // namespace longhaul::test
