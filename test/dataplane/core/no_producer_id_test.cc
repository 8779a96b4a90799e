// A target without idempotent producers: batches have no producer id and no sequences, and the
// target appends every batch. Records are mirrored at least once and in order; a resume still finds
// by comparison which of them the target has.
#include <doctest/doctest.h>

#include <algorithm>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

SimulationOptions WithoutId(bool exact) {
  SimulationOptions options = Plain();
  options.has_producer_id = false;
  options.exact = exact;
  return options;
}

bool HoldsEach(Simulation& sim) {
  const std::vector<TestRecord>& mirrored = sim.Mirrored(0);
  for (const TestRecord& record : sim.Writer(0).committed())
    if (std::none_of(mirrored.begin(), mirrored.end(),
                     [&](const TestRecord& each) { return SameRecord(each, record); }))
      return false;
  return true;
}

TEST_CASE("without a producer id batches have no sequences and are sent one by one") {
  Simulation sim("plain", WithoutId(true));
  Fill(sim, 0, 40);
  Process* process = sim.Start();
  CheckExact(sim, process);
  for (const LoggedBatch& batch : sim.TargetLog(0).batches()) {
    const RecordBatchView view(batch.bytes.data());
    CHECK(view.producer_id() == -1);
    CHECK(view.producer_epoch() == -1);
    CHECK(view.base_sequence() == -1);
  }
  // A second batch could be appended although the first one was not.
  CHECK(process->network->in_flight_max == 1);
}

// The scan counts the records on the target after the progress, and compares the last ones.
TEST_CASE("without a producer id an owner that finds an idle target causes no duplicates") {
  for (int round = 0; round < 20; ++round) {
    CAPTURE(round);
    Simulation sim("at rest " + std::to_string(round), WithoutId(true));
    Fill(sim, 0, 20);
    Process* process = sim.Start();
    CheckExact(sim, process);
    sim.Kill(process);
    Fill(sim, 0, 10);
    process = sim.StartLagging();
    CheckExact(sim, process);
    CHECK(sim.Mirrored(0).size() == 90);
    CHECK(sim.Counters(process, 0).doubled_records == 0);
  }
}

// The answer was lost, and the scan finds the batch on the target: it is not sent again.
TEST_CASE("without a producer id a lost answer causes no duplicates") {
  Simulation sim("lost answer", WithoutId(true));
  sim.target.produce_errors[kTarget0] = {7, true, INT64_MAX, 5};  // appended
  Fill(sim, 0, 20);
  Process* process = sim.Start();
  CheckExact(sim, process);
  CHECK(sim.Mirrored(0).size() == 60);
}

TEST_CASE("without a producer id the target's cleaner may remove records that a resume counts") {
  Simulation sim("thinned", WithoutId(true));
  Fill(sim, 0, 10);
  Process* process = sim.Start();
  CheckExact(sim, process);
  sim.Kill(process);
  int number = 0;
  sim.TargetLog(0).Compact([&](const LoggedBatch& batch) -> std::optional<Bytes> {
    return number++ % 2 == 0 ? std::nullopt : std::optional(batch.bytes);
  });
  Fill(sim, 0, 5);
  process = sim.Start();  // from the beginning
  CHECK(sim.RunUntil([&] { return sim.CaughtUp(process); }, 60'000));
  CHECK(sim.failure() == "");
  CHECK(sim.Mirrored(0).size() == 45);
  CHECK(sim.Counters(process, 0).resumed_records == 30);
}

// A request of a previous owner arrives between the scan of its successor and the successor's first
// batch: the target accepts both. Later records of other producers are not counted.
TEST_CASE("without a producer id batches between scan and first batch count as duplicates") {
  Simulation sim("between", WithoutId(false));
  Fill(sim, 0, 10);
  Process* process = sim.Start();
  CheckExact(sim, process);
  sim.Kill(process);
  process = sim.StartLagging();
  CheckExact(sim, process);
  Bytes late = sim.TargetLog(0).batches().back().bytes;
  std::fill_n(late.begin(), 8, 0);  // the base offset of a Produce request
  for (int batch = 0; batch < 2; ++batch) CHECK(sim.TargetLog(0).Produce(late).error == 0);
  Fill(sim, 0, 5);
  CheckExact(sim, process);
  CHECK(sim.Counters(process, 0).doubled_records == 6);
  CHECK(std::any_of(process->logs.begin(), process->logs.end(), [](const std::string& line) {
    return line.find("up to 6 records from offset 30 on came in a delayed request") !=
           std::string::npos;
  }));
  CHECK(sim.TargetLog(0).Produce(late).error == 0);
  Fill(sim, 0, 5);
  CheckExact(sim, process);
  CHECK(sim.Counters(process, 0).doubled_records == 6);
}

// Requests of a dead owner arrive after the scan of its successor: the successor cannot know that.
TEST_CASE("without a producer id owners that die under load lose nothing") {
  int64_t doubled = 0;
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    Simulation sim("dying " + std::to_string(round), WithoutId(false));
    Fill(sim, 0, 30);
    Process* process = sim.Start();
    for (int owner = 0; owner < 5; ++owner) {
      sim.RunFor(static_cast<int64_t>(sim.random.Below(60)));
      if (sim.random.OneIn(2)) process->network->Break(Side::kTarget, 0);
      sim.RunFor(static_cast<int64_t>(sim.random.Below(20)));
      Fill(sim, 0, 2);
      sim.Kill(process);
      process = sim.StartLagging();
    }
    INFO(sim.Describe(process));
    CHECK(sim.RunUntil([&] { return sim.CaughtUp(process); }, 120'000));
    CHECK(sim.failure() == "");
    CHECK(HoldsEach(sim));
    doubled += static_cast<int64_t>(sim.Mirrored(0).size() - sim.Writer(0).committed().size());
  }
  CHECK(doubled > 0);  // otherwise no request was late
}

}  // namespace
}  // namespace longhaul::test
