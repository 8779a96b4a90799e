// The state machine of a partition, exhaustively: every phase and every event. The table under test
// is rendered from contract/partition-phases.ts; the legal moves are repeated here, so that a
// change of the machine must change this list, too.
#include "core/partition_moves.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <set>

namespace longhaul::test {
namespace {

using Phase = PartitionPhase;
using Event = PartitionEvent;

constexpr size_t kPhases = kPartitionPhaseCount, kEvents = kPartitionEventCount;

struct LegalMove {
  Phase from;
  Event event;
  Phase to;
};
constexpr LegalMove kLegal[] = {
    {Phase::kStarting, Event::kScanBegins, Phase::kScanning},
    {Phase::kStarting, Event::kLeaderMoves, Phase::kStarting},
    {Phase::kStarting, Event::kFaults, Phase::kFaulted},
    {Phase::kStarting, Event::kRevoked, Phase::kStopping},
    {Phase::kScanning, Event::kLeaderAsked, Phase::kAsking},
    {Phase::kScanning, Event::kNothingHeld, Phase::kRunning},
    {Phase::kScanning, Event::kRetryHeld, Phase::kRetrying},
    {Phase::kScanning, Event::kRecordsHeld, Phase::kSkipping},
    {Phase::kScanning, Event::kLeaderMoves, Phase::kMoving},
    {Phase::kScanning, Event::kFaults, Phase::kFaulted},
    {Phase::kScanning, Event::kRevoked, Phase::kStopping},
    {Phase::kAsking, Event::kLeaderTold, Phase::kScanning},
    {Phase::kAsking, Event::kNothingHeld, Phase::kRunning},
    {Phase::kAsking, Event::kRetryHeld, Phase::kRetrying},
    {Phase::kAsking, Event::kRecordsHeld, Phase::kSkipping},
    {Phase::kAsking, Event::kLeaderMoves, Phase::kMoving},
    {Phase::kAsking, Event::kFaults, Phase::kFaulted},
    {Phase::kAsking, Event::kRevoked, Phase::kStopping},
    {Phase::kSkipping, Event::kSeamPassed, Phase::kRunning},
    {Phase::kSkipping, Event::kLeaderMoves, Phase::kMoving},
    {Phase::kSkipping, Event::kFaults, Phase::kFaulted},
    {Phase::kSkipping, Event::kRevoked, Phase::kStopping},
    {Phase::kRunning, Event::kSourceEnds, Phase::kEnding},
    {Phase::kRunning, Event::kBatchRefused, Phase::kSettling},
    {Phase::kRunning, Event::kBatchRetried, Phase::kRetrying},
    {Phase::kRunning, Event::kLeaderMoves, Phase::kMoving},
    {Phase::kRunning, Event::kFaults, Phase::kFaulted},
    {Phase::kRunning, Event::kRevoked, Phase::kStopping},
    {Phase::kEnding, Event::kBatchRefused, Phase::kSettling},
    {Phase::kEnding, Event::kBatchRetried, Phase::kRetrying},
    {Phase::kEnding, Event::kLeaderMoves, Phase::kMoving},
    {Phase::kEnding, Event::kFaults, Phase::kFaulted},
    {Phase::kEnding, Event::kRevoked, Phase::kStopping},
    {Phase::kSettling, Event::kBatchRefused, Phase::kSettling},
    {Phase::kSettling, Event::kBatchRetried, Phase::kRetrying},
    {Phase::kSettling, Event::kBatchDoubted, Phase::kScanning},
    {Phase::kSettling, Event::kBatchDropped, Phase::kRunning},
    {Phase::kSettling, Event::kLeaderMoves, Phase::kMoving},
    {Phase::kSettling, Event::kFaults, Phase::kFaulted},
    {Phase::kSettling, Event::kRevoked, Phase::kStopping},
    {Phase::kRetrying, Event::kBatchRefused, Phase::kSettling},
    {Phase::kRetrying, Event::kBatchRetried, Phase::kRetrying},
    {Phase::kRetrying, Event::kBatchAcked, Phase::kRunning},
    {Phase::kRetrying, Event::kLeaderMoves, Phase::kMoving},
    {Phase::kRetrying, Event::kFaults, Phase::kFaulted},
    {Phase::kRetrying, Event::kRevoked, Phase::kStopping},
    {Phase::kMoving, Event::kBatchRefused, Phase::kMoving},
    {Phase::kMoving, Event::kScanBegins, Phase::kScanning},
    {Phase::kMoving, Event::kLeaderMoves, Phase::kMoving},
    {Phase::kMoving, Event::kFaults, Phase::kFaulted},
    {Phase::kMoving, Event::kRevoked, Phase::kStopping},
    {Phase::kFaulted, Event::kLeaderMoves, Phase::kFaulted},
    {Phase::kFaulted, Event::kRevoked, Phase::kStopping},
    {Phase::kStopping, Event::kBatchRefused, Phase::kStopping},
    {Phase::kStopping, Event::kLeaderMoves, Phase::kStopping},
    {Phase::kStopping, Event::kRevoked, Phase::kStopping},
    {Phase::kStopping, Event::kReleased, Phase::kStopped},
};

// The phase that an event must lead to; kPartitionPhaseCount: the event is illegal.
size_t Expected(size_t phase, size_t event) {
  for (const LegalMove& move : kLegal)
    if (move.from == static_cast<Phase>(phase) && move.event == static_cast<Event>(event))
      return static_cast<size_t>(move.to);
  return kPhases;
}

struct Machine {
  EventQueue events;
  std::map<int32_t, int64_t> errors;
  PartitionMoves::Ids fetch_changes;
  PartitionMoves moves{&events, &errors, &fetch_changes};
  Partition p{{.id = 7, .topic = "t", .remote_topic = "r", .progress = {}}, 1};

