// The memory of a lane while it scans the target: answers are counted while they are read, and all
// scans together ask for no more than their part of the bound.
#include <doctest/doctest.h>

#include <algorithm>

#include "core/memory_account.h"
#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

// Regression: answers to scans were not counted, and each target broker was asked for up to 8 MiB,
// besides all the memory that in.flight.bytes.max allows.
TEST_CASE("answers to scans of the target count as memory of the lane, within their part of it") {
  constexpr int32_t kBrokers = 4;
  SimulationOptions options = Plain(2 * kBrokers, kBrokers);
  options.settings.in_flight_bytes_max = 1 << 20;
  Simulation sim("scans", options);
  for (uint32_t id = 0; id < sim.partitions(); ++id) Fill(sim, id, 20, 5'000);
  Process* process = sim.Start();
  CheckExact(sim, process);
  sim.Kill(process);

  process = sim.Start();  // without progress: it scans the whole target
  process->network->latency_min_ms = process->network->latency_max_ms = 20;
  size_t read_max = 0;
  process->network->on_target_read = [&](size_t size) {
    read_max = std::max(read_max, size);
    CHECK(process->forwarder->SnapshotLane().held_bytes >= static_cast<int64_t>(size));
  };
  CheckExact(sim, process);
  CHECK(read_max > options.batch_max);
  // A broker returns at least one whole batch, however little it is asked for.
  const int64_t bound = options.settings.in_flight_bytes_max / MemoryAccount::kScanShare;
  CHECK(process->network->scan_bytes_max <= bound + static_cast<int64_t>(options.batch_max));
}

}  // namespace
}  // namespace longhaul::test
