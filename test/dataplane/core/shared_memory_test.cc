// Lanes that share the memory of one process: what a busy lane may hold, that a lane whose target
// hangs does not stop the others, and how the memory grows with the line.
#include <doctest/doctest.h>

#include <algorithm>

#include "core/lent_memory.h"
#include "core/memory_account.h"
#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

constexpr int64_t kMiB = 1 << 20;

SimulationOptions Sharing(LentMemory* memory, int32_t partitions = 4) {
  SimulationOptions options = Plain(partitions);
  options.memory = memory;
  options.batch_max = 8 * 1024;
  return options;
}

int64_t HeldBytes(const Process* process) {
  return process->forwarder->SnapshotLane().held_bytes;
}

// A flow of one lane, with a backlog, whose target does not answer.
struct HungFlow {
  explicit HungFlow(const std::string& name, LentMemory* memory) : sim(name, Sharing(memory)) {
    process = sim.Start();
    Fill(sim, 0, 1);
    sim.CatchUp(process);
    sim.target.broker(0).frozen_until = sim.agenda.now + 3'000;
    for (uint32_t id = 0; id < 4; ++id) Fill(sim, id, 500, 2'000);
    sim.RunFor(2'500);
  }
  Simulation sim;
  Process* process;
};

// Shares of requests are parts of what the lane has. If they were parts of the memory of the
// process, the lane would wait after its first batch for more room than its part can have.
TEST_CASE("a lane whose target hangs fills what it may have, and no more") {
  for (const int64_t lanes : {1, 2, 4}) {
    CAPTURE(lanes);
    LentMemory memory(lanes * kMiB, lanes);
    HungFlow flow("hung flow " + std::to_string(lanes), &memory);
    const int64_t kept_for_others = (lanes - 1) * memory.kept();
    const int64_t most = memory.bound() - kept_for_others;
    CHECK(HeldBytes(flow.process) > most / 2);
    CHECK(HeldBytes(flow.process) <= most);
    CHECK(memory.lent() <= most);
    CheckExact(flow.sim, flow.process);
  }
}

TEST_CASE("a flow whose target hangs does not stop another flow of the process") {
  LentMemory memory(4 * kMiB, 2);
  HungFlow hung("hung", &memory);
  const int64_t held = HeldBytes(hung.process);
  CHECK(held > 2 * kMiB);
  Simulation sim("beside", Sharing(&memory));
  Process* process = sim.Start();
  for (uint32_t id = 0; id < 4; ++id) Fill(sim, id, 100, 2'000);
  CHECK(sim.CatchUp(process, 5'000));
  CHECK(sim.failure() == "");
  CHECK(HeldBytes(hung.process) == held);
  CHECK(memory.lent() <= memory.bound());
  CheckExact(hung.sim, hung.process);
}

TEST_CASE("what a busy lane has borrowed is free for others when it has ended") {
  LentMemory memory(4 * kMiB, 2);
  {
    HungFlow hung("ends", &memory);
    CHECK(memory.lent() > 3 * kMiB);
  }
  CHECK(memory.lent() == 0);
}

TEST_CASE("an idle lane returns what it has borrowed") {
  LentMemory memory(4 * kMiB, 2);
  HungFlow flow("idle again", &memory);
  CHECK(memory.lent() > 3 * kMiB);
  CheckExact(flow.sim, flow.process);
  flow.sim.RunFor(3 * MemoryAccount::kPeakMs + 2 * Forwarder::kIdleMs);
  CHECK(memory.lent() <= kMiB);
}

// A far source, and one lane that may open several connections.
struct LongLine {
  LongLine(const std::string& name, int64_t raised_max) : sim(name, Options(raised_max)) {
    process = sim.Start();
    process->network->latency_min_ms = process->network->latency_max_ms = 50;
    process->network->target_latency_ms = 1;
    for (uint32_t id = 0; id < 8; ++id) Fill(sim, id, 800, 2'000);
  }
  static SimulationOptions Options(int64_t raised_max) {
    SimulationOptions options = Plain(8);
    options.settings.in_flight_bytes_max = kMiB;
    options.settings.in_flight_bytes_raised_max = raised_max;
    options.batch_max = 8 * 1024;
    return options;
  }
  // Milliseconds until all is mirrored.
  int64_t CatchUp() {
    const int64_t from = sim.agenda.now;
    CheckExact(sim, process);
    return sim.agenda.now - from;
  }
  int64_t bound() const { return process->forwarder->SnapshotLane().held_bytes_max; }
  bool HasLogged(const std::string& text) const {
    return std::ranges::any_of(process->logs,
                               [&](const auto& line) { return line.find(text) != line.npos; });
  }
  Simulation sim;
  Process* process;
};

TEST_CASE("over a long line the memory grows by itself, and the lane is faster") {
  LongLine fixed("fixed", 0);
  const int64_t slow_ms = fixed.CatchUp();
  CHECK(fixed.bound() == kMiB);
  CHECK_FALSE(fixed.HasLogged("in.flight.bytes.max"));
  LongLine growing("growing", 16 * kMiB);
  const int64_t fast_ms = growing.CatchUp();
  CHECK(growing.bound() > 2 * kMiB);
  CHECK(growing.bound() <= 16 * kMiB);
  CHECK(growing.HasLogged("in.flight.bytes.max sets a fixed limit"));
  MESSAGE(slow_ms << " ms, and " << fast_ms << " ms with " << growing.bound() << " bytes");
  CHECK(fast_ms * 3 < slow_ms * 2);
}

TEST_CASE("the memory grows to its limit at most") {
  LongLine line("limited", 3 * kMiB / 2);
  line.CatchUp();
  CHECK(line.bound() == 3 * kMiB / 2);
}

}  // namespace
}  // namespace longhaul::test
