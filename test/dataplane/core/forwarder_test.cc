// One behaviour for each test: how the forwarder treats each fault, with simulated clusters. The
// simulation checks the invariants in all of them.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

constexpr int16_t kNotLeader = 6;

int64_t ErrorsOf(const Process& process, int32_t code) {
  const auto& errors = process.forwarder->errors();
  const auto found = errors.find(code);
  return found == errors.end() ? 0 : found->second;
}

TEST_CASE("an injected error of the target is retried in order, without loss or duplicates") {
  const InjectedError kErrors[] = {{19, false}, {6, false},  {6, true}, {7, true},
                                   {20, true},  {56, false}, {3, false}};
  for (InjectedError error : kErrors) {
    CAPTURE(error.error);
    Simulation sim("injected", Plain());
    error.until = INT64_MAX;
    error.left = 7;
    Fill(sim, 0, 30);
    Process* process = sim.Start();
    sim.RunUntil([&] { return sim.batches_mirrored > 10; }, 10'000);
    sim.target.produce_errors[kTarget0] = error;
    CheckExact(sim, process);
    CHECK(process->forwarder->errors().contains(error.error));
  }
}

std::vector<int64_t> ReportedIds(Process* process) {
  std::vector<int64_t> ids;
  for (const PartitionCounters& row : process->forwarder->SnapshotPartitions(false))
    ids.push_back(row.id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

TEST_CASE("statistics name changed partitions, and the brokers of the others") {
  Simulation sim("statistics", Plain(3));
  for (uint32_t id = 0; id < 3; id++) Fill(sim, id, 2);
  Process* process = sim.Start();
  sim.CatchUp(process);
  const auto pass = [&](int64_t ms) { sim.RunUntil([] { return false; }, ms); };
  pass(1'000);
  CHECK(process->forwarder->SnapshotPartitions(true).size() == 3);
  const std::vector<int64_t> none;
  CHECK(ReportedIds(process) == none);
  REQUIRE(process->forwarder->QuietAnswers().size() == 1);
  const auto [node, answered] = process->forwarder->QuietAnswers().front();
  for (const PartitionCounters& row : process->forwarder->SnapshotPartitions(true)) {
    CHECK(row.quiet_node == node);
    CHECK(row.end_known_ms == answered);
  }
  pass(20'000);
  CHECK(ReportedIds(process) == none);
  CHECK(process->forwarder->QuietAnswers().front().second > answered + 15'000);
  Fill(sim, 1, 1);
  const int64_t before = sim.batches_mirrored;
  sim.RunUntil([&] { return sim.batches_mirrored > before; }, 10'000);
  const std::vector<int64_t> changed = ReportedIds(process);
  CHECK(changed.size() == 1);
  // The answers of a silent broker age, then the session is lost.
  sim.source.broker(0).frozen_until = INT64_MAX;
  const int64_t last = process->forwarder->QuietAnswers().front().second;
  pass(4'000);
  CHECK(process->forwarder->QuietAnswers().front().second < last + 2'000);
  for (const PartitionCounters& row : process->forwarder->SnapshotPartitions(true))
    CHECK(row.quiet_node == node);
  pass(60'000);
  for (const PartitionCounters& row : process->forwarder->SnapshotPartitions(true))
    CHECK(row.quiet_node < 0);
  sim.source.broker(0).frozen_until = 0;
  CHECK(process->forwarder->SnapshotPartitions(true).size() == 3);
  CheckExact(sim, process);
}

// After a retry or a skip the control plane assigns the partition again, and its counts begin at 0.
// Regression: the counts before that were lost as far as no snapshot had reported them.
TEST_CASE("a partition that is assigned again has a row with its last counts") {
  Simulation sim("counts", Plain());
  Fill(sim, 0, 3);
  Process* process = sim.Start();
  sim.CatchUp(process);
  const int64_t batches = sim.Counters(process, 0).batches;
  CHECK(batches > 0);
  sim.Assign(process, {0}, sim.LastProgress());
  const std::vector<PartitionCounters> rows = process->forwarder->SnapshotPartitions(false);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].state == static_cast<int64_t>(PartitionState::kStopped));
  CHECK(rows[0].batches == batches);
  CHECK(rows[1].id == rows[0].id);
  CHECK(rows[1].batches == 0);
  CHECK(process->forwarder->SnapshotPartitions(true).size() == 1);
  CheckExact(sim, process);
}

TEST_CASE("until the first ack one batch is in flight, then five") {
  Simulation sim("pipeline", Plain());
  Fill(sim, 0, 40);
  Process* process = sim.Start();
  sim.RunUntil([&] { return sim.batches_mirrored == 1; }, 10'000);
  CHECK(process->network->in_flight_max == 1);
  CheckExact(sim, process);
  CHECK(process->network->in_flight_max == 5);
}

// The first of several answers is lost with its connection, the later ones arrive over the next
// connection: no batch is missing. Regression: the partition faulted.
TEST_CASE("a connection that ends between pipelined requests causes no fault") {
  for (int round = 0; round < 40; ++round) {
    Simulation sim("break " + std::to_string(round), Plain());
    Fill(sim, 0, 60);
    Process* process = sim.Start();
    sim.RunUntil([&] { return sim.batches_mirrored > round; }, 10'000);
    process->network->Break(Side::kTarget, 0);
    process->network->Break(Side::kSource, 0);
    CheckExact(sim, process);
  }
}

// The broker restarts and expires the producer, whose records are old. The answer to the last batch
// was lost: to send the batch again without a scan would append it twice.
TEST_CASE("a batch whose ack was lost is not sent again to a broker that forgot the producer") {
  for (int round = 0; round < 20; ++round) {
    Simulation sim("forget " + std::to_string(round), Plain());
    Fill(sim, 0, 1);
    Process* process = sim.Start();
    sim.RunUntil([&] { return sim.batches_mirrored == 1; }, 10'000);
    process->network->Break(Side::kTarget, 0, -195, true);
    sim.TargetLog(0).ForgetProducers();
    Fill(sim, 0, 5);
    CheckExact(sim, process);
  }
}

// Regression: only an acknowledgement ended the count of damaged responses, and a skip has none:
// the fourth damaged response of a long skip faulted the partition, however many good ones were in
// between.
TEST_CASE("damaged responses fault a skip only if they are consecutive") {
  SimulationOptions options = Plain();
  options.settings.partition_fetch_bytes_max = 300;
  Simulation sim("damaged skip", options);
  Fill(sim, 0, 100);
  Process* process = sim.Start();
  CheckExact(sim, process);
  sim.Kill(process);
  process = sim.Start();  // without progress: all is skipped
  const auto offset = [&] { return sim.Counters(process, 0).fetch_offset; };
  for (int damaged = 1; damaged <= 6; ++damaged) {
    process->network->flip_offset_one_in = 1;
    CHECK(sim.RunUntil([&] { return ErrorsOf(*process, kErrorBatchMalformed) == damaged; },
                       60'000));
    process->network->flip_offset_one_in = 0;
    CHECK(sim.RunUntil([&, before = offset()] { return offset() > before; }, 60'000));
  }
  CHECK(sim.Counters(process, 0).upstream_offset == 0);
  CheckExact(sim, process);
}

// Regression: only an acknowledgement ended the count, and a slow target sends none: the fourth
// damaged response faulted the partition, whichever batches were damaged.
TEST_CASE("damage of different batches does not add up while the target is slow") {
  Simulation sim("damage", Plain());
  Fill(sim, 0, 1);
  Process* process = sim.Start();
  CHECK(sim.RunUntil([&] { return sim.CaughtUp(process); }, 10'000));
  sim.target.broker(0).frozen_until = sim.agenda.now + 4'000;
  for (int64_t damaged = 1; damaged <= 5; ++damaged) {
    process->network->flip_offset_one_in = 1;
    Fill(sim, 0, 1);
    CHECK(sim.RunUntil([&] { return ErrorsOf(*process, kErrorBatchMalformed) == damaged; },
                       10'000));
    process->network->flip_offset_one_in = 0;
    CHECK(sim.RunUntil(
        [&] { return sim.Counters(process, 0).fetch_offset == sim.SourceLog(0).end(); }, 10'000));
  }
  CHECK(sim.agenda.now < sim.target.broker(0).frozen_until);
  CheckExact(sim, process);
}

TEST_CASE("a batch too large for the topic is split until its parts fit") {
  Simulation sim("split", Plain());
  sim.TargetLog(0).max_message_bytes = 700;
  Fill(sim, 0, 3);
  sim.Writer(0).WriteBatch(40, 100);
  Fill(sim, 0, 3);
  Process* process = sim.Start();
  CheckExact(sim, process);
  CHECK(sim.Counters(process, 0).reencoded_too_large +
            sim.Counters(process, 0).reencoded_mid_batch >
        1);
}

TEST_CASE("one record too large for the topic faults its partition after earlier records") {
  Simulation sim("too large", Plain(2));
  sim.TargetLog(0).max_message_bytes = 700;
  Fill(sim, 0, 4);
  sim.Writer(0).WriteBatch(1, 2'000);
  Fill(sim, 1, 20);
  Process* process = sim.Start();
  CheckFaulted(sim, process, kErrorRecordTooLarge);
  CHECK(sim.RunUntil([&] { return sim.Mirrored(1).size() == 60; }, 10'000));
  CHECK(sim.Mirrored(0).size() == 12);
}

TEST_CASE("re-encoded, dropped and passed batches of one partition keep their order") {
  SimulationOptions options = Plain();
  options.writer.legacy = true;
  Simulation sim("mixed", options);
  for (int i = 0; i < 300; ++i) sim.Writer(0).WriteSomething();
  sim.Writer(0).EndTransactions();
  Process* process = sim.Start();
  CheckExact(sim, process);
  const PartitionCounters row = sim.Counters(process, 0);
  CHECK(row.passed_through > 0);
  CHECK(row.reencoded_compacted > 0);
  CHECK(row.reencoded_old_magic > 0);
  CHECK(row.reencoded_log_append_time > 0);
  CHECK(row.dropped_aborted > 0);
  CHECK(row.dropped_control > 0);
  CHECK(row.dropped_empty > 0);
}

TEST_CASE("progress moves over a tail without mirrored records") {
  Simulation sim("tail", Plain());
  Fill(sim, 0, 1);
  Process* process = sim.Start();
  CheckExact(sim, process);
  sim.SourceLog(0).OpenTransaction(100);
  sim.SourceLog(0).EndTransaction(100, false);
  CheckExact(sim, process);
  CHECK(sim.LastProgress().at(0).upstream == 4);
}

TEST_CASE("a revoked partition waits for batches in flight, and its final progress is exact") {
  Simulation sim("revoke", Plain(2));
  Fill(sim, 0, 100);
  Fill(sim, 1, 100);
  Process* process = sim.Start();
  sim.RunUntil([&] { return sim.batches_mirrored > 20; }, 10'000);
  process->forwarder->Revoke({0});
  sim.Poke(process);
  CHECK(sim.RunUntil([&] { return process->states[0].released; }, 1'000));
  CHECK(process->states[0].code == 0);
  CHECK(sim.under_way[kTarget0].all == 0);
  CHECK(sim.LastProgress().at(0).sequence == static_cast<int32_t>(sim.Mirrored(0).size()));
  sim.Assign(process, {0}, sim.LastProgress());
  CheckExact(sim, process);
}

TEST_CASE("one dead target broker stops no other partition, and the memory bound holds") {
  SimulationOptions options = Plain(4, 2);
  options.settings.in_flight_bytes_max = 1 << 20;
  Simulation sim("dead broker", options);
  for (uint32_t id = 0; id < 4; ++id) Fill(sim, id, 600, 1'000);
  Process* process = sim.Start();
  sim.RunUntil([&] { return sim.batches_mirrored > 40; }, 10'000);
  sim.target.broker(0).up = false;
  process->network->Break(Side::kTarget, 0, -195, true);
  CHECK(sim.RunUntil(
      [&] { return sim.Mirrored(1).size() == 1'800 && sim.Mirrored(3).size() == 1'800; }, 60'000));
  CHECK(sim.Mirrored(0).size() < 1'800);
  CHECK(sim.RunUntil([&] { return process->states[0].code != 0; }, 10'000));  // and it is shown
  sim.target.broker(0).up = true;
  CheckExact(sim, process);
}

TEST_CASE("target partitions without a leader stop no other partition") {
  SimulationOptions options = Plain(4, 1);
  options.settings.in_flight_bytes_max = 1 << 20;
  Simulation sim("leaderless", options);
  for (uint32_t id = 0; id < 4; ++id) Fill(sim, id, 600, 1'000);
  Process* process = sim.Start();
  sim.RunUntil([&] { return sim.batches_mirrored > 40; }, 10'000);
  for (uint32_t id : {0u, 1u, 2u}) sim.TargetLog(id).leader = -1;
  CHECK(sim.RunUntil([&] { return sim.Mirrored(3).size() == 1'800; }, 60'000));
  for (uint32_t id : {0u, 1u, 2u}) sim.TargetLog(id).leader = 0;
  CheckExact(sim, process);
}

// The batches of a retried partition are kept until other partitions need the memory.
TEST_CASE("partitions that are refused for long leave their memory to the others") {
  SimulationOptions options = Plain(4);
  options.settings.in_flight_bytes_max = 1 << 20;
  options.batch_max = 256 * 1024;
  Simulation sim("evict", options);
  for (uint32_t id = 0; id < 4; ++id) Fill(sim, id, 12, 40'000);
  Fill(sim, 3, 60, 40'000);
  for (int32_t id : {0, 1, 2})
    sim.target.produce_errors[{Simulation::kRemote, id}] = {19, false, INT64_MAX};
  Process* process = sim.Start();
  CHECK(sim.RunUntil([&] { return sim.Mirrored(3).size() == 216; }, 60'000));
  CHECK(process->forwarder->SnapshotLane().evictions > 0);
  sim.target.produce_errors.clear();
  CheckExact(sim, process);
}

TEST_CASE("with tiny fetches every partition makes progress, also one with a larger batch") {
  SimulationOptions options = Plain(6);
  options.settings.fetch_bytes_max = 500;
  options.settings.partition_fetch_bytes_max = 300;
  Simulation sim("fair", options);
  for (uint32_t id = 0; id < 6; ++id) Fill(sim, id, 40, id == 5 ? 5'000 : 20);
  Process* process = sim.Start();
  sim.RunUntil([&] { return sim.batches_mirrored == 120; }, 60'000);
  for (uint32_t id = 0; id < 6; ++id) CHECK(sim.Mirrored(id).size() >= 3 * 10);
  CheckExact(sim, process);
}

TEST_CASE("the lane waits as long as throttling brokers request") {
  Simulation sim("throttle", Plain());
  sim.source.broker(0).throttle_ms = sim.target.broker(0).throttle_ms = 500;
  Fill(sim, 0, 10);
  Process* process = sim.Start();
  sim.RunFor(5'000);
  CHECK(process->network->requests < 40);
  CHECK(process->forwarder->SnapshotLane().source_throttle_ms > 0);
  CHECK(process->forwarder->SnapshotLane().target_throttle_ms > 0);
  CheckExact(sim, process);
}

TEST_CASE("requests, bytes, answers and throttle times are counted by broker") {
  Simulation sim("by broker", Plain(4, 2));
  for (uint32_t id = 0; id < 4; ++id) Fill(sim, id, 10);
  sim.target.broker(0).throttle_ms = 70;
  Process* process = sim.Start();
  CHECK(sim.RunUntil([&] { return sim.batches_mirrored == 40; }, 60'000));
  const std::vector<BrokerCounters> rows = process->forwarder->SnapshotBrokers();
  const LaneCounters lane = process->forwarder->SnapshotLane();
  int64_t source_requests = 0, source_bytes = 0, target_throttle = 0;
  for (const BrokerCounters& row : rows) {
    CHECK(row.requests > 0);
    CHECK(row.failed_requests == 0);
    CHECK(row.sent_bytes > 0);
    CHECK(row.received_bytes > 0);
    CHECK(row.answer_ms > 0);
    if (row.is_target == 0) {
      source_requests += row.requests;
      source_bytes += row.received_bytes;
      CHECK(row.throttle_ms == 0);
    } else {
      target_throttle += row.throttle_ms;
      CHECK((row.throttle_ms > 0) == (row.node == 0));
    }
  }
  CHECK(rows.size() > 2);
  CHECK(source_requests == lane.fetch_requests);
  CHECK(source_bytes == lane.fetch_response_bytes);
  CHECK(target_throttle == lane.target_throttle_ms);
  CheckExact(sim, process);
}

TEST_CASE("requests that fail are counted by broker, and their time is not") {
  Simulation sim("by broker failed", Plain());
  Fill(sim, 0, 10);
  Process* process = sim.Start();
  sim.RunFor(100);
  process->network->Disconnect(Side::kSource, {0});
  sim.RunFor(5'000);
  int64_t failed = 0;
  for (const BrokerCounters& row : process->forwarder->SnapshotBrokers())
    failed += row.failed_requests;
  CHECK(failed > 0);
  CheckExact(sim, process);
}

// Before KIP-219 (Fetch v8, Produce v6) the broker waits before it answers. Regression: the lane
// waited again, so each request took twice the throttle time.
TEST_CASE("a broker that has waited out a throttle itself is not waited for again") {
  Simulation sim("throttle of old", Plain());
  sim.source.broker(0).fetch_version = 7;
  sim.target.broker(0).produce_version = 5;
  sim.source.broker(0).throttle_ms = sim.target.broker(0).throttle_ms = 500;
  Fill(sim, 0, 4);
  Process* process = sim.Start();
  sim.RunFor(20'000);
  const int64_t requests = process->network->requests;
  sim.RunFor(10'000);
  CHECK(process->network->requests - requests > 15);  // of the source, one after another
  CHECK(process->forwarder->SnapshotLane().source_throttle_ms > 0);
  CheckExact(sim, process);
}

// The CRC does not cover the base offset. Regression: a damaged one put the progress after records
// that were never mirrored.
TEST_CASE("a base offset ahead of the log is damage, and the batch is fetched again") {
  for (const bool legacy : {false, true}) {
    SimulationOptions options = Plain();
    options.writer.legacy = legacy;
    Simulation sim("flipped offset", options);
    for (int i = 0; i < 30; ++i) sim.Writer(0).WriteSomething();
    sim.Writer(0).EndTransactions();
    Process* process = sim.Start();
    process->network->flip_offset_one_in = 1;
    sim.RunUntil([&] { return process->forwarder->errors().contains(kErrorBatchMalformed); },
                 10'000);
    CHECK(process->forwarder->errors().contains(kErrorBatchMalformed));
    process->network->flip_offset_one_in = 0;
    CheckExact(sim, process);
  }
}

// A broker that does not know the last election yet names the earlier leader. Regression: the
// partition moved back and forth, with a scan of the target each time.
TEST_CASE("metadata of an older leader epoch is ignored") {
  Simulation sim("older epoch", Plain(1, 2));
  Fill(sim, 0, 5);
  Process* process = sim.Start();
  CheckExact(sim, process);
  sim.target.MoveLeader(kTarget0);
  sim.source.MoveLeader(kSource0);
  Fill(sim, 0, 5);
  CheckExact(sim, process);
  const int64_t scans = process->forwarder->SnapshotLane().target_scans;
  const int64_t refused = process->forwarder->errors().at(kNotLeader);
  const auto old_news = [](std::vector<TopicLeaders>* topics) {
    for (TopicLeaders& topic : *topics)
      for (PartitionLeader& p : topic.partitions) p = {p.partition, 0, 0, 0};
  };
  sim.source.edit_metadata = sim.target.edit_metadata = old_news;
  sim.RunFor(90'000);  // metadata.max.age.ms passes
  CHECK(process->forwarder->SnapshotLane().target_scans == scans);
  Fill(sim, 0, 5);
  CheckExact(sim, process);
  CHECK(process->forwarder->errors().at(kNotLeader) == refused);
}

// Metadata of a recreated topic restarts at epoch 0, and counts.
TEST_CASE("metadata of another topic id is no older epoch") {
  Simulation sim("other topic", Plain(1, 2));
  sim.source.MoveLeader(kSource0);
  Process* process = sim.Start();
  CheckExact(sim, process);
  sim.source.edit_metadata = [](std::vector<TopicLeaders>* topics) {
    for (TopicLeaders& topic : *topics) {
      topic.topic_id = {2};
      for (PartitionLeader& p : topic.partitions) p = {p.partition, 0, 0, 0};
    }
  };
  CheckFaulted(sim, process, 103);  // INCONSISTENT_TOPIC_ID
}

// A partition whose target refuses it for long drops its queue when memory is short. Regression: it
// was fetched again in full at each retry, and used its share of the long link for nothing.
TEST_CASE("a partition that is refused for long is fetched again in small pieces") {
  SimulationOptions options = Plain(2);
  options.settings.in_flight_bytes_max = 1 << 20;
  options.batch_max = 64 * 1024;
  Simulation sim("refused", options);
  Fill(sim, 0, 500, 3'000);
  Fill(sim, 1, 500, 3'000);
  for (int32_t id : {0, 1})
    sim.target.produce_errors[{Simulation::kRemote, id}] = {19, false, INT64_MAX};
  Process* process = sim.Start();
  sim.RunFor(20'000);
  const int64_t bytes = process->forwarder->SnapshotLane().fetch_response_bytes;
  sim.RunFor(60'000);
  CHECK(process->forwarder->SnapshotLane().fetch_response_bytes - bytes < 60 * 2 * 2 * 64 * 1024);
  sim.target.produce_errors.clear();
  CheckExact(sim, process);
}

TEST_CASE("an offset that the source lacks faults after the queue is acknowledged") {
  Simulation sim("out of range", Plain());
  Fill(sim, 0, 20);
  Process* process = sim.Start();
  sim.RunUntil([&] { return sim.batches_mirrored > 3; }, 10'000);
  sim.source.fetch_errors[kSource0] = {kOffsetOutOfRange, false, INT64_MAX};
  CheckFaulted(sim, process, kOffsetOutOfRange);
  CHECK(sim.LastProgress().at(0).sequence == static_cast<int32_t>(sim.Mirrored(0).size()));
}

TEST_CASE("a refused permission faults only its partition, at once") {
  Simulation sim("authorization", Plain(2));
  Fill(sim, 0, 20);
  Fill(sim, 1, 20);
  sim.target.produce_errors[kTarget0] = {29, false, INT64_MAX};
  Process* process = sim.Start();
  CheckFaulted(sim, process, 29);
  CHECK(sim.RunUntil([&] { return sim.Mirrored(1).size() == 60; }, 10'000));
}

TEST_CASE("a topic may be unknown for ten seconds, then it is missing") {
  Simulation sim("unknown", Plain());
  Fill(sim, 0, 5);
  sim.target.topic_errors[Simulation::kRemote] = 3;
  Process* process = sim.Start();
  sim.RunFor(9'000);
  CHECK(process->states[0].state == PartitionState::kWaiting);
  CHECK(process->states[0].code == 3);
  SUBCASE("known in time") {
    sim.target.topic_errors.clear();
    CheckExact(sim, process);
  }
  SUBCASE("never known") { CheckFaulted(sim, process, kErrorTargetPartitionMissing); }
}

TEST_CASE("an idle lane of many partitions neither spins nor asks more than it must") {
  Simulation sim("idle", Plain(200, 2));
  Process* process = sim.Start();
  sim.RunFor(2'000);
  const int64_t ticks = process->ticks, requests = process->network->requests;
  sim.RunFor(10'000);
  CHECK(process->network->requests - requests < 2 * 10'000 / 20 + 50);
  CHECK(process->ticks - ticks < 3 * 10'000 / 20 + 100);
  CHECK(sim.failure() == "");
}

}  // namespace
}  // namespace longhaul::test
