// A record that the target refuses (KIP-467): the records before it are mirrored, and only that
// record has the fault. Regression: the whole batch had the fault, and a skip left out all of its
// records.
#include <doctest/doctest.h>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

// Batches of three records; the target refuses the record at one source offset.
struct RefusedCase {
  Simulation sim;
  explicit RefusedCase(int64_t offset, bool exact = true) : sim("refused", Options(exact)) {
    Fill(sim, 0, 5);
    const TestRecord refused = sim.Writer(0).committed()[static_cast<size_t>(offset)];
    REQUIRE(refused.offset == offset);
    sim.TargetLog(0).refuses = [refused](const TestRecord& r) { return r.value == refused.value; };
  }
  static SimulationOptions Options(bool exact) {
    SimulationOptions options = Plain();
    options.exact = exact;
    return options;
  }
};

TEST_CASE("records before a refused record are mirrored, and the fault names that record") {
  for (const int64_t offset : {0, 6, 7, 8}) {  // alone, first, in the middle and last of a batch
    CAPTURE(offset);
    RefusedCase refused(offset);
    Process* process = refused.sim.Start();
    CheckFaulted(refused.sim, process, kErrorRecordRefused);
    CHECK(refused.sim.Mirrored(0).size() == static_cast<size_t>(offset));
    const StateEvent& state = process->states[0];
    CHECK(state.skip_to == offset + 1);
    CHECK(state.skip_records == 1);
    const std::string what = "refused the record at source offset " + std::to_string(offset) +
                             ": record " + std::to_string(offset % 3);
    CHECK(state.detail.find(what) != std::string::npos);
    CHECK(refused.sim.Counters(process, 0).upstream_offset == offset);
  }
}

TEST_CASE("of several refused records the first is named, and the next one after a skip") {
  RefusedCase refused(7, false);
  const std::optional<std::string> eighth = refused.sim.Writer(0).committed()[8].value;
  const auto seventh = refused.sim.TargetLog(0).refuses;
  refused.sim.TargetLog(0).refuses = [seventh, eighth](const TestRecord& r) {
    return seventh(r) || r.value == eighth;
  };
  Process* process = refused.sim.Start();
  CheckFaulted(refused.sim, process, kErrorRecordRefused);
  CHECK(process->states[0].skip_to == 8);
  Progress next = refused.sim.LastProgress().at(0);
  next.upstream = 8;
  process->states.erase(0);
  refused.sim.Assign(process, {0}, {{0, next}});
  CheckFaulted(refused.sim, process, kErrorRecordRefused);
  CHECK(process->states[0].skip_to == 9);
  CHECK(refused.sim.Mirrored(0).size() == 7);
}

TEST_CASE("a broker that names no record faults the partition with the range of the batch") {
  RefusedCase refused(7);
  refused.sim.target.broker(0).produce_version = 7;
  Process* process = refused.sim.Start();
  CheckFaulted(refused.sim, process, kafka_error::kInvalidTimestamp);
  CHECK(refused.sim.Mirrored(0).size() == 6);
  CHECK(process->states[0].skip_to == 9);
  CHECK(process->states[0].skip_records == 3);
}

}  // namespace
}  // namespace longhaul::test
