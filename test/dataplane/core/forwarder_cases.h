// What tests of the forwarder between simulated clusters begin and end with.
#pragma once

#include <doctest/doctest.h>

#include "simulation.h"

namespace longhaul::test {

using Process = Simulation::Process;
using Key = SimulatedCluster::Key;

inline SimulationOptions Plain(int32_t partitions = 1, int32_t brokers = 1) {
  SimulationOptions options;
  options.partitions = partitions;
  options.brokers = brokers;
  options.settings.fetch_wait_max_ms = 20;
  options.settings.retry_backoff_max_ms = 1'000;
  return options;
}

inline const Key kSource0{Simulation::kTopic, 0};
inline const Key kTarget0{Simulation::kRemote, 0};

inline void Fill(Simulation& sim, uint32_t id, int batches, size_t value_bytes = 50) {
  for (; batches > 0; --batches) sim.Writer(id).WriteBatch(3, value_bytes);
}

// What a test ends with: all caught up and no invariant hurt.
inline void CheckExact(Simulation& sim, Process* process) {
  sim.CatchUp(process);
  CHECK(sim.failure() == "");
}

inline void CheckFaulted(Simulation& sim, Process* process, int32_t code) {
  sim.RunUntil([&] { return process->states[0].state == PartitionState::kFaulted; }, 60'000);
  CHECK(process->states[0].state == PartitionState::kFaulted);
  CHECK(process->states[0].code == code);
  CHECK(sim.failure() == "");
}

}  // namespace longhaul::test
