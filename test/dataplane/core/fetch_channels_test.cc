// Fetching over several connections to one broker, between simulated clusters: they are opened
// where a connection passes little, each partition is fetched over one of them at a time, and
// nothing is lost or doubled, whatever happens to a connection.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

constexpr int32_t kPartitions = 12;

// A source broker 100 ms away, whose connections pass 20 KB a second.
struct LongLine {
  explicit LongLine(const std::string& name, int64_t max = 8, int64_t round_trip_ms = 100)
      : sim(name, Options(max)) {
    for (uint32_t id = 0; id < kPartitions; id++) Fill(sim, id, 400, 200);
    process = sim.Start();
    process->network->latency_min_ms = process->network->latency_max_ms =
        std::max<int64_t>(round_trip_ms / 2, 1);
    process->network->connection_rate = round_trip_ms < 10 ? 200 : 20;
  }
  static SimulationOptions Options(int64_t max) {
    SimulationOptions options = Plain(kPartitions);
    options.settings.fetch_bytes_max = 8'000;
    options.settings.partition_fetch_bytes_max = 4'000;
    options.settings.broker_connections_max = max;
    options.settings.in_flight_bytes_max = 8 << 20;
    options.pace.busy_bytes = 1'000;
    return options;
  }
  int64_t connections() const { return process->forwarder->SnapshotLane().source_connections; }
  bool Reach(int64_t count, int64_t ms = 60'000) {
    return sim.RunUntil([&] { return connections() == count; }, ms);
  }
  int64_t LogBytes() {
    int64_t bytes = 0;
    for (uint32_t id = 0; id < kPartitions; id++)
      for (const LoggedBatch& batch : sim.SourceLog(id).batches())
        bytes += static_cast<int64_t>(batch.bytes.size());
    return bytes;
  }
  bool Logged(const std::string& text) const {
    return std::ranges::any_of(process->logs,
                               [&](const auto& line) { return line.find(text) != line.npos; });
  }

  Simulation sim;
  Process* process;
};

TEST_CASE("over a long line the lane opens more connections, and fetches nothing twice") {
  LongLine line("grows");
  CHECK(line.connections() <= 1);
  CHECK(line.Reach(8));
  CHECK(line.process->network->CountFurther() == 7);
  CheckExact(line.sim, line.process);
  // Headers of responses come on top of the log.
  const int64_t fetched = line.process->forwarder->SnapshotLane().fetch_response_bytes;
  CHECK(fetched >= line.LogBytes());
  CHECK(fetched < line.LogBytes() * 115 / 100);
}

