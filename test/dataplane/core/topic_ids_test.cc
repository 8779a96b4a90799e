// Topics by id (KIP-516), and leaders that brokers name in their answers (KIP-951).
#include <doctest/doctest.h>

#include "core/topic_id.h"
#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

// A log of as many new records, in the same epoch: by name the next Fetch would succeed.
void RecreateSource(Simulation& sim) {
  const int64_t end = sim.SourceLog(0).end();
  sim.source.RecreateTopic(Simulation::kTopic);
  SimulatedLog& log = sim.SourceLog(0);
  while (log.end() < end + 30)
    log.Store(BuildBatch(RandomRecords(sim.random, 3, log.end(), false, 50), {}));
}

// The queue of the partition is full, because its target broker hangs. Meanwhile the partition is
// not fetched, so no broker reports that the topic was deleted, and metadata is requested once a
// minute.
TEST_CASE("a topic that is recreated while it is not fetched is not read further") {
  SimulationOptions options = Plain();
  options.settings.partition_queue_bytes_max = 2'000;
  options.settings.partition_fetch_bytes_max = 1'000;
  Simulation sim("recreated", options);
  Fill(sim, 0, 5);
  Process* process = sim.Start();
  CheckExact(sim, process);
  const size_t mirrored = sim.Mirrored(0).size();
  sim.target.broker(0).frozen_until = sim.agenda.now + 3'000;
  Fill(sim, 0, 60);
  sim.RunFor(1'000);
  const int64_t fetched = sim.Counters(process, 0).fetch_offset;
  REQUIRE(fetched < sim.SourceLog(0).end());
  RecreateSource(sim);
  CheckFaulted(sim, process, kafka_error::kInconsistentTopicId);
  // No record of the second topic is on the target.
  CHECK(sim.Mirrored(0).size() >= mirrored);
  CHECK(sim.Mirrored(0).size() <= static_cast<size_t>(fetched));
}

// The partition was paused, or no lane had it, when the topic was recreated. The first metadata of
// a lane names the new topic, so only the id in the progress shows it.
TEST_CASE("a topic that is recreated while no lane has it is not read further") {
  Simulation sim("recreated without a lane", Plain());
  Fill(sim, 0, 20);
  Process* process = sim.Start();
  CheckExact(sim, process);
  const TopicId id = sim.source.Metadata({Simulation::kTopic}).front().topic_id;
  const Progress progress = sim.LastProgress().at(0);
  RecreateSource(sim);
  const auto assign = [&] {
    process->forwarder->Assign(
        {{0, Simulation::kTopic, Simulation::kRemote, 0, progress, -1, id}});
    sim.Poke(process);
  };
  const size_t mirrored = sim.Mirrored(0).size();
  SUBCASE("permanently") {
    assign();
    CheckFaulted(sim, process, kafka_error::kInconsistentTopicId);
    CHECK(sim.Mirrored(0).size() == mirrored);
  }
  SUBCASE("by a broker that does not know the new topic yet") {
    sim.source.edit_metadata = [](std::vector<TopicLeaders>* topics) {
      topics->front().topic_id = {77};
    };
    sim.source.RecreateTopic(Simulation::kTopic);
    const TopicId today = {3};
    sim.agenda.At(sim.agenda.now + 3'000, [&] {
      sim.source.edit_metadata = [today](std::vector<TopicLeaders>* topics) {
        topics->front().topic_id = today;
      };
    });
    process->forwarder->Assign(
        {{0, Simulation::kTopic, Simulation::kRemote, 0, {0, 60, 60, -1}, -1, today}});
    sim.Poke(process);
    sim.RunFor(20'000);
    CHECK(process->states[0].state == PartitionState::kRunning);
  }
}

// Regression: only metadata showed it, once a minute. Until then the batches were appended to the
// new topic: its leader does not know the producer and accepts any sequence.
TEST_CASE("a remote topic that is recreated receives nothing") {
  Simulation sim("recreated target", Plain());
  Fill(sim, 0, 20);
  Process* process = sim.Start();
  CheckExact(sim, process);
  sim.target.RecreateTopic(Simulation::kRemote);
  sim.RunFor(100);
  Fill(sim, 0, 20);
  CheckFaulted(sim, process, kafka_error::kInconsistentTopicId);
  CHECK(sim.TargetLog(0).end() == 0);
}

// As above, while no lane has the partition: the id is in the progress.
TEST_CASE("a remote topic that is recreated while no lane has it receives nothing") {
  Simulation sim("recreated target without a lane", Plain());
  Fill(sim, 0, 20);
  Process* process = sim.Start();
  CheckExact(sim, process);
  const TopicId id = sim.target.Metadata({Simulation::kRemote}).front().topic_id;
  sim.target.RecreateTopic(Simulation::kRemote);
  Fill(sim, 0, 20);
  process->forwarder->Assign({{0, Simulation::kTopic, Simulation::kRemote, 0,
                               sim.LastProgress().at(0), -1, {}, id}});
  sim.Poke(process);
  CheckFaulted(sim, process, kafka_error::kInconsistentTopicId);
  CHECK(sim.TargetLog(0).end() == 0);
}

TEST_CASE("a target that does not know the new topic's id yet is asked again") {
  Simulation sim("unknown id", Plain());
  Fill(sim, 0, 20);
  sim.target.produce_errors[kTarget0] = {kafka_error::kUnknownTopicId, false};
  sim.target.produce_errors[kTarget0].until = INT64_MAX;
  sim.target.produce_errors[kTarget0].left = 3;
  Process* process = sim.Start();
  CheckExact(sim, process);
  CHECK(process->forwarder->errors().at(kafka_error::kUnknownTopicId) == 3);
}

TEST_CASE("the text of a topic id is that of Kafka's Uuid") {
  TopicId id = {};
  REQUIRE(ParseTopicId("AAECAwQFBgcICQoLDA0O_w", &id));
  CHECK(id == TopicId{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255});
  for (const char* text : {"", "AAECAwQFBgcICQoLDA0O/w", "AAECAwQFBgcICQoLDA0O_wA", "AAEC"})
    CHECK_FALSE(ParseTopicId(text, &id));
}

TEST_CASE("a cluster without topic ids is fetched from, and produced to, by name") {
  Simulation sim("no ids", Plain(2, 2));
  SUBCASE("source") { sim.source.has_topic_ids = false; }
  SUBCASE("target") { sim.target.has_topic_ids = false; }
  Fill(sim, 0, 20);
  Process* process = sim.Start();
  CheckExact(sim, process);
  sim.source.MoveLeader(kSource0);
  Fill(sim, 0, 5);
  CheckExact(sim, process);
}

// Metadata continues to name the deposed leader, so only the answers show the new one.
TEST_CASE("a leader that the deposed one names is used without metadata") {
  Simulation sim("named", Plain(1, 2));
  Fill(sim, 0, 20);
  Process* process = sim.Start();
  CheckExact(sim, process);
  Side side = Side::kSource;
  SUBCASE("source") {}
  SUBCASE("target") { side = Side::kTarget; }
  SimulatedCluster& cluster = side == Side::kSource ? sim.source : sim.target;
  const Key key = side == Side::kSource ? kSource0 : kTarget0;
  const std::vector<TopicLeaders> old = cluster.Metadata({key.first});
  cluster.edit_metadata = [old](std::vector<TopicLeaders>* topics) { *topics = old; };
  cluster.MoveLeader(key);
  Fill(sim, 0, 5);
  CheckExact(sim, process);
}

}  // namespace
}  // namespace longhaul::test
