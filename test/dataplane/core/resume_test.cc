// A forwarder that begins at the position of another forwarder: it finds that forwarder's batches
// on the target, and continues after them on the source (invariants D and E).
#include <doctest/doctest.h>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

struct ResumeCase {
  Simulation sim;
  explicit ResumeCase(const std::string& name, SimulationOptions options = Plain())
      : sim(name, options) {}
  // Mirrors everything, dies, and starts again without progress.
  Process* MirrorThenRestart(const std::function<void()>& meanwhile = [] {}) {
    Process* first = sim.Start();
    sim.CatchUp(first);
    sim.Kill(first);
    meanwhile();
    Fill(sim, 0, 3);
    return sim.Start();
  }

  // On the source, like compaction.
  void RemoveEachThirdBatch() {
    int number = 0;
    sim.SourceLog(0).Compact([&](const LoggedBatch& batch) -> std::optional<Bytes> {
      if (++number % 3 == 0) return std::nullopt;
      return batch.bytes;
    });
  }
};

TEST_CASE("a restart without progress finds its records on the target") {
  ResumeCase resume("resume");
  Fill(resume.sim, 0, 50);
  Process* process = resume.MirrorThenRestart([&] { resume.sim.TargetLog(0).ForgetProducers(); });
  CheckExact(resume.sim, process);
  CHECK(resume.sim.Counters(process, 0).resumed_records == 150);
  CHECK(resume.sim.Counters(process, 0).doubled_records == 0);
}

