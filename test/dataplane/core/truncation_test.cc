// Logs that lost their end, as after an unclean leader election: a target log that lacks
// acknowledged records, and a source log that continues with other records.
#include <doctest/doctest.h>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

// No batch is sent meanwhile, so no refused batch shows the loss: the new leader's epoch does.
TEST_CASE("a new leader of the target that lacks acked records is detected without a batch") {
  SimulationOptions options = Plain(1, 2);
  options.settings.metadata_max_age_ms = 1'000;
  Simulation sim("unclean", options);
  Fill(sim, 0, 20);
  Process* process = sim.Start();
  CheckExact(sim, process);
  sim.TruncateTarget(0, 30);
  sim.target.MoveLeader(kTarget0);
  CheckFaulted(sim, process, kErrorTargetOutOfRange);
  sim.MirrorAgain(process, 0);
  CheckExact(sim, process);
  CHECK(sim.Counters(process, 0).doubled_records == 0);
}

// Without the producer's state a broker accepts any sequence: the batch would be appended after a
// gap.
TEST_CASE("a new leader without acked records and without the producer is scanned first") {
  Simulation sim("unclean, forgotten", Plain(1, 2));
  Fill(sim, 0, 20);
  Process* process = sim.Start();
  CheckExact(sim, process);
  sim.TruncateTarget(0, 30);
  sim.TargetLog(0).ForgetProducers();
  sim.target.MoveLeader(kTarget0);
  Fill(sim, 0, 20);
  CheckFaulted(sim, process, kErrorTargetOutOfRange);
  sim.MirrorAgain(process, 0);
  CheckExact(sim, process);
}

// The log ends at the recorded offset or after it, whether or not the leader remembers the
// producer. Only the record before the recorded offset shows the loss, and no scan read that
// record.
TEST_CASE("a gap that others have filled is detected by the record before it") {
  Simulation sim("filled", Plain(1, 2));
  Fill(sim, 0, 20);
  Process* process = sim.Start();
  CheckExact(sim, process);
  bool runs = true;
  SUBCASE("by a running forwarder") {}
  SUBCASE("at a start") {
    sim.Kill(process);
    runs = false;
  }
  sim.TruncateTarget(0, 30);
  SUBCASE("the leader knows the producer") {}
  SUBCASE("the leader has forgotten the producer") { sim.TargetLog(0).ForgetProducers(); }
  while (sim.TargetLog(0).end() < 70) sim.ProduceForeign(0);
  sim.target.MoveLeader(kTarget0);
  sim.TargetLog(0).high_watermark_max = 30;  // until its followers have asked it
  sim.agenda.At(sim.agenda.now + 2'000,
                [&sim] { sim.TargetLog(0).high_watermark_max = INT64_MAX; });
  if (!runs) process = sim.Start(sim.LastProgress());
  Fill(sim, 0, 10);
  CheckFaulted(sim, process, kErrorTargetOverwritten);
  CHECK(process->states[0].detail ==
        "target target-topic-0 holds a record of another producer at offset 59");
  sim.MirrorAgain(process, 0);
  CheckExact(sim, process);
}

// Its log ends at the offset of the record to verify: an empty answer.
TEST_CASE("a target that lacks only the last record is detected") {
  Simulation sim("last alone", Plain(1, 2));
  Fill(sim, 0, 10);
  sim.Writer(0).WriteBatch(1, 50);
  Process* process = sim.Start();
  CheckExact(sim, process);
  sim.TruncateTarget(0, 30);
  SUBCASE("") {}
  SUBCASE("by a broker that does not return the end of its log") {
    sim.target.broker(0).lists_offsets = sim.target.broker(1).lists_offsets = false;
  }
  sim.target.MoveLeader(kTarget0);
  CheckFaulted(sim, process, kErrorTargetOutOfRange);
  sim.MirrorAgain(process, 0);
  CheckExact(sim, process);
}

TEST_CASE("a record of the flow that the target has deleted or compacted proves nothing") {
  Simulation sim("last gone", Plain(1, 2));
  Fill(sim, 0, 20);
  Process* process = sim.Start();
  CheckExact(sim, process);
  SimulatedLog& log = sim.TargetLog(0);
  SUBCASE("deleted") { log.DeleteBefore(log.end()); }
  SUBCASE("deleted, and other producers wrote") {
    sim.ProduceForeign(0);
    log.DeleteBefore(60);
  }
  SUBCASE("compacted") {
    sim.ProduceForeign(0);
    log.Compact([&](const LoggedBatch& batch) -> std::optional<Bytes> {
      if (batch.last < 60) return std::nullopt;
      return batch.bytes;
    });
  }
  sim.target.MoveLeader(kTarget0);
  Fill(sim, 0, 10);
  CheckExact(sim, process);
}

