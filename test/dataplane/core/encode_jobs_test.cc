// Batches that are re-encoded or merged beside the thread of the lane, between simulated clusters:
// order, bounds, and what happens to a job whose partition changes meanwhile.
#include "core/encode_jobs.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

// The log cleaner has removed the record after it, so the batch cannot pass through.
void StoreThinned(Simulation& sim, uint32_t id, int batches, Codec codec = Codec::kGzip) {
  for (; batches > 0; --batches) sim.Writer(id).WriteThinned(3, 50, codec);
}

bool IsMirrored(Simulation& sim, uint32_t id) {
  return sim.Mirrored(id).size() == sim.Writer(id).committed().size();
}

TEST_CASE("while a slow codec works on one partition, the others of its lane are mirrored") {
  SimulationOptions options = Plain(2);
  Simulation sim("slow codec", options);
  Process* process = sim.Start();
  process->encoder->is_held = true;
  StoreThinned(sim, 0, 10);
  Fill(sim, 0, 3);
  for (int i = 0; i < 50; ++i) {
    Fill(sim, 1, 5);
    sim.RunFor(20);
  }
  REQUIRE(sim.RunUntil([&] { return IsMirrored(sim, 1); }, 1'000));
  CHECK(sim.Mirrored(0).empty());
  CHECK(sim.Counters(process, 0).queued_bytes > 0);
  process->encoder->Release();
  CheckExact(sim, process);
  CHECK(sim.Counters(process, 0).reencoded_compacted == 10);
  CHECK(sim.Counters(process, 0).passed_through == 3);
}

TEST_CASE("jobs that end in any order keep the order of a partition") {
  for (int round = 0; round < 20; ++round) {
    CAPTURE(round);
    SimulationOptions options = Plain(3);
    options.encode_ms_max = 50;
    Simulation sim("any order " + std::to_string(round), options);
    for (int i = 0; i < 60; ++i) {
      const auto id = static_cast<uint32_t>(sim.random.Below(3));
      if (sim.random.OneIn(2))
        StoreThinned(sim, id, 1, kAllCodecs[sim.random.Below(5)]);
      else
        Fill(sim, id, 1);
    }
    Process* process = sim.Start();
    CheckExact(sim, process);
    CHECK(!process->encoder->submitted.empty());
  }
}

TEST_CASE("a partition whose jobs wait is not fetched further, and a lane has a bound of jobs") {
  SimulationOptions options = Plain(2);
  options.settings.partition_fetch_bytes_max = 2'000;
  Simulation sim("bounded jobs", options);
  Process* process = sim.Start();
  process->encoder->is_held = true;
  StoreThinned(sim, 0, 500);
  sim.RunFor(1'000);
  CHECK(process->encoder->running() == process->encoder->lane_jobs_max());
  const int64_t held = process->forwarder->SnapshotLane().held_bytes;
  const int64_t fetched = sim.Counters(process, 0).fetch_offset;
  CHECK(fetched < sim.SourceLog(0).end());
  sim.RunFor(5'000);
  CHECK(sim.Counters(process, 0).fetch_offset == fetched);
  CHECK(process->forwarder->SnapshotLane().held_bytes == held);
  Fill(sim, 1, 5);
  CHECK(sim.RunUntil([&] { return IsMirrored(sim, 1); }, 1'000));
  process->encoder->Release();
  CheckExact(sim, process);
}

TEST_CASE("partitions take turns at the executor, however many jobs one of them has") {
  Simulation sim("turns", Plain(2));
  Process* process = sim.Start();
  process->encoder->is_held = true;
  StoreThinned(sim, 0, 100);
  sim.RunFor(1'000);
  StoreThinned(sim, 1, 1);
  sim.RunFor(1'000);
  process->encoder->Release();
  CheckExact(sim, process);
  const auto& submitted = process->encoder->submitted;
  const auto other = std::find(submitted.begin(), submitted.end(), 1u);
  CHECK(other - submitted.begin() <=
        static_cast<int64_t>(process->encoder->lane_jobs_max()) + 1);
}

// The jobs of the partition are held.
void RevokeAmidJobs(Simulation& sim, Process* process) {
  sim.Revoke(process, 0);
  REQUIRE(sim.RunUntil([&] { return process->states[0].released; }, 100));
  process->encoder->Release();
  sim.RunFor(1'000);
  CHECK(sim.batches_mirrored == 0);
  CHECK(process->forwarder->SnapshotLane().held_bytes == 0);
  sim.Return(process, 0, sim.LastProgress());
  CheckExact(sim, process);
}

TEST_CASE("a revoked partition is released at once, and nothing of it is sent when its jobs end") {
  Simulation sim("revoked", Plain());
  Process* process = sim.Start();
  process->encoder->is_held = true;
  StoreThinned(sim, 0, 10);
  sim.RunFor(1'000);
  RevokeAmidJobs(sim, process);
}

TEST_CASE("the end of a lane in the middle of its jobs loses nothing") {
  for (int round = 0; round < 20; ++round) {
    CAPTURE(round);
    SimulationOptions options = Plain(2);
    options.encode_ms_max = 30;
    Simulation sim("killed " + std::to_string(round), options);
    StoreThinned(sim, 0, 60);
    Fill(sim, 0, 5);
    StoreThinned(sim, 1, 20, Codec::kZstd);
    Process* process = sim.Start();
    sim.RunFor(sim.random.Between(1, 200));
    sim.Kill(process);
    CheckExact(sim, sim.StartLagging());
  }
}

// What comes before the fault is mirrored first, so that a skip loses nothing else.
TEST_CASE("a batch that cannot be re-encoded faults its partition behind the batches before it") {
  SimulationOptions options = Plain();
  options.exact = false;
  options.settings.decoded_bytes_max = 10'000;
  Simulation sim("too large to decode", options);
  Process* process = sim.Start();
  process->encoder->is_held = true;
  StoreThinned(sim, 0, 5);
  const int64_t first = sim.SourceLog(0).end();
  sim.Writer(0).WriteThinned(1, 20'000, Codec::kGzip);
  const int64_t next = sim.SourceLog(0).end();
  StoreThinned(sim, 0, 5);
  Fill(sim, 0, 5);
  sim.RunFor(500);
  CHECK(process->states[0].state == PartitionState::kRunning);
  process->encoder->Release();
  CheckFaulted(sim, process, kErrorBatchDecodedTooLarge);
  CHECK(sim.Mirrored(0).size() == 15);
  CHECK(sim.LastProgress()[0].upstream == first);
  CHECK(process->states[0].skip_to == next);
}

// The source ends (here it was truncated) while earlier batches are still being re-encoded.
TEST_CASE("a fault of the source waits for the batches before it that are being re-encoded") {
  SimulationOptions options = Plain();
  options.exact = false;
  Simulation sim("source ends", options);
  Process* process = sim.Start();
  process->encoder->is_held = true;
  StoreThinned(sim, 0, 5);
  sim.RunFor(500);
  const int64_t end = sim.Counters(process, 0).fetch_offset;
  sim.source.fetch_errors[kSource0] = {kafka_error::kTopicAuthorizationFailed, false,
                                       sim.agenda.now + 60'000};
  sim.RunFor(500);
  CHECK(process->states[0].state != PartitionState::kFaulted);
  process->encoder->Release();
  CheckFaulted(sim, process, kafka_error::kTopicAuthorizationFailed);
  CHECK(sim.Mirrored(0).size() == 15);
  CHECK(sim.LastProgress()[0].upstream == end);
}

SimulationOptions Rebatched(int32_t partitions) {
  SimulationOptions options = Plain(partitions);
  options.batching = Batching::kRebatch;
  options.settings.batch_size = 4'000;
  return options;
}

void FillOnes(Simulation& sim, uint32_t id, int batches) {
  for (; batches > 0; --batches) sim.Writer(id).WriteBatch(1, 50, Codec::kGzip);
}

TEST_CASE("while the batches of one partition are merged, the others of its lane are sent") {
  Simulation sim("slow merge", Rebatched(2));
  FillOnes(sim, 0, 300);
  Process* process = sim.Start();
  process->encoder->is_held = true;
  for (int i = 0; i < 20; ++i) {
    FillOnes(sim, 1, 1);
    REQUIRE(sim.RunUntil([&] { return IsMirrored(sim, 1); }, 5'000));
  }
  CHECK(sim.Mirrored(0).empty());
  CHECK(process->encoder->running() > 0);
  process->encoder->Release();
  CheckExact(sim, process);
  CHECK(sim.Counters(process, 1).passed_through == 20);
  CHECK(sim.Counters(process, 0).reencoded_merged > 0);
}

TEST_CASE("a partition has no more merges and batches in flight than it may have in flight") {
  SimulationOptions options = Rebatched(1);
  options.settings.partition_batches_in_flight = 3;
  Simulation sim("bounded merges", options);
  FillOnes(sim, 0, 1);
  Process* process = sim.Start();
  CheckExact(sim, process);  // the target has acknowledged a batch: several may be in flight
  process->encoder->is_held = true;
  FillOnes(sim, 0, 1'000);
  sim.RunFor(900);
  CHECK(process->encoder->running() == 3);
  process->encoder->Release();
  CheckExact(sim, process);
}

TEST_CASE("merges that end in any order keep the order, also with linger.ms and after a break") {
  for (int round = 0; round < 30; ++round) {
    CAPTURE(round);
    SimulationOptions options = Rebatched(2);
    options.encode_ms_max = 40;
    options.settings.linger_ms = round % 3 * 5;
    Simulation sim("merges " + std::to_string(round), options);
    FillOnes(sim, 0, 400);
    Process* process = sim.Start();
    for (int i = 0; i < 10; ++i) {
      sim.RunFor(sim.random.Between(1, 60));
      FillOnes(sim, static_cast<uint32_t>(sim.random.Below(2)), 40);
      if (sim.random.OneIn(4)) process->network->Break(Side::kTarget, 0);
    }
    CheckExact(sim, process);
    CHECK(sim.Counters(process, 0).doubled_records == 0);
  }
}

TEST_CASE("a partition that is revoked while its batches are merged sends none of them") {
  Simulation sim("revoked merge", Rebatched(1));
  FillOnes(sim, 0, 300);
  Process* process = sim.Start();
  process->encoder->is_held = true;
  sim.RunFor(1'000);
  CHECK(process->encoder->running() > 0);
  RevokeAmidJobs(sim, process);
}

TEST_CASE("a batch that no merge can decode is sent as it is, and those around it are merged") {
  SimulationOptions options = Rebatched(1);
  options.settings.decoded_bytes_max = 3'000;
  Simulation sim("unreadable part", options);
  for (int i = 0; i < 100; ++i) {
    FillOnes(sim, 0, 2);
    // Larger than a merge may decode.
    if (i % 10 == 5) sim.Writer(0).WriteBatch(1, 3'500, Codec::kGzip);
  }
  Process* process = sim.Start();
  CheckExact(sim, process);
  CHECK(sim.Counters(process, 0).reencoded_merged > 0);
  CHECK(sim.Counters(process, 0).passed_through >= 10);
}

}  // namespace
}  // namespace longhaul::test
