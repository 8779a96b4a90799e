// Partitions whose tiny batches are merged before they are sent (rebatch), between simulated
// clusters.
#include "core/rebatch.h"

#include <doctest/doctest.h>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

SimulationOptions Rebatched(Batching batching = Batching::kRebatch) {
  SimulationOptions options = Plain();
  options.batching = batching;
  options.settings.batch_size = 4'000;
  return options;
}

void FillOnes(Simulation& sim, int batches, Codec codec = Codec::kNone) {
  for (; batches > 0; --batches) sim.Writer(0).WriteBatch(1, 50, codec);
}

TEST_CASE("waiting batches of one record become few batches, and offsets translate exactly") {
  for (const Codec codec : kAllCodecs) {
    CAPTURE(static_cast<int>(codec));
    Simulation sim("rebatch", Rebatched());
    FillOnes(sim, 500, codec);
    Process* process = sim.Start();
    CheckExact(sim, process);
    CHECK(sim.Counters(process, 0).records == 500);
    CHECK(sim.batches_mirrored < 50);
    CHECK(sim.Counters(process, 0).reencoded_merged > 0);
    CHECK(process->spans[0].size() > 0);
  }
}

TEST_CASE("a partition without a backlog passes its batches through") {
  Simulation sim("no backlog", Rebatched());
  Process* process = sim.Start();
  for (int i = 0; i < 20; ++i) {
    FillOnes(sim, 1);
    CheckExact(sim, process);
  }
  CHECK(sim.batches_mirrored == 20);
  CHECK(sim.Counters(process, 0).passed_through == 20);
}

TEST_CASE("auto merges small batches of which many wait, and no others") {
  Simulation small("auto small", Rebatched(Batching::kAuto));
  FillOnes(small, 500);
  CheckExact(small, small.Start());
  CHECK(small.batches_mirrored < 60);

  Simulation large("auto large", Rebatched(Batching::kAuto));
  Fill(large, 0, 100, 300);
  CheckExact(large, large.Start());
  CHECK(large.batches_mirrored == 100);
}

// However large batch.size is: merging 10 kB batches in gzip is several times slower than sending
// them.
TEST_CASE("auto passes batches through whose merge costs more than it saves") {
  for (const Codec codec : kAllCodecs) {
    CAPTURE(static_cast<int>(codec));
    SimulationOptions options = Rebatched(Batching::kAuto);
    options.settings.batch_size = 1'000'000;
    Simulation sim("auto codec", options);
    const int64_t bytes = Rebatch::SmallBytesMax(codec);
    constexpr int kBatches = 100;
    for (int i = 0; i < kBatches; ++i)
      sim.Writer(0).WriteBatch(1, static_cast<size_t>(bytes) + 100, codec);
    Process* process = sim.Start();
    CheckExact(sim, process);
    CHECK(sim.batches_mirrored == kBatches);
    for (int i = 0; i < kBatches; ++i)
      sim.Writer(0).WriteBatch(1, static_cast<size_t>(bytes) / 2, codec);
    CheckExact(sim, process);
    CHECK(sim.batches_mirrored < kBatches + kBatches / 2);
  }
}

// A broker recognizes a batch by its first and its last sequence, so a batch that may be on the
// target must not be merged with those that came after it.
TEST_CASE("a merged batch whose answer was lost keeps its boundaries when it is sent again") {
  for (int round = 1; round < 30; ++round) {
    CAPTURE(round);
    Simulation sim("rebatch break " + std::to_string(round), Rebatched());
    FillOnes(sim, 400);
    Process* process = sim.Start();
    sim.RunUntil([&] { return sim.batches_mirrored >= round % 10; }, 10'000);
    FillOnes(sim, 40);
    process->network->Break(Side::kTarget, 0);
    sim.RunFor(round);
    FillOnes(sim, 40);
    CheckExact(sim, process);
    CHECK(sim.Counters(process, 0).doubled_records == 0);
  }
}

TEST_CASE("a restart in the middle of a merged partition finds the seam by its records") {
  for (int round = 0; round < 30; ++round) {
    CAPTURE(round);
    Simulation sim("rebatch resume " + std::to_string(round), Rebatched());
    FillOnes(sim, 300);
    Process* process = sim.Start();
    sim.RunFor(sim.random.Between(1, 120));
    sim.Kill(process);
    FillOnes(sim, 100);
    if (round % 2 == 0) sim.TargetLog(0).ForgetProducers();
    process = sim.StartLagging();
    CheckExact(sim, process);
    CHECK(sim.Counters(process, 0).doubled_records == 0);
  }
}

TEST_CASE("a merged batch that is too large for the topic is halved, and no record is lost") {
  SimulationOptions options = Rebatched();
  options.settings.batch_size = 100'000;
  Simulation sim("merged too large", options);
  sim.TargetLog(0).max_message_bytes = 1'000;
  FillOnes(sim, 500);
  Process* process = sim.Start();
  CheckExact(sim, process);
  CHECK(sim.batches_mirrored < 150);
  CHECK(sim.Counters(process, 0).reencoded_too_large == 0);
}

TEST_CASE("a broker that names no record of a merged batch leaves out one batch of the source") {
  SimulationOptions options = Rebatched();
  options.exact = false;
  Simulation sim("merged refused", options);
  FillOnes(sim, 30);
  const TestRecord refused = sim.Writer(0).committed()[17];
  sim.TargetLog(0).refuses = [refused](const TestRecord& r) { return r.value == refused.value; };
  for (const int16_t version : {int16_t{7}, int16_t{9}}) {
    CAPTURE(version);
    sim.target.broker(0).produce_version = version;
    Process* process = sim.Start();
    sim.RunUntil([&] { return process->states[0].state == PartitionState::kFaulted; }, 60'000);
    CHECK(process->states[0].state == PartitionState::kFaulted);
    CHECK(process->states[0].skip_to == refused.offset + 1);
    CHECK(process->states[0].skip_records == 1);
    CHECK(sim.Mirrored(0).size() == 17);
    CHECK(sim.failure() == "");
    sim.Kill(process);
  }
}

}  // namespace
}  // namespace longhaul::test
