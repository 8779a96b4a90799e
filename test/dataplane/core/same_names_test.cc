// Flows in both directions under one name: no flow mirrors records back, whatever the flows do.
#include <doctest/doctest.h>

#include "simulated_mesh.h"

namespace longhaul::test {
namespace {

using Flow = SimulatedMesh::Flow;

constexpr int kRounds = 12;

void WriteAndHurt(SimulatedMesh& mesh, const std::vector<Flow*>& flows, int times) {
  for (; times > 0; --times) {
    for (uint64_t batches = 1 + mesh.random.Length(6); batches > 0; --batches)
      mesh.WriteSomething();
    mesh.RunFor(static_cast<int64_t>(mesh.random.Length(200)));
    Flow* flow = flows[mesh.random.Below(flows.size())];
    if (!mesh.random.OneIn(4)) continue;
    mesh.Kill(flow);
    mesh.RunFor(static_cast<int64_t>(mesh.random.Length(50)));
    mesh.Start(flow, true);
  }
}

void CheckAll(SimulatedMesh& mesh) {
  CHECK(mesh.CatchUp());
  CHECK(mesh.CompareAll() == "");
}

TEST_CASE("two clusters in both directions: each record is on both sides once, over kills") {
  for (int round = 0; round < kRounds; ++round) {
    CAPTURE(round);
    SimulatedMesh mesh("both ways " + std::to_string(round), 2);
    const std::vector<Flow*> flows{mesh.Add(0, 1), mesh.Add(1, 0)};
    for (Flow* flow : flows) mesh.Start(flow);
    WriteAndHurt(mesh, flows, 40);
    CheckAll(mesh);
    for (Flow* flow : flows)
      CHECK(mesh.Counters(flow, 0).upstream_offset == mesh.Log(flow->from, 0).end());
  }
}

// Its first batches reach the source within a second; a list of inbound ids that is read from time
// to time does not contain its id yet.
TEST_CASE("records of a flow that begins under load do not return") {
  for (int round = 0; round < kRounds; ++round) {
    CAPTURE(round);
    SimulatedMesh mesh("begins " + std::to_string(round), 2);
    Flow* first = mesh.Add(0, 1);
    mesh.Start(first);
    WriteAndHurt(mesh, {first}, 10);
    Flow* second = mesh.Add(1, 0);
    mesh.Start(second);
    WriteAndHurt(mesh, {first, second}, 10);
    CheckAll(mesh);
  }
}

TEST_CASE("three clusters in a full mesh") {
  for (int round = 0; round < kRounds; ++round) {
    CAPTURE(round);
    SimulatedMesh mesh("mesh " + std::to_string(round), 3);
    std::vector<Flow*> flows;
    for (size_t from = 0; from < 3; from++)
      for (size_t to = 0; to < 3; to++)
        if (from != to) flows.push_back(mesh.Add(from, to));
    for (Flow* flow : flows) mesh.Start(flow);
    WriteAndHurt(mesh, flows, 20);
    CheckAll(mesh);
  }
}

TEST_CASE("a chain forwards, in one direction and in both") {
  for (bool is_both_ways : {false, true}) {
    SimulatedMesh mesh("chain", 3);
    std::vector<Flow*> flows{mesh.Add(0, 1), mesh.Add(1, 2)};
    if (is_both_ways) {
      flows.push_back(mesh.Add(2, 1));
      flows.push_back(mesh.Add(1, 0));
    }
    for (Flow* flow : flows) mesh.Start(flow);
    WriteAndHurt(mesh, flows, 20);
    CHECK(mesh.CatchUp());
    CHECK(mesh.Compare(0, 1) == "");
    CHECK(mesh.Compare(0, 2) == "");
    CHECK(mesh.Compare(1, 2) == "");
    if (is_both_ways) CHECK(mesh.CompareAll() == "");
  }
}

TEST_CASE("a long backlog of many producers costs a partition one question") {
  SimulatedMesh mesh("backlog", 2, 1);
  for (int64_t producer = 1; producer <= 500; producer++) mesh.Write(0, 0, producer, 5);
  Flow* flow = mesh.Add(0, 1);
  mesh.Start(flow);
  CHECK(mesh.CatchUp());
  CHECK(mesh.Compare(0, 1) == "");
  CHECK(flow->questions == 1);
  mesh.Write(0, 0, 7);  // in the backlog
  CHECK(mesh.CatchUp());
  CHECK(flow->questions == 1);
  mesh.Write(0, 0, 501);
  CHECK(mesh.CatchUp());
  CHECK(flow->questions == 2);
  CHECK(mesh.Compare(0, 1) == "");
}

TEST_CASE("a batch of an unknown producer waits, and stops only its partition") {
  SimulatedMesh mesh("unanswered", 2, 2);
  Flow* flow = mesh.Add(0, 1);
  flow->answers = false;
  mesh.Start(flow);
  mesh.Write(0, 0, -1);
  mesh.Write(0, 0, 4711);
  mesh.Write(0, 0, -1);
  mesh.Write(0, 1, -1);
  mesh.RunFor(1'000);
  CHECK(mesh.Counters(flow, 0).records == 2);
  CHECK(mesh.Counters(flow, 1).records == 2);
  CHECK(flow->states[0].state == PartitionState::kRunning);
  mesh.RunFor(2'000);
  CHECK(flow->states[0].state == PartitionState::kWaiting);
  CHECK(flow->states[0].code == kErrorProducerUnknown);
  CHECK(flow->states[0].detail ==
        "the batch at source offset 2 is of producer 4711, which may be an inbound flow");
  CHECK(flow->states[1].state == PartitionState::kRunning);
  CHECK(flow->questions == 1);
  mesh.RunFor(60'000);
  CHECK(mesh.Counters(flow, 0).records == 2);
  flow->forwarder->KnowProducers({0, {}});  // from before the question
  mesh.RunFor(1'000);
  CHECK(mesh.Counters(flow, 0).records == 2);
  flow->answers = true;
  flow->forwarder->KnowProducers({1, {}});
  CheckAll(mesh);
  CHECK(flow->states[0].state == PartitionState::kRunning);
  mesh.Kill(flow);
}

// Regression: progress stayed at the last forwarded record, and the partition never caught up.
TEST_CASE("a tail of batches that are left out counts as mirrored") {
  SimulatedMesh mesh("tail", 2, 1);
  Flow* there = mesh.Add(0, 1);
  Flow* back = mesh.Add(1, 0);
  mesh.Write(0, 0, 5, 10);
  for (Flow* flow : {there, back}) mesh.Start(flow);
  CHECK(mesh.CatchUp());
  mesh.RunFor(2'000);
  const PartitionCounters row = mesh.Counters(back, 0);
  CHECK(row.upstream_offset == 10);
  CHECK(row.records == 0);
  CHECK(row.dropped_looped == 1);
  CHECK(row.looped_records == 10);
  CHECK(row.queued_bytes == 0);
  CHECK(row.caught_up_at_ms > 0);
}

// The partition asks when the log has forty records. An unclean election deletes most of them, and
// an inbound flow that begins then writes below offset forty: the answer does not apply to its
// batches.
TEST_CASE("after an election on the source earlier offsets prove nothing") {
  SimulatedMesh mesh("election", 2, 1);
  for (int i = 0; i < 20; i++) mesh.Write(0, 0, 5);
  Flow* there = mesh.Add(0, 1);
  there->answers = false;
  mesh.Start(there);
  mesh.RunFor(1'000);
  CHECK(there->questions == 1);
  mesh.Log(0, 0).TruncateTo(6);
  mesh.Log(0, 0).Elect(0);
  Flow* back = mesh.Add(1, 0);
  mesh.Write(1, 0, 6, 5);
  mesh.Start(back);
  mesh.RunFor(2'000);
  CHECK(mesh.Compare(1, 0) == "");
  there->answers = true;
  there->forwarder->KnowProducers({1, {}});
  CHECK(mesh.CatchUp());
  CHECK(mesh.Compare(1, 1) == "");
  CHECK(mesh.Counters(there, 0).records == 6);
}

}  // namespace
}  // namespace longhaul::test
