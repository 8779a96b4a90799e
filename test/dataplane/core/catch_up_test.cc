// Partitions that follow their logs beside a backlog, over a long line that is full: their records
// do not wait behind the backlog, and the line stays full.
#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

constexpr int64_t kLineRate = 10'000;  // bytes a ms
constexpr int64_t kRoundTripMs = 100;
constexpr int64_t kEveryMs = 20;
constexpr size_t kValueBytes = 10'000;

// The first partitions have a backlog, the others get records every kEveryMs. The target is near.
struct CatchUpBeside {
  CatchUpBeside(const std::string& name, int32_t backlogs, int32_t live, int batches,
                const SimulationOptions& options)
      : sim(name, options), first_live(backlogs) {
    for (int32_t id = 0; id < backlogs; id++)
      Fill(sim, static_cast<uint32_t>(id), batches, kValueBytes);
    written.resize(static_cast<size_t>(backlogs + live));
    const auto check = sim.target.on_append;
    sim.target.on_append = [this, check](const Key& key, const Bytes& sent, int64_t base) {
      check(key, sent, base);
      SeeAppended(static_cast<uint32_t>(key.second));
    };
    process = sim.Start();
    SimulatedNetwork& network = *process->network;
    network.latency_min_ms = network.latency_max_ms = kRoundTripMs / 2;
    network.target_latency_ms = 1;
    network.line_rate = kLineRate;
  }
  std::string Figures() {
    return "p50 " + std::to_string(LatencyMs(50)) + " p99 " + std::to_string(LatencyMs(99)) +
           " ms, " + std::to_string(rate) + " bytes a ms";
  }
  static SimulationOptions Options(int32_t partitions, int64_t connections) {
    SimulationOptions options = Plain(partitions);
    options.settings.fetch_wait_max_ms = 500;
    options.settings.broker_connections_max = connections;
    options.batch_max = 2 << 20;
    return options;
  }
  void SeeAppended(uint32_t id) {
    std::deque<std::pair<size_t, int64_t>>& waiting = written[id];
    while (!waiting.empty() && waiting.front().first <= sim.Mirrored(id).size()) {
      latencies.push_back(sim.agenda.now - waiting.front().second);
      waiting.pop_front();
    }
  }
  void WriteLive() {
    for (auto id = static_cast<uint32_t>(first_live); id < sim.partitions(); id++) {
      Fill(sim, id, 1, 50);
      written[id].emplace_back(sim.Writer(id).committed().size(), sim.agenda.now);
    }
  }
  bool HasBacklog() {
    for (auto id = 0U; id < static_cast<uint32_t>(first_live); id++)
      if (sim.Mirrored(id).size() < sim.Writer(id).committed().size()) return true;
    return false;
  }
  // Writes live records until the backlog is mirrored.
  void Run(int64_t every_ms = kEveryMs) {
    const int64_t since = sim.agenda.now;
    const int64_t fetched = process->forwarder->SnapshotLane().fetch_response_bytes;
    while (HasBacklog() && sim.failure().empty() && sim.agenda.now < since + 300'000) {
      WriteLive();
      sim.RunFor(every_ms);
    }
    rate = (process->forwarder->SnapshotLane().fetch_response_bytes - fetched) /
           (sim.agenda.now - since);
  }
  int64_t LatencyMs(int percent) {
    std::sort(latencies.begin(), latencies.end());
    return latencies.at(latencies.size() * static_cast<size_t>(percent) / 100);
  }
  Simulation sim;
  const int32_t first_live;
  Process* process;
  // By partition: how many records it had after each write, and when that was.
  std::vector<std::deque<std::pair<size_t, int64_t>>> written;
  std::vector<int64_t> latencies;
  int64_t rate = 0;  // bytes a ms that were fetched meanwhile
};

// Regression: a broker serves one Fetch of a connection at a time. A partition that followed its
// log shared its connection with a backlog, and its records waited for whole responses of it, of a
// second each.
TEST_CASE("records of partitions that follow their logs do not wait behind a backlog") {
  int32_t backlogs = 2;
  int32_t live = 2;
  SUBCASE("a single backlog") { backlogs = 1; }
  SUBCASE("as many as partitions that follow their logs") {}
  SUBCASE("many of both") { backlogs = live = 6; }
  const int batches = 2'700 / backlogs;
  CatchUpBeside lane("beside " + std::to_string(backlogs), backlogs, live, batches,
                     CatchUpBeside::Options(backlogs + live, 32));
  lane.sim.RunFor(2'000);  // until the lane has the connections that it needs
  lane.Run();
  INFO(lane.Figures());
  CHECK(lane.LatencyMs(99) <= 250);  // as the mirror promises
  CHECK(lane.rate >= kLineRate * 85 / 100);
  CheckExact(lane.sim, lane.process);
}

// Regression: the batch of such a partition waited for all batches that were ready before it, and
// each request was full of these.
TEST_CASE("their batches do not wait for requests full of a backlog either") {
  SimulationOptions options = CatchUpBeside::Options(9, 1);
  options.settings.produce_requests_in_flight = 1;
  options.settings.produce_request_bytes_max = 40'000;  // one batch of the backlog
  CatchUpBeside lane("outbox", 8, 1, 60, options);
  lane.process->network->latency_min_ms = lane.process->network->latency_max_ms = 1;
  lane.process->network->target_latency_ms = 25;
  lane.process->network->line_rate = 0;
  lane.Run(200);  // each request has one batch of it
  INFO(lane.Figures());
  CHECK(lane.LatencyMs(99) <= 150);  // two requests
  CheckExact(lane.sim, lane.process);
}

}  // namespace
}  // namespace longhaul::test
