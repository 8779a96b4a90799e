// A target that deleted all records that it appended after the recorded progress. A scan finds no
// batch, but the leader may remember the next sequence of the producer.
#include <doctest/doctest.h>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

constexpr int16_t kNotLeader = 6, kTopicAuthorizationFailed = 29;

struct TrimmedCase {
  Simulation sim;
  explicit TrimmedCase(const std::string& name, bool exact = true) : sim(name, Options(exact)) {}
  static SimulationOptions Options(bool exact) {
    SimulationOptions options = Plain();
    options.exact = exact;
    return options;
  }
  // Mirrors ten batches, dies, and starts again from progress after two of them, while the target
  // has no records.
  Process* MirrorThenTrim(const std::function<void()>& meanwhile = [] {}) {
    Fill(sim, 0, 2);
    Process* first = sim.Start();
    sim.CatchUp(first);
    const std::map<uint32_t, Progress> from = sim.LastProgress();
    Fill(sim, 0, 8);
    sim.CatchUp(first);
    sim.Kill(first);
    sim.TargetLog(0).DeleteBefore(sim.TargetLog(0).end());
    meanwhile();
    Fill(sim, 0, 3);
    return sim.Start(from);
  }
};

// Regression: its batches after the recorded progress were refused as out of order until the broker
// had forgotten the producer: it remembers the last five, and those sent again were older.
TEST_CASE("a target that deleted all continues exactly if its leader remembers the producer") {
  TrimmedCase test("trimmed");
  Process* process = test.MirrorThenTrim();
  CheckExact(test.sim, process);
  CHECK(test.sim.Counters(process, 0).resumed_records == 24);
  CHECK(test.sim.Counters(process, 0).doubled_records == 0);
}

TEST_CASE("trimmed records of other producers are neither skipped nor counted") {
  TrimmedCase test("foreign");
  Fill(test.sim, 0, 2);
  Process* first = test.sim.Start();
  test.sim.CatchUp(first);
  test.sim.Kill(first);
  for (int i = 0; i < 5; ++i) test.sim.ProduceForeign(0);
  test.sim.TargetLog(0).DeleteBefore(test.sim.TargetLog(0).end());
  Fill(test.sim, 0, 3);
  Process* process = test.sim.Start(test.sim.LastProgress());
  CheckExact(test.sim, process);
  CHECK(test.sim.Counters(process, 0).resumed_records == 0);
  CHECK(test.sim.Counters(process, 0).doubled_records == 0);
}

TEST_CASE("an answer that may be better later is requested again") {
  TrimmedCase test("asked again");
  Process* process = test.MirrorThenTrim([&] {
    test.sim.target.describe_errors[kTarget0] = {
        .error = kNotLeader, .until = test.sim.agenda.now + 3'000, .left = 2};
  });
  CheckExact(test.sim, process);
  CHECK(test.sim.Counters(process, 0).resumed_records == 24);
}

// Never a loss: records that may be on the target already are mirrored again, and counted.
TEST_CASE("a target that deleted all and forgot the producer costs duplicates that are counted") {
  TrimmedCase test("forgotten", false);
  Process* process = nullptr;
  SUBCASE("because it has forgotten the producer") {
    process = test.MirrorThenTrim([&] { test.sim.TargetLog(0).ForgetProducers(); });
  }
  SUBCASE("because it does not support the request") {
    process = test.MirrorThenTrim([&] {
      test.sim.TargetLog(0).ForgetProducers();
      test.sim.target.broker(0).describes_producers = false;
    });
  }
  SUBCASE("because the permission is missing") {
    process = test.MirrorThenTrim([&] {
      test.sim.TargetLog(0).ForgetProducers();
      test.sim.target.describe_errors[kTarget0] = {.error = kTopicAuthorizationFailed,
                                                   .until = INT64_MAX};
    });
  }
  REQUIRE(process != nullptr);
  CHECK(test.sim.RunUntil([&] { return test.sim.CaughtUp(process); }, 60'000));
  CHECK(test.sim.failure() == "");
  CHECK(test.sim.Counters(process, 0).doubled_records == 24);
  CHECK(test.sim.Counters(process, 0).resumed_records == 0);
}

// The scan has no batch to compare. If the source lost records since, a count of as many records as
// the target appended would end after records that were never mirrored.
TEST_CASE("a source with gaps is not counted if the target has no batch to compare") {
  TrimmedCase test("gaps", false);
  bool whole = false;
  SUBCASE("between batches") {}
  SUBCASE("inside a batch that is left empty") { whole = true; }
  Process* process = test.MirrorThenTrim([&] {
    int number = 0;
    test.sim.SourceLog(0).Compact([&](const LoggedBatch& batch) -> std::optional<Bytes> {
      if (++number != 4) return batch.bytes;
      if (!whole) return std::nullopt;
      Bytes emptied(batch.bytes.begin(), batch.bytes.begin() + kRecordBatchHeaderSize);
      StoreI32(&emptied[kLengthOffset], kRecordBatchHeaderSize - kLeaderEpochOffset);
      StoreI32(&emptied[kRecordCountOffset], 0);
      SealCrc(emptied);
      return emptied;
    });
  });
  CHECK(test.sim.RunUntil([&] { return test.sim.CaughtUp(process); }, 60'000));
  const auto& mirrored = test.sim.Mirrored(0);
  const auto& committed = test.sim.Writer(0).committed();
  REQUIRE(mirrored.size() >= 9);
  for (size_t back = 1; back <= 9; ++back)
    CHECK(mirrored[mirrored.size() - back].key == committed[committed.size() - back].key);
  CHECK(test.sim.Counters(process, 0).doubled_records == 24);
}

}  // namespace
}  // namespace longhaul::test