  explicit Machine(Phase phase = Phase::kStarting) {
    p.phase = phase;
    moves.Add(&p);
    (void)events.Take();
  }
  // The report since the last call; nothing: no move that is visible outside.
  std::vector<StateEvent> Told() { return events.Take().states; }
};

// Whether the program ends with an assertion.
bool Aborts(Phase phase, Event event) {
  const pid_t child = fork();
  if (child == 0) {
    (void)std::freopen("/dev/null", "w", stderr);
    (void)std::signal(SIGABRT, SIG_DFL);
    Machine machine(phase);
    machine.moves.Move(&machine.p, event);
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

TEST_CASE("every event in every phase moves as the list says, or is an assertion") {
  for (size_t phase = 0; phase < kPhases; ++phase) {
    for (size_t event = 0; event < kEvents; ++event) {
      CAPTURE(kPhaseTraits[phase].name);
      CAPTURE(kPartitionEventNames[event]);
      const size_t expected = Expected(phase, event);
      const auto from = static_cast<Phase>(phase);
      Machine machine(from);
      CHECK(machine.moves.IsLegal(machine.p, static_cast<Event>(event)) == (expected < kPhases));
      if (expected == kPhases) {
        CHECK(Aborts(from, static_cast<Event>(event)));
        continue;
      }
      machine.moves.Move(&machine.p, static_cast<Event>(event));
      CHECK(static_cast<size_t>(machine.p.phase) == expected);
      machine.moves.CheckInvariants(machine.p);
    }
  }
}

TEST_CASE("every phase can be reached and left, except the last") {
  std::set<size_t> reached{static_cast<size_t>(Phase::kStarting)};
  for (size_t round = 0; round < kPhases; ++round)
    for (const LegalMove& move : kLegal)
      if (reached.contains(static_cast<size_t>(move.from)))
        reached.insert(static_cast<size_t>(move.to));
  CHECK(reached.size() == kPhases);
  for (size_t phase = 0; phase < kPhases; ++phase) {
    bool is_left = false;
    for (size_t event = 0; event < kEvents; ++event)
      is_left = is_left || (Expected(phase, event) < kPhases && Expected(phase, event) != phase);
    CHECK(is_left == (static_cast<Phase>(phase) != Phase::kStopped));
  }
}

TEST_CASE("a move is reported once, and only if it is visible outside") {
  Machine machine;
  machine.moves.Move(&machine.p, Event::kScanBegins);
  auto told = machine.Told();
  REQUIRE(told.size() == 1);
  CHECK(told[0].state == PartitionState::kResuming);
  machine.moves.Move(&machine.p, Event::kLeaderAsked);
  machine.moves.Move(&machine.p, Event::kLeaderTold);
  CHECK(machine.Told().empty());
  machine.moves.Move(&machine.p, Event::kNothingHeld);
  told = machine.Told();
  REQUIRE(told.size() == 1);
  CHECK(told[0].state == PartitionState::kRunning);
  CHECK(told[0].code == 0);
}

// A partition that is being released, and whose target has refused one more batch, was reported
// again with each refusal; the control plane learns of the refusals when the partition is released.
TEST_CASE("a move that leads back to the same phase is not reported") {
  for (const LegalMove& move : kLegal) {
    if (move.from != move.to) continue;
    CAPTURE(kPhaseTraits[static_cast<size_t>(move.from)].name);
    Machine machine(move.from);
    machine.p.delivery.unacknowledged = {7, "target"};
    machine.moves.Move(&machine.p, move.event);
    CHECK(machine.Told().empty());
  }
}

// Regression: the new leader of the target reported the fault again, and the control plane logged
// that as a defect of Longhaul, because a faulted partition cannot fault.
TEST_CASE("a fault is reported once, also if the target elects a leader afterwards") {
  Machine machine(Phase::kRunning);
  machine.moves.Fail(&machine.p, {10, "too large", {}});
  auto told = machine.Told();
  REQUIRE(told.size() == 1);
  CHECK(told[0].state == PartitionState::kFaulted);
  machine.moves.Move(&machine.p, Event::kLeaderMoves);
  CHECK(machine.Told().empty());
  CHECK(machine.p.shown.code == 10);
}

// A state that changed with each attempt would flood log and metrics as long as a broker does not
// answer.
TEST_CASE("a partition that is retried repeatedly is waiting the whole time, reported once") {
  Machine machine(Phase::kRunning);
  const auto fail = [&] {
    machine.moves.Move(&machine.p, Event::kBatchRefused);
    machine.moves.CountObstacle(&machine.p, Side::kTarget, 19, "too few replicas");
    machine.moves.Move(&machine.p, Event::kBatchRetried);
  };
  fail();
  auto told = machine.Told();
  REQUIRE(told.size() == 1);
  CHECK(told[0].state == PartitionState::kWaiting);
  CHECK(told[0].code == 19);
  CHECK(told[0].detail == "too few replicas");
  for (int i = 0; i < 5; ++i) fail();
  CHECK(machine.Told().empty());
  CHECK(machine.errors[19] == 6);
  machine.moves.Move(&machine.p, Event::kBatchAcked);
  CHECK(machine.Told().empty());
  machine.moves.ClearObstacle(&machine.p, Side::kTarget);
  told = machine.Told();
  REQUIRE(told.size() == 1);
  CHECK(told[0].state == PartitionState::kRunning);
}

TEST_CASE("obstacles of both clusters are shown one after another") {
  Machine machine(Phase::kRunning);
  machine.moves.SetObstacle(&machine.p, Side::kSource, 6, "source");
  CHECK(machine.Told().at(0).code == 6);
  machine.moves.SetObstacle(&machine.p, Side::kTarget, 13, "target");
  CHECK(machine.Told().at(0).code == 13);
  machine.moves.ClearObstacle(&machine.p, Side::kSource);
  CHECK(machine.Told().empty());
  machine.moves.ClearObstacle(&machine.p, Side::kTarget);
  CHECK(machine.Told().at(0).state == PartitionState::kRunning);
}

TEST_CASE("a fault shows its code and where to continue, and no later obstacle") {
  Machine machine(Phase::kRunning);
  machine.moves.SetObstacle(&machine.p, Side::kTarget, 13, "target");
  (void)machine.Told();
  machine.moves.Fail(&machine.p, {1, "out of range", {42, 7, 3}});
  const auto told = machine.Told();
  REQUIRE(told.size() == 1);
  CHECK(told[0].state == PartitionState::kFaulted);
  CHECK(told[0].code == 1);
  CHECK(told[0].skip_to == 42);
  CHECK(told[0].skip_records == 7);
  CHECK(told[0].skip_epoch == 3);
  machine.moves.SetObstacle(&machine.p, Side::kTarget, 13, "target");
  machine.moves.Fail(&machine.p, {2, "again", {}});
  CHECK(machine.Told().empty());
}

TEST_CASE("a source that ends faults at once, after the queue, or with the next Fetch") {
  Machine empty(Phase::kRunning);
  empty.moves.EndSource(&empty.p, {1, "ends", {}});
  CHECK(empty.p.phase == Phase::kFaulted);

  Machine scanning(Phase::kScanning);
  scanning.moves.EndSource(&scanning.p, {1, "ends", {}});
  CHECK(scanning.p.phase == Phase::kScanning);

  Machine stopping(Phase::kStopping);
  stopping.moves.Fail(&stopping.p, {1, "ends", {}});
  CHECK(stopping.p.phase == Phase::kStopping);
}

TEST_CASE("a released partition reports that its progress is final") {
  Machine machine(Phase::kRunning);
  machine.moves.Move(&machine.p, Event::kRevoked);
  auto told = machine.Told();
  CHECK(told.at(0).state == PartitionState::kStopping);
  CHECK_FALSE(told.at(0).released);
  machine.moves.Move(&machine.p, Event::kReleased);
  told = machine.Told();
  CHECK(told.at(0).state == PartitionState::kStopped);
  CHECK(told.at(0).released);
  CHECK(told.at(0).code == 0);
}

// Regression: it was released without a report of the unacknowledged records, and the log of a stop
// said that the process had drained.
TEST_CASE("a released partition reports why its target has not acknowledged all batches") {
  Machine machine(Phase::kRunning);
  machine.moves.Move(&machine.p, Event::kRevoked);
  machine.p.delivery.unacknowledged = {7, "target"};
  (void)machine.Told();
  machine.moves.Move(&machine.p, Event::kReleased);
  const auto told = machine.Told();
  CHECK(told.at(0).released);
  CHECK(told.at(0).code == 7);
  CHECK(told.at(0).detail == "target");
}

}  // namespace
}  // namespace longhaul::test