TEST_CASE("a resume ignores batches of other producers on the target") {
  ResumeCase resume("foreign");
  for (int i = 0; i < 10; ++i) {
    Fill(resume.sim, 0, 2);
    resume.sim.ProduceForeign(0);
  }
  Process* first = resume.sim.Start();
  resume.sim.RunUntil([&] { return resume.sim.batches_mirrored > 4; }, 10'000);
  resume.sim.ProduceForeign(0);
  resume.sim.Kill(first);
  Process* process = resume.sim.Start();
  CheckExact(resume.sim, process);
}

TEST_CASE("a resume on a target that recompresses or uses append times matches its seam") {
  for (const bool stamps : {false, true}) {
    ResumeCase resume("recompressed");
    resume.sim.TargetLog(0).log_append_time = stamps;
    if (!stamps) resume.sim.TargetLog(0).compression_type = Codec::kGzip;
    Fill(resume.sim, 0, 20);
    Process* process = resume.MirrorThenRestart();
    CheckExact(resume.sim, process);
    CHECK(resume.sim.Counters(process, 0).doubled_records == 0);
  }
}

// The log cleaner writes into a batch when its tombstones may be removed, in place of the base
// timestamp, and the target recompresses: the headers of the two batches differ. Their records do
// not.
TEST_CASE("a resume matches batches with a delete horizon on a target that recompresses") {
  for (const Codec codec : kAllCodecs) {
    for (const bool marked_before : {true, false}) {
      CAPTURE(static_cast<int>(codec));
      CAPTURE(marked_before);
      ResumeCase resume("delete horizon");
      SimulatedLog& target = resume.sim.TargetLog(0);
      target.compression_type = codec;
      Fill(resume.sim, 0, 20);
      const auto mark = [&] {
        resume.sim.SourceLog(0).Compact([](const LoggedBatch& batch) -> std::optional<Bytes> {
          Bytes marked = BuildBatch(ReadBatch(batch.bytes), {.codec = Codec::kLz4,
                                                             .more_attributes = kDeleteHorizonBit,
                                                             .base_timestamp = 1'800'000'000'000});
          StoreI32(&marked[kLeaderEpochOffset], 0);
          return marked;
        });
      };
      if (marked_before) mark();
      Process* process = resume.MirrorThenRestart([&] {
        target.ForgetProducers();
        if (!marked_before) mark();
      });
      CheckExact(resume.sim, process);
      CHECK(resume.sim.Counters(process, 0).resumed_records == 60);
      CHECK(resume.sim.Counters(process, 0).doubled_records == 0);
    }
  }
}

// The target ends inside a source batch, which was sent in parts.
TEST_CASE("a resume finds its offset inside a batch that was split") {
  for (int64_t stop = 1; stop < 8; ++stop) {
    CAPTURE(stop);
    ResumeCase resume("inside");
    resume.sim.TargetLog(0).max_message_bytes = 700;
    Fill(resume.sim, 0, 1);
    resume.sim.Writer(0).WriteBatch(40, 100, Codec::kNone);
    Process* first = resume.sim.Start();
    resume.sim.RunUntil([&] { return resume.sim.batches_mirrored == stop; }, 10'000);
    resume.sim.Kill(first);
    Process* process = resume.sim.Start();
    CheckExact(resume.sim, process);
    CHECK(resume.sim.Counters(process, 0).doubled_records == 0);
  }
}

// A request reached the target after its sender had died, the next process had continued, and the
// broker had forgotten both.
TEST_CASE("a resume counts late batches, and does not go back because of them") {
  SimulationOptions options = Plain();
  options.exact = false;
  ResumeCase resume("late", options);
  Fill(resume.sim, 0, 20);
  Process* process = resume.MirrorThenRestart([&] {
    SimulatedLog& log = resume.sim.TargetLog(0);
    Bytes late = log.batches()[15].bytes;
    StoreI64(late.data(), 0);
    log.ForgetProducers();
    CHECK(log.Produce(late).appended);
    log.ForgetProducers();
  });
  CHECK(resume.sim.RunUntil([&] { return resume.sim.CaughtUp(process); }, 60'000));
  CHECK(resume.sim.failure() == "");
  CHECK(resume.sim.Counters(process, 0).doubled_records == 3);
  CHECK(resume.sim.Counters(process, 0).resumed_records == 60);
  CHECK(resume.sim.Mirrored(0).size() == 69);
}

// Each acknowledgement of such a target has a time. On other targets only the acknowledgement of a
// batch of another producer has one.
TEST_CASE("a target with append times is scanned once more, and not for each ack") {
  Simulation sim("stamping", Plain());
  sim.TargetLog(0).log_append_time = true;
  Fill(sim, 0, 20);
  Process* process = sim.Start();
  CheckExact(sim, process);
  // At the start, and after the first ack.
  CHECK(process->forwarder->SnapshotLane().target_scans == 2);
  // The acknowledgement was valid: no batch failed, and this one counts like any other.
  CHECK(sim.Counters(process, 0).retries == 0);
  CHECK(sim.Counters(process, 0).records == 60);
  CHECK(process->forwarder->errors().empty());
}

// Compaction between crash and restart: the target has records that were removed from the source.
TEST_CASE("a resume from a compacted source loses nothing and counts duplicates") {
  SimulationOptions options = Plain();
  options.exact = false;
  ResumeCase resume("compacted", options);
  Fill(resume.sim, 0, 20);
  Process* process = resume.MirrorThenRestart([&] { resume.RemoveEachThirdBatch(); });
  CHECK(resume.sim.RunUntil([&] { return resume.sim.CaughtUp(process); }, 60'000));
  CHECK(resume.sim.failure() == "");
  CHECK(resume.sim.Counters(process, 0).doubled_records == 60);
  const auto& mirrored = resume.sim.Mirrored(0);
  REQUIRE(mirrored.size() >= 9);
  for (size_t i = 0; i < 9; ++i)  // the last records are there, after the duplicates
    CHECK(mirrored[mirrored.size() - 1 - i].key == resume.sim.Writer(0).committed()[68 - i].key);
}

// The target has one part of a split batch. The comparison encodes the batch again, and bytes that
// were damaged in transit do not match. Regression: the forwarder concluded that the source had
// changed, and mirrored all records twice.
TEST_CASE("a seam is compared again after damaged bytes") {
  ResumeCase resume("damaged seam");
  resume.sim.TargetLog(0).max_message_bytes = 900;
  resume.sim.Writer(0).WriteBatch(20, 100);
  Process* first = resume.sim.Start();
  CHECK(resume.sim.RunUntil([&] { return resume.sim.TargetLog(0).end() > 0; }, 10'000));
  resume.sim.Kill(first);
  resume.sim.TargetLog(0).ForgetProducers();
  REQUIRE(resume.sim.TargetLog(0).end() < 20);
  Process* process = resume.sim.Start();
  process->network->corrupt_one_in = 1;
  const auto is_damaged = [&] { return process->states[0].code == kErrorBatchCrcMismatch; };
  CHECK(resume.sim.RunUntil(is_damaged, 10'000));
  process->network->corrupt_one_in = 0;
  CheckExact(resume.sim, process);
  CHECK(resume.sim.Counters(process, 0).doubled_records == 0);
}

// The source was compacted, but has grown since: counting is not enough.
TEST_CASE("a resume skips no record that was written to a compacted source later") {
  SimulationOptions options = Plain();
  options.exact = false;
  ResumeCase resume("grown", options);
  Fill(resume.sim, 0, 20);
  Process* process = resume.MirrorThenRestart([&] {
    resume.RemoveEachThirdBatch();
    Fill(resume.sim, 0, 20);
  });
  CHECK(resume.sim.RunUntil([&] { return resume.sim.CaughtUp(process); }, 60'000));
  const auto& mirrored = resume.sim.Mirrored(0);
  const auto& committed = resume.sim.Writer(0).committed();
  REQUIRE(mirrored.size() >= 69);
  for (size_t back = 1; back <= 69; ++back)
    CHECK(mirrored[mirrored.size() - back].key == committed[committed.size() - back].key);
}

// The response to the request of the earlier assignment begins at a later offset. Regression: the
// new assignment accepted that response and ended the scan before the flow's batches, and the
// forwarder mirrored these batches twice.
TEST_CASE("an answer to an earlier assignment ends no scan") {
  ResumeCase resume("reassigned");
  Fill(resume.sim, 0, 10);
  Process* first = resume.sim.Start();
  resume.sim.CatchUp(first);
  resume.sim.Kill(first);
  resume.sim.ProduceForeign(0);
  resume.sim.TargetLog(0).ForgetProducers();
  Process* process = resume.sim.Start(resume.sim.LastProgress());
  resume.sim.RunUntil([&] { return process->states[0].state == PartitionState::kResuming; },
                      10'000);
  resume.sim.target.broker(0).frozen_until = resume.sim.agenda.now + 1'000;
  process->forwarder->Revoke({0});
  resume.sim.Assign(process, {0}, {});
  CheckExact(resume.sim, process);
}

// A gap on the target cannot be filled in order, so the partition must fault.
TEST_CASE("a later batch on the target without an earlier one faults the partition") {
  SimulationOptions options = Plain();
  options.exact = false;
  ResumeCase resume("hole", options);
  Fill(resume.sim, 0, 3);
  Bytes later = BuildBatch({{.offset = 0, .timestamp = 1, .key = "k"}}, {});
  StoreI64(&later[kProducerIdOffset], Simulation::kProducerId);
  StoreI32(&later[kBaseSequenceOffset], 6);
  SealCrc(later);
  resume.sim.TargetLog(0).Produce(later);
  CheckFaulted(resume.sim, resume.sim.Start(), kOutOfOrderSequence);
}

}  // namespace
}  // namespace longhaul::test
