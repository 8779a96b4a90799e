// Brokers that hang and connections that a NAT has forgotten: no error, and no answer.
#include <doctest/doctest.h>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

// The settings are the defaults, except that a few batches fill the memory.
struct HungCase {
  Simulation sim;
  Process* process = nullptr;
  int32_t brokers;

  HungCase(const std::string& name, int32_t partitions, int32_t broker_count = 3,
           int64_t memory = 1 << 20)
      : sim(name, Options(partitions, broker_count, memory)), brokers(broker_count) {}
  static SimulationOptions Options(int32_t partitions, int32_t brokers, int64_t memory) {
    SimulationOptions options;
    options.partitions = partitions;
    options.brokers = brokers;
    options.settings.in_flight_bytes_max = memory;
    options.batch_max = 32 * 1024;
    return options;
  }
  bool IsLedBy(Side side, uint32_t id, int32_t node) {
    return (side == Side::kSource ? sim.SourceLog(id) : sim.TargetLog(id)).leader == node;
  }
  // Producers write to all partitions more than the memory of the lane holds.
  void Write(int batches) {
    for (uint32_t id = 0; id < sim.partitions(); ++id) Fill(sim, id, batches, 2'000);
  }
  void Start() {
    Write(20);
    process = sim.Start();
    REQUIRE(sim.RunUntil([&] { return sim.batches_mirrored > 30; }, 10'000));
  }
  void Hang(Side side, int32_t node, int64_t ms) {
    (side == Side::kSource ? sim.source : sim.target).broker(node).frozen_until =
        sim.agenda.now + ms;
  }
  void MoveLeadersOf(Side side, int32_t node) {
    SimulatedCluster& cluster = side == Side::kSource ? sim.source : sim.target;
    for (auto& [key, log] : cluster.logs())
      if (log.leader == node) cluster.MoveLeader(key);
  }
  size_t MirroredOf(Side side, int32_t node, bool led) {
    size_t records = 0;
    for (uint32_t id = 0; id < sim.partitions(); ++id)
      if (IsLedBy(side, id, node) == led) records += sim.Mirrored(id).size();
    return records;
  }
  bool IsAllMirrored() {
    for (uint32_t id = 0; id < sim.partitions(); ++id)
      if (sim.Mirrored(id).size() != sim.Writer(id).committed().size()) return false;
    return true;
  }
  // Runs for `ms` while producers continue to write, and returns for how many whole seconds in a
  // row the partitions that `node` does not lead were stalled.
  int64_t LongestStandstill(Side side, int32_t node, int64_t ms) {
    int64_t longest = 0, still = 0;
    for (int64_t second = 0; second < ms / 1'000; ++second) {
      Write(5);
      const size_t before = MirroredOf(side, node, false);
      sim.RunFor(1'000);
      still = MirroredOf(side, node, false) == before ? still + 1 : 0;
      longest = std::max(longest, still);
    }
    return longest;
  }
};

// Regression: the lane filled with batches for the hung broker, and all partitions were stalled for
// a minute.
TEST_CASE("a target broker that hangs stops the partitions that it leads, and no others") {
  for (const int32_t partitions : {3, 24, 60}) {
    if (kHasThreadSanitizer && partitions > 3) continue;
    CAPTURE(partitions);
    HungCase hung("hung target " + std::to_string(partitions), partitions);
    hung.Start();
    hung.Hang(Side::kTarget, 0, 45'000);
    CHECK(hung.LongestStandstill(Side::kTarget, 0, 45'000) <= 5);
    CHECK(hung.process->states[0].state == PartitionState::kWaiting);
    CheckExact(hung.sim, hung.process);
    CHECK(hung.process->states[0].state == PartitionState::kRunning);
  }
}

// Regression: batches in flight at the old leader were waited for until the request timed out,
// although the partition had a new leader.
TEST_CASE("partitions of a hung target broker continue as soon as their leader has moved") {
  HungCase hung("hung target, moved", 24);
  hung.Start();
  hung.Hang(Side::kTarget, 0, 45'000);
  CHECK(hung.LongestStandstill(Side::kTarget, 0, 9'000) <= 5);
  hung.MoveLeadersOf(Side::kTarget, 0);
  const size_t before = hung.sim.Mirrored(0).size();
  CHECK(hung.sim.RunUntil([&] { return hung.sim.Mirrored(0).size() > before; }, 3'000));
  hung.Write(20);
  const bool is_mirrored = hung.sim.RunUntil([&] { return hung.IsAllMirrored(); }, 15'000);
  INFO(hung.sim.Describe(hung.process));
  CHECK(is_mirrored);
  CHECK(hung.sim.agenda.now < hung.sim.target.broker(0).frozen_until);
  hung.sim.RunFor(60'000);  // its late answers arrive
  hung.Write(5);
  CheckExact(hung.sim, hung.process);
}

// librdkafka connects only to brokers that it needs. A lane whose partitions were all led by one
// broker had a connection to no other: while that broker hung, it alone was asked who leads now,
// until its connection was closed for its silence.
TEST_CASE("the new leader is learned from a broker that was not connected") {
  HungCase hung("hung target, alone connected", 6);
  for (auto& [key, log] : hung.sim.target.logs())
    while (log.leader != 0) hung.sim.target.MoveLeader(key);
  hung.Start();
  hung.process->network->ConnectOnly(Side::kTarget, 0);
  hung.Hang(Side::kTarget, 0, 45'000);
  hung.MoveLeadersOf(Side::kTarget, 0);
  const size_t before = hung.sim.Mirrored(0).size();
  CHECK(hung.sim.RunUntil([&] { return hung.sim.Mirrored(0).size() > before; }, 8'000));
  CheckExact(hung.sim, hung.process);
}

// The old leader had appended before it hung, and its followers had the batches: the scan of the
// new leader finds them, and no batch is sent twice.
TEST_CASE("batches that a hung leader had appended are found on its successor") {
  HungCase hung("hung after append", 1, 2);
  Fill(hung.sim, 0, 50);
  hung.process = hung.sim.Start();
  hung.sim.RunUntil([&] { return hung.sim.batches_mirrored > 5; }, 10'000);
  hung.process->network->latency_max_ms = 400;  // answers are in flight when it hangs
  hung.sim.RunUntil([&] { return hung.sim.batches_mirrored > 8; }, 10'000);
  hung.process->network->Forget(Side::kTarget, {0});
  hung.MoveLeadersOf(Side::kTarget, 0);
  hung.process->network->latency_max_ms = 5;
  CheckExact(hung.sim, hung.process);
  CHECK(hung.sim.Counters(hung.process, 0).doubled_records == 0);
}

// Regression: no metadata was requested before the Fetch timed out.
TEST_CASE("partitions of a hung source broker continue as soon as their leader has moved") {
  HungCase hung("hung source", 12);
  hung.Start();
  CheckExact(hung.sim, hung.process);
  hung.Hang(Side::kSource, 0, 45'000);
  CHECK(hung.LongestStandstill(Side::kSource, 0, 9'000) == 0);
  CHECK(hung.process->states[0].state == PartitionState::kWaiting);
  CHECK(hung.process->states[0].code == 7);
  CHECK(hung.process->states[0].detail == "source broker 0 does not answer");
  hung.MoveLeadersOf(Side::kSource, 0);
  const size_t before = hung.sim.Mirrored(0).size();
  CHECK(hung.sim.RunUntil([&] { return hung.sim.Mirrored(0).size() > before; }, 3'000));
  hung.sim.RunFor(60'000);  // its late answer arrives
  hung.Write(5);
  CheckExact(hung.sim, hung.process);
}

TEST_CASE("a forgotten connection is detected within fifteen seconds") {
  for (const Side side : {Side::kSource, Side::kTarget}) {
    CAPTURE(SideName(side));
    HungCase hung("forgotten", 1, 1);
    Fill(hung.sim, 0, 5);
    hung.process = hung.sim.Start();
    CheckExact(hung.sim, hung.process);
    hung.process->network->Forget(side, {0});
    Fill(hung.sim, 0, 1);
    CHECK(hung.sim.RunUntil([&] { return hung.sim.Mirrored(0).size() == 18; }, 16'500));
    CheckExact(hung.sim, hung.process);
  }
}

TEST_CASE("a connection forgotten while idle is detected by the next metadata request") {
  HungCase hung("forgotten, idle", 1, 1);
  Fill(hung.sim, 0, 5);
  hung.process = hung.sim.Start();
  CheckExact(hung.sim, hung.process);
  hung.process->network->Forget(Side::kTarget, {0});
  hung.sim.RunFor(80'000);
  Fill(hung.sim, 0, 1);
  CHECK(hung.sim.RunUntil([&] { return hung.sim.Mirrored(0).size() == 18; }, 1'000));
}

// Regression: the lane asked any broker for the leader, also one that had been silent for two
// seconds and was not suspect yet; it asked another one 5 s later. A hand-over took that much
// longer.
TEST_CASE("a partition that is assigned learns its leaders from a broker that answers") {
  for (int attempt = 0; attempt < (kHasThreadSanitizer ? 3 : 20); ++attempt) {
    CAPTURE(attempt);
    HungCase hung("forgotten, assigned " + std::to_string(attempt), 6);
    hung.Start();
    CheckExact(hung.sim, hung.process);
    hung.process->network->Forget(Side::kSource, {0});
    hung.sim.RunFor(2'000);
    uint32_t id = 0;
    while (hung.IsLedBy(Side::kSource, id, 0)) ++id;
    hung.sim.Revoke(hung.process, id);
    REQUIRE(hung.sim.RunUntil([&] { return hung.process->states[id].released; }, 1'000));
    hung.sim.Return(hung.process, id, hung.sim.LastProgress());
    Fill(hung.sim, id, 1);
    const size_t written = hung.sim.Writer(id).committed().size();
    CHECK(hung.sim.RunUntil([&] { return hung.sim.Mirrored(id).size() == written; }, 2'000));
  }
}

// A shorter request.timeout.ms bounds the wait.
TEST_CASE("a forgotten connection is detected within a shorter request.timeout.ms") {
  SimulationOptions options = HungCase::Options(1, 1, 1 << 20);
  options.settings.request_timeout_ms = 4'000;
  Simulation sim("forgotten, short", options);
  Fill(sim, 0, 5);
  Process* process = sim.Start();
  CheckExact(sim, process);
  process->network->Forget(Side::kTarget, {0});
  Fill(sim, 0, 1);
  CHECK(sim.RunUntil([&] { return sim.Mirrored(0).size() == 18; }, 6'500));
}

// Regression: the metadata of the other brokers still named the broker that did not answer as the
// leader, and 100 ms after each of these responses the lane sent the next request.
TEST_CASE("a cluster in trouble gets a metadata request each second, and no more") {
  for (const bool is_down : {false, true}) {
    for (const Side side : {Side::kSource, Side::kTarget}) {
      CAPTURE(is_down);
      CAPTURE(SideName(side));
      HungCase hung("asked each second", 6);
      hung.Start();
      SimulatedNetwork& network = *hung.process->network;
      if (is_down) {
        (side == Side::kSource ? hung.sim.source : hung.sim.target).broker(0).up = false;
        network.Break(side, 0, -195, true);
      } else {
        hung.Hang(side, 0, 45'000);
      }
      hung.Write(5);
      hung.sim.RunFor(7'000);
      const int64_t before = network.metadata_requests[side];
      hung.sim.RunFor(7'000);  // the connection to a broker that hangs is closed after that
      const int64_t requests = network.metadata_requests[side] - before;
      CHECK(requests >= 5);
      CHECK(requests <= 8);
    }
  }
}

// Regression: a broker of bootstrap.servers whose id is not known is not watched. When it did not
// answer the first metadata request, no other broker was asked until the request failed.
TEST_CASE("when a bootstrap broker does not answer, another one is asked") {
  for (int attempt = 0; attempt < 10; ++attempt) {  // the first one asked is left to chance
    CAPTURE(attempt);
    HungCase hung("hung bootstrap " + std::to_string(attempt), 3);
    hung.Hang(Side::kSource, 0, 600'000);
    hung.Write(2);
    hung.MoveLeadersOf(Side::kSource, 0);
    hung.process = hung.sim.Start();
    hung.process->network->hides_ids = true;
    CHECK(hung.sim.RunUntil([&] { return hung.IsAllMirrored(); }, 60'000));
  }
}

// Responses of two megabytes over a narrow link take longer than any patience, and arrive.
TEST_CASE("a broker with moving bytes is neither suspect nor disconnected") {
  HungCase hung("slow", 2, 1);
  hung.Start();
  CheckExact(hung.sim, hung.process);
  hung.process->network->trickles = true;
  hung.Hang(Side::kSource, 0, 25'000);
  hung.sim.RunFor(24'000);
  CHECK(hung.process->network->breaks == 0);
  CHECK(hung.process->states[0].state == PartitionState::kRunning);
  CheckExact(hung.sim, hung.process);
}

// Regression: batches in flight at the old leader were waited for until its connection counted as
// silent, 15 s after the last answer. The hand-over of the slot waited as long, and so did its next
// owner.
TEST_CASE("a partition that is revoked is released once the leader that hangs is deposed") {
  HungCase hung("hung target, revoked", 6);
  hung.Start();
  hung.Hang(Side::kTarget, 0, 45'000);
  hung.Write(5);
  hung.sim.RunFor(1'000);
  std::vector<uint32_t> led;
  for (uint32_t id = 0; id < hung.sim.partitions(); ++id)
    if (hung.IsLedBy(Side::kTarget, id, 0)) led.push_back(id);
  REQUIRE(!led.empty());
  for (const uint32_t id : led) hung.sim.Revoke(hung.process, id);
  const auto is_released = [&](uint32_t id) { return hung.process->states[id].released; };
  const auto are_released = [&] { return std::all_of(led.begin(), led.end(), is_released); };
  hung.sim.RunFor(3'000);
  CHECK(std::none_of(led.begin(), led.end(), is_released));  // the leader may still answer
  hung.MoveLeadersOf(Side::kTarget, 0);
  CHECK(hung.sim.RunUntil(are_released, 4'000));
  for (const uint32_t id : led) {
    CHECK(hung.process->states[id].code == 7);
    CHECK(hung.process->states[id].detail ==
          "target broker 0, the former leader, does not answer");
    hung.sim.Return(hung.process, id, hung.sim.LastProgress());
  }
  CHECK(hung.sim.RunUntil([&] { return hung.IsAllMirrored(); }, 15'000));
  CHECK(hung.sim.agenda.now < hung.sim.target.broker(0).frozen_until);
  hung.sim.RunFor(60'000);  // its late answers arrive
  hung.Write(5);
  CheckExact(hung.sim, hung.process);
}

// The lane drops queued batches and those that fail in flight. If it were released without a
// reason, the partition would look as if its target had acknowledged everything.
TEST_CASE("a partition whose target does not answer is released with the reason") {
  for (const bool is_retrying : {false, true}) {
    CAPTURE(is_retrying);
    Simulation sim("unacknowledged", Plain(1));
    Fill(sim, 0, 600);
    Process* process = sim.Start();
    sim.RunUntil([&] { return sim.batches_mirrored > 20; }, 10'000);
    const auto break_target = [&] {
      sim.target.broker(0).up = false;
      process->network->Break(Side::kTarget, 0, -195, true);
    };
    if (is_retrying) {
      break_target();
      CHECK(sim.RunUntil([&] { return process->states[0].code != 0; }, 10'000));
    }
    process->forwarder->Revoke({0});
    if (!is_retrying) break_target();
    sim.Poke(process);
    CHECK(sim.RunUntil([&] { return process->states[0].released; }, 60'000));
    CHECK(process->states[0].code != 0);
    sim.target.broker(0).up = true;
    sim.Assign(process, {0}, sim.LastProgress());
    CheckExact(sim, process);
  }
}

}  // namespace
}  // namespace longhaul::test
