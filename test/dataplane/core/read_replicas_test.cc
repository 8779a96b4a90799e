// Followers as sources (KIP-392): which broker is read, when the leader is asked again, and that
// missing or wrong data of a follower causes neither a gap nor a fault.
#include <doctest/doctest.h>

#include "core/read_replicas.h"
#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

constexpr int64_t kMaxAgeMs = 30'000;

// Partition 0 is led by broker 0 in rack a; the mirror is in the rack of broker 1.
struct Racks {
  explicit Racks(const std::string& name, int32_t partitions = 1)
      : Racks(name, Options(partitions)) {}
  Racks(const std::string& name, const SimulationOptions& options) : sim(name, options) {
    sim.source.selects_by_rack = true;
    for (int32_t node = 0; node < 3; ++node)
      sim.source.broker(node).rack.assign(1, static_cast<char>('a' + node));
    Fill(sim, 0, 20);
    process = sim.Start();
    CheckExact(sim, process);
  }
  static SimulationOptions Options(int32_t partitions) {
    SimulationOptions options = Plain(partitions, 3);
    options.rack = "b";
    options.settings.fetch_wait_max_ms = 500;
    options.settings.metadata_max_age_ms = kMaxAgeMs;
    return options;
  }
  // Writes a little and mirrors it; returns whether a follower has returned it.
  bool IsReadAtFollower() {
    const size_t before = sim.source.follower_bytes;
    Fill(sim, 0, 1);
    CheckExact(sim, process);
    return sim.source.follower_bytes > before;
  }
  void PassMaxAge() { sim.RunFor(kMaxAgeMs + 2'000); }

  Simulation sim;
  Process* process;
};

TEST_CASE("a partition is fetched from the replica in the mirror's rack") {
  Racks racks("follower");
  CHECK(racks.IsReadAtFollower());
  CHECK(racks.process->forwarder->SnapshotLane().follower_bytes > 0);
  racks.PassMaxAge();
  CHECK(racks.IsReadAtFollower());
}

// Each answer that names a replica arrives at once and without records: if each Fetch asked for it,
// it would cost a round trip and a request each time.
TEST_CASE("a rack costs no more than one request a partition and metadata.max.age.ms") {
  int64_t requests[2];
  for (const bool has_rack : {false, true}) {
    SimulationOptions options = Racks::Options(3);
    if (!has_rack) options.rack.clear();
    Simulation sim("requests", options);
    sim.source.selects_by_rack = true;
    for (int32_t node = 0; node < 3; ++node)
      sim.source.broker(node).rack = std::string(node == 1 ? "b" : "a");
    Process* process = sim.Start();
    CheckExact(sim, process);
    sim.RunFor(20 * kMaxAgeMs);
    requests[has_rack ? 1 : 0] = process->network->requests;
    CHECK(sim.failure() == "");
  }
  CHECK(requests[1] <= requests[0] + 3 * 22);
}

TEST_CASE("a follower that fails, ends too early or is down leaves the partition to its leader") {
  Racks racks("errs");
  Simulation& sim = racks.sim;
  SimulatedLog& log = sim.SourceLog(0);
  REQUIRE(racks.IsReadAtFollower());
  bool is_down = false;
  SUBCASE("NOT_LEADER_OR_FOLLOWER") { sim.source.follower_errors[kSource0] = {6, false, 60'000}; }
  SUBCASE("OFFSET_NOT_AVAILABLE") { sim.source.follower_errors[kSource0] = {78, false, 60'000}; }
  SUBCASE("REPLICA_NOT_AVAILABLE") { sim.source.follower_errors[kSource0] = {9, false, 60'000}; }
  SUBCASE("UNKNOWN_LEADER_EPOCH") { sim.source.follower_errors[kSource0] = {75, false, 60'000}; }
  SUBCASE("an error that would fault a partition") {
    sim.source.follower_errors[kSource0] = {29, false, 60'000};
  }
  // For a reader that sends the epoch of its last batch, a shorter log is a different log.
  SUBCASE("its log is shorter") { log.replica_ends[1] = 30; }
  SUBCASE("its log is shorter, and it returns OFFSET_OUT_OF_RANGE") {
    sim.source.broker(1).fetch_version = 11;
    sim.RunFor(1'000);
    log.replica_ends[1] = 30;
  }
  SUBCASE("it is down") {
    sim.source.broker(1).up = false;
    racks.process->network->Break(Side::kSource, 1, -195, true);
    is_down = true;
  }
  SUBCASE("it no longer supports Fetch of followers") {
    sim.source.broker(1).fetch_version = 10;
    sim.RunFor(1'000);
    is_down = true;
  }
  CHECK_FALSE(racks.IsReadAtFollower());
  CHECK_FALSE(racks.IsReadAtFollower());
  CHECK(racks.process->states[0].state == PartitionState::kRunning);
  sim.source.follower_errors.clear();
  log.replica_ends.clear();
  if (is_down) return;
  racks.PassMaxAge();
  CHECK(racks.IsReadAtFollower());
}

// Regression of the simulation: a lag that a replica had before it led came back during a slow
// election, so the former leader returned OFFSET_OUT_OF_RANGE, and the partition faulted.
TEST_CASE("a slow election faults no partition, also if the former leader had lagged before") {
  Simulation sim("election", Plain(1, 3));
  sim.source.selects_by_rack = true;
  sim.source.broker(0).fetch_version = 11;  // such a Fetch has no epoch of the batch before
  Fill(sim, 0, 20);
  Process* process = sim.Start();
  CheckExact(sim, process);
  SimulatedLog& log = sim.SourceLog(0);
  log.replica_ends[0] = 30;
  log.leader = -1;
  sim.RunFor(500);
  CHECK(process->states[0].state == PartitionState::kRunning);
  log.leader = 0;
  Fill(sim, 0, 1);
  CheckExact(sim, process);
}

// A replica that restarts, or that a busy machine delays, is out of sync or hangs for seconds. The
// lane once stayed at the leader for metadata.max.age.ms then (by default five minutes).
TEST_CASE("a replica that is late for a moment is read from soon after") {
  SimulationOptions options = Racks::Options(1);
  options.settings.metadata_max_age_ms = 300'000;
  Racks racks("late", options);
  Simulation& sim = racks.sim;
  SUBCASE("the leader does not name it") {
    sim.source.selects_by_rack = false;
    sim.Kill(racks.process);
    racks.process = sim.Start(sim.LastProgress());
    CHECK_FALSE(racks.IsReadAtFollower());
    sim.source.selects_by_rack = true;
  }
  SUBCASE("it returns an error, more than once") {
    REQUIRE(racks.IsReadAtFollower());
    sim.source.follower_errors[kSource0] = {75, false, sim.agenda.now + 12'000};
    CHECK_FALSE(racks.IsReadAtFollower());
    sim.RunFor(20'000);
  }
  sim.RunFor(ReadReplicas::kAskAgainMs + 2'000);
  CHECK(racks.IsReadAtFollower());
}

// It always answers without errors; but no records arrive, and by its own end of the log none are
// missing.
TEST_CASE("a follower that no longer copies is left, and its leader reports the lag") {
  Racks racks("behind");
  Simulation& sim = racks.sim;
  REQUIRE(racks.IsReadAtFollower());
  sim.SourceLog(0).replica_ends[1] = sim.SourceLog(0).end();
  Fill(sim, 0, 5);
  racks.PassMaxAge();
  CHECK(sim.Counters(racks.process, 0).high_watermark == sim.SourceLog(0).end());
  CheckExact(sim, racks.process);
  CHECK_FALSE(racks.IsReadAtFollower());
}

TEST_CASE("a hung follower delays a partition no longer than until it is suspect") {
  Racks racks("hung");
  Simulation& sim = racks.sim;
  REQUIRE(racks.IsReadAtFollower());
  sim.source.broker(1).frozen_until = sim.agenda.now + 40'000;
  CHECK_FALSE(racks.IsReadAtFollower());
  CHECK(sim.agenda.now < sim.source.broker(1).frozen_until - 30'000);
}

// The answer of the follower is in flight when the lane learns that the follower was elected. As an
// answer of the leader it would fault the partition.
TEST_CASE("a follower's answer does not count as that of a leader after its election") {
  Racks racks("elected", 2);
  Simulation& sim = racks.sim;
  REQUIRE(racks.IsReadAtFollower());
  sim.source.follower_errors[kSource0] = {29, false, sim.agenda.now + 12};
  racks.process->network->latency_max_ms = 1'000;
  sim.RunFor(12);
  racks.process->network->latency_max_ms = 1;
  sim.SourceLog(0).Elect(1);
  sim.Assign(racks.process, {1}, sim.LastProgress());  // asks for metadata
  CHECK_FALSE(racks.IsReadAtFollower());
  sim.RunFor(2'000);
  CHECK(racks.process->states[0].state == PartitionState::kRunning);
}

// A resume skips the records on the target. The follower ends before these, and so did the leader's
// high watermark when the leader named the follower.
TEST_CASE("a resume does not end early because the follower's log ends") {
  Racks racks("skips");
  Simulation& sim = racks.sim;
  REQUIRE(racks.IsReadAtFollower());
  SimulatedLog& log = sim.SourceLog(0);
  log.replica_ends[1] = log.high_watermark_max = 30;
  sim.Kill(racks.process);
  racks.process = sim.Start({{0, {3, 3, 3, 0}}});
  sim.RunFor(300);
  log.high_watermark_max = INT64_MAX;
  CHECK_FALSE(racks.IsReadAtFollower());
  CHECK(sim.Counters(racks.process, 0).doubled_records == 0);
}

}  // namespace
}  // namespace longhaul::test