TEST_CASE("a near broker keeps one connection, and so does a lane with a setting of one") {
  SUBCASE("near") {
    LongLine line("near", 8, 2);
    CheckExact(line.sim, line.process);
    CHECK(line.process->network->further_opened == 0);
  }
  SUBCASE("set") {
    LongLine line("set", 1);
    line.sim.RunFor(60'000);
    CHECK(line.process->network->further_opened == 0);
  }
}

TEST_CASE("when the traffic is over, further connections and their sessions are closed") {
  LongLine line("shrinks");
  REQUIRE(line.Reach(8));
  CheckExact(line.sim, line.process);
  CHECK(line.sim.source.broker(0).sessions.size() == 8);
  CHECK(line.Reach(1, 300'000));
  line.sim.RunFor(2'000);
  CHECK(line.process->network->CountFurther() == 0);
  CHECK(line.sim.source.broker(0).sessions.size() == 1);
  CHECK(line.sim.source.broker(0).sessions.partitions() == kPartitions);
  CHECK(line.sim.source.broker(0).sessions.errors == 0);
  for (uint32_t id = 0; id < kPartitions; id++) Fill(line.sim, id, 2);
  CheckExact(line.sim, line.process);
}

TEST_CASE("a broker that refuses further connections is lived with, and that is said once") {
  LongLine line("refused");
  line.process->network->further_max = 4;
  // It asks for 8, gets 5 with the first one, and closes one of them.
  REQUIRE(line.sim.RunUntil([&] { return line.process->network->CountFurther() == 4; }, 60'000));
  REQUIRE(line.sim.RunUntil([&] { return line.process->network->CountFurther() == 3; }, 60'000));
  CHECK(line.connections() == 4);
  CHECK(line.Logged("accepts no further connection: the lane keeps 4, of "
                    "connections.per.broker.max=8"));
  const size_t logged = line.process->logs.size();
  CheckExact(line.sim, line.process);
  CHECK(line.process->logs.size() == logged);
  CHECK(line.sim.source.broker(0).sessions.errors == 0);
}

TEST_CASE("a further connection that ends is opened again, and its partitions continue meanwhile") {
  LongLine line("ends");
  REQUIRE(line.Reach(8));
  const int64_t opened = line.process->network->further_opened;
  line.process->network->BreakChannel(Side::kSource, {0, 3});
  CHECK(line.Reach(7, 1'000));
  CHECK(line.Reach(8, 5'000));
  CHECK(line.process->network->further_opened == opened + 1);
  CHECK(line.process->logs.empty());
  CheckExact(line.sim, line.process);
}

TEST_CASE("after its broker has restarted the lane has its connections again") {
  LongLine line("restart");
  REQUIRE(line.Reach(8));
  SimulatedBroker& broker = line.sim.source.broker(0);
  broker.up = false;
  broker.sessions.Clear();
  line.process->network->Break(Side::kSource, 0, -195, true);
  line.sim.RunFor(2'000);
  CHECK(line.connections() == 1);
  broker.up = true;
  CHECK(line.Reach(8, 20'000));
  CHECK(line.process->logs.empty());
  CheckExact(line.sim, line.process);
}

// Regression: over a connection of 1 MB/s each Fetch asked for a quarter of the lane's memory, that
// is 6 MiB. The lane learned where the logs end after 6 s, and partitions moved to the second
// connection only after the next 6 s, because they move between two Fetches.
TEST_CASE("over a slow connection the second one is used within five seconds") {
  SimulationOptions options = Plain(2);
  options.batch_max = 3 << 20;
  Simulation sim("slow connection", options);
  for (uint32_t id = 0; id < 2; id++) Fill(sim, id, 24, 100'000);
  Process* process = sim.Start();
  process->network->latency_min_ms = process->network->latency_max_ms = 50;
  process->network->connection_rate = 1'000;
  CHECK(sim.RunUntil([&] { return sim.source.broker(0).sessions.size() == 2; }, 5'000));
  CHECK(process->network->response_bytes_max < 1'500'000);
  Fill(sim, 0, 1, 700'000);  // one batch that is larger than a second's bytes
  CheckExact(sim, process);
  CHECK(process->network->response_bytes_max > 2'000'000);
}

// Regression: for a minute after the last large backlog the partitions stayed in the session of one
// channel, as while others are fetched in stripes. 64 partitions of which each had less than 8 MiB
// left passed 4 MB/s over 64 connections that had passed 40 MB/s.
TEST_CASE("when no partition has a large backlog any more, all channels fetch the rest") {
  SimulationOptions options = LongLine::Options(16);
  options.pace.stripe_backlog_bytes = 30'000;
  Simulation sim("rest", options);
  for (uint32_t id = 0; id < kPartitions; id++) Fill(sim, id, 400, 200);
  Process* process = sim.Start();
  process->network->latency_min_ms = process->network->latency_max_ms = 50;
  process->network->connection_rate = 20;
  const auto& sessions = sim.source.broker(0).sessions;
  const auto is_striped = [&] {
    return process->forwarder->SnapshotLane().source_connections > kPartitions &&
           sessions.size() == 1;
  };
  REQUIRE(sim.RunUntil(is_striped, 60'000));
  REQUIRE(sim.RunUntil([&] { return sessions.size() == kPartitions; }, 60'000));
  int64_t missing = 0;
  for (uint32_t id = 0; id < kPartitions; id++)
    missing += sim.SourceLog(id).end() - sim.TargetLog(id).end();
  CHECK(missing > 0);
  CheckExact(sim, process);
}

// A NAT forgets one of several connections, while the others answer.
TEST_CASE("a further connection that is silent is closed, and its partitions continue") {
  LongLine line("silent");
  REQUIRE(line.Reach(8));
  line.process->network->Forget(Side::kSource, {0, 2});
  CHECK(line.Reach(7, 13'000));
  CHECK(line.Reach(8, 13'000));
  for (const auto& [id, state] : line.process->states)
    CHECK(state.state == PartitionState::kRunning);
  CheckExact(line.sim, line.process);
}

TEST_CASE("with a new leader the partitions leave all channels of the old one") {
  SimulationOptions options = LongLine::Options(8);
  options.brokers = 2;
  Simulation sim("leader moves", options);
  for (uint32_t id = 0; id < kPartitions; id++) Fill(sim, id, 400, 200);
  Process* process = sim.Start();
  process->network->latency_min_ms = process->network->latency_max_ms = 50;
  process->network->connection_rate = 20;
  REQUIRE(sim.RunUntil(
      [&] { return process->forwarder->SnapshotLane().source_connections >= 4; }, 60'000));
  for (uint32_t id = 0; id < kPartitions; id++)
    if (sim.SourceLog(id).leader == 0)
      sim.source.MoveLeader({Simulation::kTopic, static_cast<int32_t>(id)});
  CheckExact(sim, process);
  CHECK(sim.source.broker(0).sessions.size() == 0);
}

// Partitions change their connection all the time, because whether a trial pays is left to chance.
TEST_CASE("whatever happens to connections, leaders and owners, each record arrives once") {
  int64_t opened = 0;
  for (int round = 0; round < (kHasThreadSanitizer ? 3 : 12); round++) {
    SimulationOptions options = LongLine::Options(8);
    options.brokers = 2;
    options.pace = {.far_ms = 0, .window_ms = 20, .window_round_trips = 1, .settle_round_trips = 1,
                    .opening_ms_max = 200, .opening_look_ms = 5, .gain_percent = 0, .hold_ms = 20,
                    .hold_ms_max = 200, .refused_ms = 300, .idle_ms = 200, .busy_bytes = 0,
                    .open_ms_max = 100, .pause_ms = 10, .pause_ms_max = 100,
                    .stripe_backlog_bytes = 1, .behind_bytes = 500};
    Simulation sim("connections " + std::to_string(round), options);
    for (uint32_t id = 0; id < kPartitions; id++) Fill(sim, id, 300, 200);
    Random& random = sim.random;
    Process* process = sim.Start();
    for (int step = 0; step < 80 && sim.failure().empty(); step++) {
      process->network->connection_rate = 20;
      // A connection needs some windows until another one is opened beside it.
      sim.RunFor(100 + static_cast<int64_t>(random.Below(300)));
      const auto node = static_cast<int32_t>(random.Below(2));
      const auto partition = static_cast<int32_t>(random.Below(kPartitions));
      switch (random.Below(8)) {
        case 0:
          process->network->Break(Side::kSource, node);
          break;
        case 1:
          process->network->further_max = static_cast<int64_t>(random.Below(12));
          break;
        case 2:
          sim.source.MoveLeader({Simulation::kTopic, partition});
          break;
        case 3:
          if (!random.OneIn(4)) break;
          opened += process->network->further_opened;
          sim.Kill(process);
          process = sim.StartLagging();
          break;
        case 4:
          sim.target.MoveLeader({Simulation::kRemote, partition});
          break;
        default:
          process->network->BreakOne(Side::kSource, node);
      }
    }
    opened += process->network->further_opened;
    process->network->connection_rate = 0;
    sim.CatchUp(process);
    INFO("LONGHAUL_TEST_SEED=" << RunSeed() << " round " << round);
    REQUIRE(sim.failure() == "");
  }
  CHECK(opened > 0);  // how many is left to chance
}

}  // namespace
}  // namespace longhaul::test