// The same broker with another disk: only the acknowledgement of the next batch shows the loss, and
// that batch is already after the gap. The gap cannot be filled in order, so the partition must
// stop.
TEST_CASE("an ack below earlier acks stops the partition") {
  SimulationOptions options = Plain();
  options.exact = false;
  Simulation sim("hole behind", options);
  Fill(sim, 0, 20);
  Process* process = sim.Start();
  sim.CatchUp(process);
  sim.TruncateTarget(0, 30);
  sim.TargetLog(0).ForgetProducers();
  sim.RunFor(2'000);
  Fill(sim, 0, 1);
  CheckFaulted(sim, process, kErrorTargetOutOfRange);
  CHECK(sim.LastProgress().at(0).upstream == 60);
  sim.MirrorAgain(process, 0);
  sim.RunFor(100);
  CheckFaulted(sim, process, kOutOfOrderSequence);
}

// --- a source whose log is replaced by that of a replica which had missed some of it ---

struct TruncatedCase {
  Simulation sim;
  SimulatedLog replica;
  explicit TruncatedCase(const std::string& name) : sim(name, Inexact()) {
    Fill(sim, 0, 15);
    replica = sim.SourceLog(0);  // 45 records of epoch 0
    Fill(sim, 0, 5);
    sim.SourceLog(0).Elect(0);
    Fill(sim, 0, 10);  // offsets 60 to 90 are of epoch 1
  }
  static SimulationOptions Inexact() {
    SimulationOptions options = Plain();
    options.exact = false;
    return options;
  }
  void Truncate(int more_batches) {
    sim.SourceLog(0).ElectUnclean(replica);
    Fill(sim, 0, more_batches);
  }
  Process* MirrorAll() {
    Process* process = sim.Start();
    sim.CatchUp(process);
    return process;
  }
};

void CheckParted(TruncatedCase& test, Process* process) {
  CheckFaulted(test.sim, process, kErrorSourceTruncated);
  const StateEvent& state = process->states[0];
  CHECK(state.skip_to == 45);
  CHECK(state.skip_epoch == 0);
  CHECK(state.skip_records == 45);
  CHECK(state.detail ==
        "source offset 90 after leader epoch 1 is next, but the source log has diverged: its "
        "epoch 0 ends at offset 45");
  CHECK(test.sim.Mirrored(0).size() == 90);
}

TEST_CASE("a truncated source faults where its log differs, shorter or longer than before") {
  for (const int more : {0, 3, 15, 40}) {
    CAPTURE(more);
    TruncatedCase test("truncated");
    Process* process = test.MirrorAll();
    test.Truncate(more);
    CheckParted(test, process);
  }
}

TEST_CASE("a source truncated while no process ran is detected by the recorded epoch") {
  TruncatedCase test("truncated meanwhile");
  test.sim.Kill(test.MirrorAll());
  test.Truncate(40);
  Progress progress = test.sim.LastProgress().at(0);
  CHECK(progress.leader_epoch == 1);
  SUBCASE("") { CheckParted(test, test.sim.Start({{0, progress}})); }
  SUBCASE("but not without the epoch, nor on a broker before 2.7") {
    test.sim.source.broker(0).fetch_version = 11;
    SUBCASE("") {
      progress.leader_epoch = -1;
      test.sim.source.broker(0).fetch_version = 12;
    }
    Process* process = test.sim.Start({{0, progress}});
    CHECK(test.sim.RunUntil([&] { return test.sim.CaughtUp(process); }, 60'000));
    CHECK(test.sim.Mirrored(0).size() == 90 + 75);
  }
}

TEST_CASE("a source that elected leaders without a loss has not changed") {
  TruncatedCase test("elected");
  test.sim.Kill(test.MirrorAll());
  for (int election = 0; election < 3; ++election) {
    test.sim.SourceLog(0).Elect(0);
    if (election == 1) Fill(test.sim, 0, 1);
    Process* process = test.sim.Start(test.sim.LastProgress());
    test.sim.CatchUp(process);
    CHECK(test.sim.failure() == "");
    test.sim.Kill(process);
  }
  CHECK(test.sim.Mirrored(0).size() == 93);
}

}  // namespace
}  // namespace longhaul::test
