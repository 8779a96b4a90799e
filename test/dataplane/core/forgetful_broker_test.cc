// Brokers that forget the flow's producer while it works. The timer of a broker (each
// producer.id.expiration.check.interval.ms, ten minutes) purges a producer whose newest record is
// older than producer.id.expiration.ms, and records may have any age. A broker without this state
// accepts any sequence. The damage that no mirror can prevent then is bounded here, and always
// reported.
#include <doctest/doctest.h>

#include <algorithm>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

// The records of the source, in order, each at least once: duplicates may be between them.
bool HoldsAllInOrder(Simulation& sim, uint32_t id) {
  auto at = sim.Mirrored(id).begin();
  for (const TestRecord& record : sim.Writer(id).committed()) {
    at = std::find_if(at, sim.Mirrored(id).end(),
                      [&](const TestRecord& mirrored) { return SameRecord(mirrored, record); });
    if (at == sim.Mirrored(id).end()) return false;
    ++at;
  }
  return true;
}

TEST_CASE("a broker that purges the producer with batches in flight loses and duplicates none") {
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    Simulation sim("purge " + std::to_string(round), Plain());
    Fill(sim, 0, 60);
    Process* process = sim.Start();
    for (int purge = 0; purge < 20; ++purge) {
      sim.RunFor(static_cast<int64_t>(sim.random.Below(12)));
      if (sim.random.OneIn(5)) process->network->Break(Side::kTarget, 0);
      // A broker without producer state appends the batch of a late request again: see below.
      if (sim.under_way[kTarget0].late == 0) sim.TargetLog(0).ForgetProducers();
      Fill(sim, 0, 1);
    }
    CheckExact(sim, process);
    CHECK(process->network->in_flight_max == 5);
  }
}

// The broker refuses the first of five batches in flight, and accepts the second because it knows
// no sequence before it. The batches can no longer be brought into order, so the partition faults.
TEST_CASE("a purge between a refused batch and the next one faults the partition") {
  SimulationOptions options = Plain();
  options.exact = false;
  Simulation sim("purge and refusal", options);
  Fill(sim, 0, 1);
  Process* process = sim.Start();
  CHECK(sim.RunUntil([&] { return sim.Mirrored(0).size() == 3; }, 10'000));
  sim.RunFor(100);
  Fill(sim, 0, 5);
  sim.TargetLog(0).ForgetProducers();
  sim.target.produce_errors[kTarget0] = {19, false, INT64_MAX, 1};
  CheckFaulted(sim, process, kOutOfOrderSequence);
  CHECK(process->states[0].detail.find("lacks 3 records") != std::string::npos);
  // Progress is before the gap.
  CHECK(sim.Counters(process, 0).upstream_offset == 3);
}

// The connection ends with batches in flight, and the broker has forgotten the producer.
// Regression: the lane enqueued more before it learned of the end; over the next connection the
// broker would accept them without the batches before them, and the partition faulted
// (Outbox::HasConnection).
TEST_CASE("no batch outlives the connection of earlier ones at a broker that forgot") {
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    SimulationOptions options = Plain();
    options.exact = false;
    Simulation sim("outlived " + std::to_string(round), options);
    Fill(sim, 0, 60);
    Process* process = sim.Start();
    CHECK(sim.RunUntil([&] { return sim.batches_mirrored > round / 2 + 5; }, 10'000));
    sim.TargetLog(0).ForgetProducers();
    process->network->Break(Side::kTarget, 0);
    INFO(sim.Describe(process));
    CHECK(sim.RunUntil([&] { return sim.CaughtUp(process); }, 60'000));
    CHECK(HoldsAllInOrder(sim, 0));
  }
}

// A process that was suspended for longer than its session continues beside its successor, and the
// broker forgets both repeatedly: it appends the batches of both. Their sequences may then differ
// permanently, and the broker refuses the successor: the partition faults.
TEST_CASE("a zombie at a broker that forgets causes duplicates or a fault, and no loss") {
  int64_t doubled = 0, counted = 0;
  for (int round = 0; round < 100; ++round) {
    CAPTURE(round);
    SimulationOptions options = Plain();
    options.exact = false;
    Simulation sim("zombie " + std::to_string(round), options);
    Fill(sim, 0, 30);
    Process* zombie = sim.Start();
    sim.RunFor(static_cast<int64_t>(sim.random.Below(60)));
    zombie->stopped_until = sim.agenda.now + 200;
    sim.RunFor(static_cast<int64_t>(sim.random.Below(50)));
    Process* process = sim.StartLagging();
    for (int purge = 0; purge < 40; ++purge) {
      sim.RunFor(static_cast<int64_t>(sim.random.Below(20)));
      if (sim.random.OneIn(4)) sim.TargetLog(0).ForgetProducers();
      if (sim.random.OneIn(2)) Fill(sim, 0, 1);
    }
    sim.Kill(zombie);
    INFO(sim.Describe(process));
    const auto is_faulted = [&] {
      return process->states[0].state == PartitionState::kFaulted;
    };
    CHECK(sim.RunUntil([&] { return is_faulted() || sim.CaughtUp(process); }, 120'000));
    if (is_faulted()) {
      CHECK(process->states[0].code == kOutOfOrderSequence);
      continue;
    }
    CHECK(HoldsAllInOrder(sim, 0));
    doubled += static_cast<int64_t>(sim.Mirrored(0).size() - sim.Writer(0).committed().size());
    counted += sim.Counters(process, 0).doubled_records;
  }
  CHECK(doubled > 0);  // otherwise the broker did not forget
  CHECK(counted > 0);
}

}  // namespace
}  // namespace longhaul::test
