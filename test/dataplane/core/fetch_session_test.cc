// Fetch sessions (KIP-227): the partitions that a request names, and the behaviour of a lane whose
// broker ends, refuses or misunderstands its session.
#include <doctest/doctest.h>

#include <cmath>

#include "core/fetch_session.h"
#include "forwarder_cases.h"

namespace longhaul::test {
namespace {

constexpr int32_t kPartitions = 6;

// A mirror of one broker that has caught up and is idle.
struct Idle {
  explicit Idle(const std::string& name, size_t slots = 1000, int16_t version = kFetchApi.max)
      : sim(name, Plain(kPartitions)) {
    broker().sessions.slots = slots;
    broker().fetch_version = version;
    for (uint32_t id = 0; id < kPartitions; ++id) Fill(sim, id, 3);
    process = sim.Start();
    CheckExact(sim, process);
    sim.RunFor(500);
  }
  SimulatedBroker& broker() { return sim.source.broker(0); }
  int64_t Errors(int32_t code) const {
    const auto& errors = process->forwarder->errors();
    const auto found = errors.find(code);
    return found == errors.end() ? 0 : found->second;
  }
  // Partitions for each request within `ms`. Rounded: one request may be in flight.
  long NamedInARequest(int64_t ms) {
    const int64_t named = sim.source.fetched_partitions;
    const int64_t requests = process->forwarder->SnapshotLane().fetch_requests;
    sim.RunFor(ms);
    return std::lround(
        static_cast<double>(sim.source.fetched_partitions - named) /
        static_cast<double>(process->forwarder->SnapshotLane().fetch_requests - requests));
  }
  void CheckMirrors() {
    for (uint32_t id = 0; id < kPartitions; ++id) Fill(sim, id, 2);
    CheckExact(sim, process);
    for (const auto& [id, state] : process->states) CHECK(state.state == PartitionState::kRunning);
  }

