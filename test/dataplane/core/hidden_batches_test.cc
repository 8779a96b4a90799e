// Batches that only the leader of the target has: it returns no records after the high watermark,
// and if it has forgotten the producer it accepts them a second time.
#include <doctest/doctest.h>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

constexpr int16_t kNotEnoughReplicasAfterAppend = 20, kTopicAuthorizationFailed = 29;

struct HiddenCase {
  Simulation sim;
  explicit HiddenCase(const std::string& name, SimulationOptions options = Plain())
      : sim(name, options) {}

  // Three batches are mirrored, and the next one is appended only by the leader, which forgets the
  // producer.
  Process* MirrorThenHide(bool forgets = true) {
    Fill(sim, 0, 3);
    Process* process = sim.Start();
    sim.CatchUp(process);
    sim.TargetLog(0).high_watermark_max = sim.TargetLog(0).end();
    sim.target.produce_errors[kTarget0] = {.error = kNotEnoughReplicasAfterAppend,
                                           .appends = true,
                                           .until = INT64_MAX,
                                           .left = 1};
    Fill(sim, 0, 1);
    CHECK(sim.RunUntil([&] { return sim.TargetLog(0).end() > 9; }, 10'000));
    if (forgets) sim.TargetLog(0).ForgetProducers();
    return process;
  }
  void Show() { sim.TargetLog(0).high_watermark_max = INT64_MAX; }
  bool IsWaiting(Process* process) {
    return process->states[0].state == PartitionState::kWaiting;
  }
};

// A follower does not answer for longer than the leader remembers the producers of old records (the
// leader removes those every ten minutes). Regression: the forwarder sent the batch again, and the
// leader appended it again.
TEST_CASE("a batch that only the leader has is waited for before it is sent again") {
  HiddenCase hidden("hidden");
  Process* process = hidden.MirrorThenHide();
  hidden.sim.RunFor(60'000);
  CHECK(hidden.IsWaiting(process));
  CHECK(process->states[0].code == kNotEnoughReplicasAfterAppend);
  CHECK(hidden.sim.TargetLog(0).end() == 12);
  hidden.Show();
  CheckExact(hidden.sim, process);
  CHECK(process->states[0].code == 0);
}

TEST_CASE("a process that starts meanwhile waits for it, too, and reports why") {
  HiddenCase hidden("hidden at the start");
  hidden.sim.Kill(hidden.MirrorThenHide());
  Process* process = hidden.sim.Start(hidden.sim.LastProgress());
  hidden.sim.RunFor(20'000);
  CHECK(hidden.IsWaiting(process));
  CHECK(process->states[0].code == kNotEnoughReplicasAfterAppend);
  CHECK(process->states[0].detail ==
        "target target-topic-0 holds records up to offset 12 that its followers lack");
  hidden.Show();
  CheckExact(hidden.sim, process);
}

// Sent again, it is recognized as a duplicate; and a broker whose disk has failed may detect that
// only then.
TEST_CASE("a batch that only the leader has causes no wait if it remembers the producer") {
  HiddenCase hidden("hidden, remembered");
  Process* process = hidden.MirrorThenHide(false);
  CHECK(hidden.sim.RunUntil([&] { return process->states[0].state == PartitionState::kRunning; },
                            20'000));
  hidden.Show();
  CheckExact(hidden.sim, process);
}

// Its last sequence includes the hidden batch, which it may still lose. Regression: the lane asked
// for the sequence repeatedly, and no longer read the log.
TEST_CASE("a batch that only the leader has is waited for if earlier ones were trimmed") {
  HiddenCase hidden("hidden behind what was trimmed");
  hidden.sim.Kill(hidden.MirrorThenHide(false));
  hidden.sim.TargetLog(0).DeleteBefore(9);
  Process* process = hidden.sim.Start();
  hidden.sim.RunFor(10'000);
  CHECK(hidden.IsWaiting(process));
  hidden.Show();
  CheckExact(hidden.sim, process);
  CHECK(hidden.sim.Counters(process, 0).resumed_records == 12);
}

// Another leader has another log: batches that only the old leader had are not waited for.
TEST_CASE("a batch that was lost with its leader is not waited for") {
  HiddenCase hidden("hidden and lost", Plain(1, 2));
  Process* process = hidden.MirrorThenHide();
  hidden.sim.RunFor(5'000);
  CHECK(hidden.IsWaiting(process));
  hidden.sim.TruncateTarget(0, 9);
  hidden.Show();
  hidden.sim.target.MoveLeader(kTarget0);
  CheckExact(hidden.sim, process);
}

TEST_CASE("a leader that returns no end of its log delays no partition") {
  SimulationOptions options = Plain();
  options.exact = false;
  HiddenCase hidden("no end", options);
  SUBCASE("because it does not support ListOffsets") {
    hidden.sim.target.broker(0).lists_offsets = false;
  }
  SUBCASE("because the permission is missing") {
    hidden.sim.target.list_errors[kTarget0] = {.error = kTopicAuthorizationFailed,
                                               .until = INT64_MAX};
  }
  Fill(hidden.sim, 0, 3);
  hidden.sim.CatchUp(hidden.sim.Start());
  CHECK(hidden.sim.failure() == "");
  CHECK(hidden.sim.Mirrored(0).size() == 9);
}

// Regression: a log end that no leader had returned counted as reached. The scan did not see the
// hidden batch, and the leader, which did not remember the producer, appended the batch a second
// time.
TEST_CASE("an end that is known late does not count as reached before") {
  HiddenCase hidden("end told late");
  Process* process = hidden.MirrorThenHide();
  hidden.sim.Kill(process);
  hidden.sim.target.list_errors[kTarget0] = {.error = 6, .until = INT64_MAX, .left = 8};
  process = hidden.sim.Start(hidden.sim.LastProgress());
  hidden.sim.RunFor(20'000);
  CHECK(hidden.IsWaiting(process));
  hidden.Show();
  CheckExact(hidden.sim, process);
}

TEST_CASE("an end that is not known yet is requested again") {
  HiddenCase hidden("end told later");
  hidden.sim.target.list_errors[kTarget0] = {.error = 6, .until = INT64_MAX, .left = 3};
  Fill(hidden.sim, 0, 3);
  CheckExact(hidden.sim, hidden.sim.Start());
}

}  // namespace
}  // namespace longhaul::test