  Simulation sim;
  Process* process;
};

TEST_CASE("requests of a session name only partitions that have changed") {
  for (const int16_t version : {int16_t{7}, int16_t{12}, kFetchApi.max}) {
    CAPTURE(version);
    Idle idle("named", 1000, version);
    CHECK(idle.broker().sessions.opened == 1);
    CHECK(idle.NamedInARequest(2'000) == 0);
    Fill(idle.sim, 2, 1);
    idle.CheckMirrors();
    CHECK(idle.broker().sessions.opened == 1);
    CHECK(idle.broker().sessions.errors == 0);
    CHECK(idle.broker().sessions.partitions() == kPartitions);
  }
}

TEST_CASE("a broker before 1.1 is asked without a session") {
  Idle idle("old", 1000, 6);
  CHECK(idle.broker().sessions.size() == 0);
  CHECK(idle.NamedInARequest(2'000) == kPartitions);
  idle.CheckMirrors();
}

// All clients of a broker share its cache of sessions. An answer without a session is not an error,
// and the partitions continue as fast as with one.
TEST_CASE("a broker whose cache is full is asked without a session, and for one a while later") {
  Idle idle("refused", 0);
  CHECK(idle.broker().sessions.refused == 1);
  CHECK(idle.process->forwarder->SnapshotLane().refused_sessions == 1);
  const int64_t requests = idle.process->network->requests;
  CHECK(idle.NamedInARequest(2'000) == kPartitions);
  CHECK(idle.process->network->requests - requests <= 2'000 / 20 + 1);
  idle.broker().sessions.slots = 1;
  idle.sim.RunFor(2'000);
  CHECK(idle.broker().sessions.size() == 0);
  idle.sim.RunFor(FetchSession::kRefusedMs);
  CHECK(idle.broker().sessions.size() == 1);
  CHECK(idle.NamedInARequest(2'000) == 0);
  idle.CheckMirrors();
  CHECK(idle.process->forwarder->SnapshotLane().refused_sessions == 1);
}

// Each of these answers an incremental request with an error of the whole response. It is not an
// error of the broker or its partitions: nothing waits, and no leader is looked up.
TEST_CASE("a session on which broker and lane disagree is reopened at once") {
  Idle idle("differ");
  int32_t code = 0;
  SUBCASE("evicted: FETCH_SESSION_ID_NOT_FOUND") {
    code = 70;
    idle.broker().sessions.Clear();
  }
  SUBCASE("INVALID_FETCH_SESSION_EPOCH") {
    code = 71;
    idle.broker().sessions.Skip();
  }
  SUBCASE("FETCH_SESSION_TOPIC_ID_ERROR") {
    code = 106;
    idle.broker().sessions.SwapNaming();
  }
  Fill(idle.sim, 0, 1);
  idle.sim.RunUntil([&] { return idle.Errors(code) > 0; }, 10'000);
  CHECK(idle.Errors(code) == 1);
  // Before retry.backoff.ms has passed.
  const int64_t named = idle.sim.source.fetched_partitions;
  idle.sim.RunFor(20);
  CHECK(idle.sim.source.fetched_partitions >= named + kPartitions);
  idle.CheckMirrors();
  CHECK(idle.Errors(code) == 1);
  CHECK(idle.broker().sessions.size() == 1);
  CHECK(idle.NamedInARequest(2'000) == 0);
}

// A topic without an id turns the requests of its broker into requests by name.
TEST_CASE("a session that names topics in the other way is reopened") {
  Idle idle("ids");
  idle.broker().fetch_version = 12;
  idle.sim.RunFor(500);
  idle.CheckMirrors();
  idle.broker().fetch_version = kFetchApi.max;
  idle.sim.RunFor(500);
  idle.CheckMirrors();
  CHECK(idle.broker().sessions.opened == 3);
  CHECK(idle.broker().sessions.errors == 0);
  CHECK(idle.broker().sessions.size() == 1);
}

// The broker has processed a request whose answer was lost, so it counts one epoch more.
TEST_CASE("a session whose connection ends is reopened, and the old one is closed") {
  Idle idle("connection");
  for (int round = 1; round <= 5; ++round) {
    idle.process->network->Break(Side::kSource, 0);
    idle.sim.RunFor(1'000);
    CHECK(idle.broker().sessions.opened == 1 + round);
    CHECK(idle.broker().sessions.size() == 1);
  }
  CHECK(idle.broker().sessions.errors == 0);
  idle.CheckMirrors();
}

// A session outlives its connection, and for two minutes no other client can use its place in the
// broker's cache: processes that restart repeatedly would fill the cache.
TEST_CASE("the lane closes its session with a broker from which it no longer reads") {
  for (const int16_t version : {int16_t{7}, int16_t{12}, kFetchApi.max}) {
    CAPTURE(version);
    Idle idle("left", 1000, version);
    const auto left = [&] { return idle.process->forwarder->SnapshotLane().left_sessions; };
    for (uint32_t id = 1; id < kPartitions; ++id) idle.sim.Revoke(idle.process, id);
    idle.sim.RunFor(1'000);
    CHECK(left() == 0);
    CHECK(idle.broker().sessions.size() == 1);
    const std::map<uint32_t, Progress> progress = idle.sim.LastProgress();
    idle.sim.Revoke(idle.process, 0);
    idle.sim.RunFor(1);
    CHECK(left() == 1);
    // The Fetch before the last one is held for fetch.max.wait.ms.
    CHECK(idle.sim.RunUntil([&] { return left() == 0; }, 600));
    CHECK(idle.broker().sessions.size() == 0);
    CHECK(idle.broker().sessions.errors == 0);
    idle.sim.Assign(idle.process, {0, 1, 2, 3, 4, 5}, progress);
    idle.sim.RunFor(1'000);
    CHECK(idle.broker().sessions.opened == 2);
    idle.CheckMirrors();
  }
}

TEST_CASE("nothing is sent for a session whose broker does not answer") {
  Idle idle("away");
  idle.broker().frozen_until = INT64_MAX;
  for (uint32_t id = 0; id < kPartitions; ++id) idle.sim.Revoke(idle.process, id);
  idle.process->network->Break(Side::kSource, 0);
  const int64_t requests = idle.process->network->requests;
  idle.sim.RunFor(5'000);
  CHECK(idle.process->forwarder->SnapshotLane().left_sessions == 0);
  CHECK(idle.process->network->requests == requests);
}

// Each session ends before its second request: that is two requests instead of one.
TEST_CASE("a broker that evicts sessions at once is asked without a session for a while") {
  Idle idle("evicts");
  const int64_t opened = idle.broker().sessions.opened;
  for (int round = 0; round < 4'000; ++round) {
    idle.broker().sessions.Clear();
    idle.sim.RunFor(1);
  }
  CHECK(idle.broker().sessions.opened <= opened + 2);
  idle.CheckMirrors();
}

// The lag in seconds of a partition is known as of the last answer about the end of its log. If the
// silence of the session did not count as such an answer, the lag of an idle partition would look
// unknown.
TEST_CASE("the end of a partition that a session does not mention stays known") {
  Idle idle("silent");
  for (int round = 0; round < 10; ++round) {
    idle.sim.RunFor(1'000);
    const PartitionCounters row = idle.sim.Counters(idle.process, 3);
    CHECK(row.end_known_ms + 500 > idle.sim.agenda.now + 1'700'000'000'000);
    CHECK(row.caught_up_at_ms == row.end_known_ms);
    CHECK(row.high_watermark == idle.sim.SourceLog(3).end());
  }
}

// The broker was silent, so its partitions show an obstacle. When it answers again, it has no news
// of them.
TEST_CASE("a source broker that answers again without news clears the obstacles") {
  Idle idle("hung");
  idle.broker().frozen_until = idle.sim.agenda.now + 7'000;
  const auto shows = [&](PartitionState state) {
    return std::all_of(idle.process->states.begin(), idle.process->states.end(),
                       [&](const auto& shown) { return shown.second.state == state; });
  };
  CHECK(idle.sim.RunUntil([&] { return shows(PartitionState::kWaiting); }, 20'000));
  CHECK(idle.sim.RunUntil([&] { return shows(PartitionState::kRunning); }, 20'000));
  CHECK(idle.broker().sessions.opened == 1);
}

// A resume waits for records that the target holds and the source lacks, and stops waiting when the
// source has been at its end for a while. The session reports that end once.
TEST_CASE("a resume that waits for more records than the source has ends its wait in a session") {
  SimulationOptions options = Plain();
  options.exact = false;
  Simulation sim("skips", options);
  Fill(sim, 0, 3);
  Process* process = sim.Start();
  CheckExact(sim, process);
  sim.Kill(process);
  sim.SourceLog(0).high_watermark_max = 6;
  process = sim.Start({{0, {6, 6, 6, 0}}});  // the target holds three records more
  CHECK(sim.RunUntil([&] { return sim.Counters(process, 0).doubled_records == 3; }, 60'000));
  CHECK(sim.failure() == "");
}

// The queue of one partition is full: it leaves the session until the queue has room.
TEST_CASE("a partition that is left out is forgotten by the broker, and named when it returns") {
  SimulationOptions options = Plain(2);
  options.settings.partition_queue_bytes_max = 1'000;
  options.settings.partition_fetch_bytes_max = 1'000;
  Simulation sim("forgotten", options);
  Process* process = sim.Start();
  CheckExact(sim, process);
  sim.target.broker(0).frozen_until = sim.agenda.now + 3'000;
  Fill(sim, 0, 60);
  sim.RunFor(1'000);
  CHECK(sim.source.broker(0).sessions.partitions() == 1);
  CheckExact(sim, process);
  sim.RunFor(500);
  CHECK(sim.source.broker(0).sessions.partitions() == 2);
  CHECK(sim.source.broker(0).sessions.opened == 1);
}

// The broker fills its responses in the order of the session, and moves partitions with records to
// the end: a large backlog does not starve the other partitions.
TEST_CASE("a partition with a large backlog leaves room for the others of its session") {
  SimulationOptions options = Plain(4);
  options.settings.fetch_bytes_max = 2'000;
  Simulation sim("backlog", options);
  Process* process = sim.Start();
  CheckExact(sim, process);
  Fill(sim, 0, 3'000);
  sim.RunFor(200);
  for (uint32_t id = 1; id < 4; ++id) Fill(sim, id, 1);
  const auto others = [&] {
    return sim.Mirrored(1).size() + sim.Mirrored(2).size() + sim.Mirrored(3).size();
  };
  CHECK(sim.RunUntil([&] { return others() == 9; }, 60'000));
  CHECK(sim.Mirrored(0).size() < 9'000);
  CheckExact(sim, process);
  CHECK(sim.source.broker(0).sessions.opened == 1);
}

// While it throttles, a broker answers without partitions and opens no session.
TEST_CASE("the empty answer of a broker that throttles neither refuses a session nor ends one") {
  Simulation sim("throttles", Plain(2));
  SimulatedBroker& broker = sim.source.broker(0);
  broker.throttles_empty = true;
  broker.throttle_ms = 100;
  Fill(sim, 0, 3);
  Process* process = sim.Start();
  sim.RunFor(2'000);
  CHECK(broker.sessions.opened == 0);
  broker.throttle_ms = 0;
  CheckExact(sim, process);
  CHECK(broker.sessions.opened == 1);
  broker.throttle_ms = 100;
  sim.RunFor(50);  // requests in flight have arrived
  const int64_t known_ms = sim.Counters(process, 0).end_known_ms;
  Fill(sim, 0, 3);
  sim.RunFor(2'000);
  // The silence of such an answer does not mean that the end is unchanged.
  CHECK(sim.Counters(process, 0).end_known_ms == known_ms);
  broker.throttle_ms = 0;
  CheckExact(sim, process);
  CHECK(broker.sessions.opened == 1);
}

// The broker knows the partition with the same parameters, so the next request need not name it,
// and the response would omit it; but the new assignment does not know the end of the log.
TEST_CASE("a partition that is assigned again is answered by a session that knows it") {
  Idle idle("assigned");
  idle.sim.Assign(idle.process, {1}, idle.sim.LastProgress());
  idle.sim.RunFor(2'000);
  const PartitionCounters row = idle.sim.Counters(idle.process, 1);
  CHECK(row.high_watermark == idle.sim.SourceLog(1).end());
  CHECK(row.end_known_ms > 0);
  CHECK(idle.broker().sessions.opened == 1);
}

// The orchestrator never reuses ids, so a partition that a process hands over and acquires again
// has another id. If it was the last one of its broker, no request has removed it from the session
// meanwhile. Regression: one request then named it and removed it, so the broker dropped it from
// the session and never reported it again, while the lane waited for news.
TEST_CASE("a partition that returns under another id stays in its session") {
  for (const int16_t version : {int16_t{12}, kFetchApi.max}) {
    CAPTURE(version);
    const FetchPartition place{"orders", {1}, 0, 5, 100, -1, 1'000};
    const std::string name = version > kFetchByNameMax ? std::string(1, 1) + std::string(15, 0)
                                                       : std::string(place.topic);
    FetchedPartition fetched{};
    fetched.topic = name;
    FetchSession session;
    for (uint32_t id = 1; id <= 3; ++id) {
      session.Want(id, place, false, true);
      FetchRequest request{};
      session.Fill(version, 0, &request);
      CHECK(request.partitions.size() == 1);
      CHECK(request.forgotten.empty());
      REQUIRE(session.Find(name, 0) != nullptr);
      CHECK(session.Find(name, 0)->id == id);
      FetchResponse response;
      response.session_id = 7;
      response.partitions.push_back(fetched);
      session.Answered(response, 0);
      CHECK(session.Find(id)->is_answered);
      session.Leave(id);
      CHECK(session.empty());
    }
    CHECK(session.entries().size() == 1);
  }
}

// The next request then names topics, so both entries of the partition have the same key. If the
// earlier entry removed the key, the lane would not find the partition of the response.
TEST_CASE("a partition that returns before the id of its topic is known is found in the response") {
  FetchSession session;
  FetchRequest request{};
  session.Want(1, {"orders", {1}, 0, 5, 100, -1, 1'000}, false, true);
  session.Fill(kFetchApi.max, 0, &request);
  FetchResponse response;
  response.session_id = 7;
  session.Answered(response, 0);
  session.Leave(1);
  session.Want(2, {"orders", {}, 0, 5, 100, -1, 1'000}, false, true);
  REQUIRE(session.lacks_ids());
  request = {};
  session.Fill(kFetchByNameMax, 0, &request);
  CHECK(request.partitions.size() == 1);
  CHECK(request.forgotten.empty());
  REQUIRE(session.Find("orders", 0) != nullptr);
  CHECK(session.Find("orders", 0)->id == 2);
}

}  // namespace
}  // namespace longhaul::test
