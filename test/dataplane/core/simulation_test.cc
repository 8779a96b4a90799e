// Random faults for the whole core, many runs from one seed (LONGHAUL_TEST_SEED). After each run
// all faults stop, and every record must be on the target exactly once, in order, unchanged.
// LONGHAUL_SIM_RUNS makes it longer; LONGHAUL_SIM_RUN repeats a single run.
#include "simulation.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>

namespace longhaul::test {
namespace {

constexpr int64_t kFaultPhaseMs = 8'000;
constexpr int64_t kPatienceMs = 300'000;
constexpr uint64_t kRuns = kHasThreadSanitizer ? 20 : 150;

// Whether a further connection pays is left to chance: partitions change theirs all the time, and
// are fetched in stripes whenever there is more to fetch than one answer holds.
constexpr ConnectionPace kRestless{
    .far_ms = 0, .window_ms = 20, .window_round_trips = 1, .settle_round_trips = 1,
    .opening_ms_max = 200, .opening_look_ms = 5, .gain_percent = 0, .hold_ms = 20,
    .hold_ms_max = 200, .refused_ms = 300, .idle_ms = 200, .busy_bytes = 0, .open_ms_max = 100,
    .pause_ms = 10, .pause_ms_max = 100, .stripe_backlog_bytes = 1,
    .behind_bytes = 500};

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

SimulationOptions RandomOptions(Random& random) {
  SimulationOptions options;
  options.brokers = 1 + static_cast<int32_t>(random.Below(3));
  options.partitions = 1 + static_cast<int32_t>(random.Below(6));
  options.writer.value_max = random.OneIn(3) ? 5000 : 200;
  options.writer.records_max = random.OneIn(3) ? 40 : 8;
  options.writer.legacy = random.OneIn(4);
  ForwarderSettings& s = options.settings;
  const auto pick = [&](std::initializer_list<int64_t> values) {
    return values.begin()[random.Below(values.size())];
  };
  s.in_flight_bytes_max = pick({512 * 1024, 1024 * 1024, 8 << 20});
  s.fetch_bytes_max = pick({1'000, 20'000, 8 << 20});
  s.partition_fetch_bytes_max = pick({300, 5'000, 1 << 20});
  s.partition_queue_bytes_max = pick({1'000, 50'000, 8 << 20});
  s.produce_request_bytes_max = pick({500, 20'000, 8 << 20});
  s.partition_batches_in_flight = pick({1, 2, 5, 5});
  s.produce_requests_in_flight = pick({1, 5});
  s.linger_ms = pick({0, 0, 5});
  s.fetch_wait_max_ms = pick({20, 500});
  s.request_timeout_ms = pick({500, 3'000});
  s.retry_backoff_max_ms = pick({200, 2'000});
  s.metadata_max_age_ms = pick({1'000, 60'000});
  s.broker_connections_max = pick({1, 2, 4, 16});
  options.pace = kRestless;
  options.batching = static_cast<Batching>(random.Below(3));
  s.batch_size = pick({131'072, 131'072, 2'000});
  options.encode_ms_max = pick({-1, 0, 3, 100});
  if (random.OneIn(2)) options.rack = "b";
  options.batch_max = 512 * 1024;
  options.mirrors_again = true;
  return options;
}

// The faults and their subjects. Faults that no mirror can handle are excluded here, and
// forgetful_broker_test.cc shows what is promised then: a broker that forgot the producer cannot
// distinguish a zombie's batch, or a late one, from a new one; and it accepts the second of two
// pipelined batches whose first one it refused, so the timer of a broker purges only if one batch
// is in flight. Unclean elections are also not combined with zombies, whose reports are from
// before, or with brokers that forget: one that leads again before the mirror asks accepts a batch
// after the gap.
class Chaos {
 public:
  Chaos(Simulation* sim, uint64_t* count) : sim_(sim), random_(sim->random), count_(count) {
    forgets_ = random_.OneIn(2);
    purges_ = forgets_ && sim_->options().settings.partition_batches_in_flight == 1;
    unclean_ = !forgets_ && random_.OneIn(2);
    for (Side side : {Side::kSource, Side::kTarget}) {
      for (int32_t node = 0; node < cluster(side).broker_count(); ++node) {
        auto& broker = cluster(side).broker(node);
        broker.fetch_version = static_cast<int16_t>(4 + random_.Below(13));
        broker.produce_version = static_cast<int16_t>(3 + random_.Below(8));
        broker.rack = std::string(1, static_cast<char>('a' + node));
        broker.sessions.slots = random_.Below(4);
        broker.throttles_empty = random_.OneIn(2);
      }
    }
    sim_->source.selects_by_rack = random_.OneIn(2);
    for (uint32_t id = 0; id < sim_->partitions(); ++id)
      if (random_.OneIn(4)) sim_->TargetLog(id).max_message_bytes = 8'000;
    if (random_.OneIn(8)) sim_->TargetLog(0).log_append_time = true;
    if (random_.OneIn(4)) {
      const Codec refused = kAllCodecs[1 + random_.Below(4)];
      for (uint32_t id = 0; id < sim_->partitions(); ++id)
        sim_->TargetLog(id).refuses_codec = [refused](Codec codec) { return codec == refused; };
    }
    if (random_.OneIn(6)) sim_->TargetLog(0).compression_type = kAllCodecs[random_.Below(5)];
    if (sim_->options().memory != nullptr) rival_.emplace(sim_->options().memory);
    process_ = sim_->Start();
  }

  void Run() {
    const int64_t end = sim_->agenda.now + kFaultPhaseMs;
    while (sim_->agenda.now < end && sim_->failure().empty()) {
      sim_->RunFor(1 + static_cast<int64_t>(random_.Length(300)));
      for (uint64_t batches = random_.Length(8); batches > 0; --batches)
        sim_->Writer(AnyPartition()).WriteSomething();
      // Otherwise another producer could fill the gap before the mirror scans, and hide it.
      const uint32_t id = AnyPartition();
      if (random_.OneIn(3) && !sim_->LacksAcked(id)) sim_->ProduceForeign(id);
      Hurt();
    }
    Heal();
    sim_->CatchUp(process_, kPatienceMs);
  }

 private:
  SimulatedCluster& cluster(Side side) {
    return side == Side::kSource ? sim_->source : sim_->target;
  }
  uint32_t AnyPartition() { return static_cast<uint32_t>(random_.Below(sim_->partitions())); }
  Side AnySide() { return random_.OneIn(2) ? Side::kSource : Side::kTarget; }
  int32_t AnyNode() {
    return static_cast<int32_t>(random_.Below(static_cast<uint64_t>(sim_->source.broker_count())));
  }
  SimulatedCluster::Key KeyOf(Side side, uint32_t id) {
    return {side == Side::kSource ? Simulation::kTopic : Simulation::kRemote,
            static_cast<int32_t>(id)};
  }
  int64_t Soon(int64_t ms_max) {
    return sim_->agenda.now + static_cast<int64_t>(random_.Length(static_cast<size_t>(ms_max)));
  }

  void Hurt() {
    ++*count_;
    const Side side = AnySide();
    const int32_t node = AnyNode();
    switch (random_.Below(24)) {
      case 0:
      case 1:
        return process_->network->Break(side, node);
      case 2:
        return StopBroker(side, node);
      case 3:
        // Some for longer than any request may take.
        cluster(side).broker(node).frozen_until = Soon(random_.OneIn(4) ? 12'000 : 2'000);
        return;
      case 4:
      case 5:
        return MoveLeader(side);
      case 6:
      case 7:
        return InjectError();
      case 8:
        cluster(side).broker(node).throttle_ms = static_cast<int32_t>(random_.Below(3) * 100);
        return;
      case 9:
      case 10:
        return Crash();
      case 11:
        return Zombie();
      case 12:
      case 13:
        return Revoke();
      case 14:
        return UncleanElection();
      case 15:
        return Purge();
      case 16:
      case 17:
        return HurtFollower(node);
      case 18:
        return HurtSessions(side, node);
      case 20:
        return process_->network->BreakOne(Side::kSource, node);
      case 21:
        process_->network->further_max = static_cast<int64_t>(random_.Below(6));
        return;
      case 19:
        process_->network->metadata_lag_ms = random_.OneIn(2) ? 0 : 300;
        return;
      case 22:
        return Borrow();
      default:
        process_->network->corrupt_one_in = random_.OneIn(2) ? 0 : 20;
        process_->network->cut_one_in = random_.OneIn(2) ? 0 : 20;
        process_->network->flip_offset_one_in = random_.OneIn(2) ? 0 : 20;
    }
  }

  // Another lane of the process wants memory, uses it for some time, or returns it.
  void Borrow() {
    if (!rival_) return;
    const auto used = static_cast<int64_t>(
        random_.Below(static_cast<uint64_t>(rival_->bytes()) + 1));
    rival_->Settle(random_.OneIn(3) ? 0 : INT64_MAX, used);
  }
  void StopBroker(Side side, int32_t node) {
    SimulatedBroker& broker = cluster(side).broker(node);
    broker.up = false;
    broker.sessions.Clear();
    process_->network->Break(side, node, -195, true);
    for (auto& [key, log] : cluster(side).logs()) {
      if (log.leader != node) continue;
      if (side == Side::kTarget) Forget(key);  // it expires old producers when it loads its state
      if (random_.OneIn(2)) cluster(side).MoveLeader(key);
    }
    const int64_t restart_ms = forgets_ ? 1'500 : 0;  // no broker loads its logs faster
    broker.down_until = std::max(broker.down_until, Soon(3'000) + restart_ms);
    Simulation* sim = sim_;
    sim_->agenda.At(broker.down_until,
                    [sim, &broker] { broker.up = sim->agenda.now >= broker.down_until; });
  }
  void MoveLeader(Side side) {
    const auto key = KeyOf(side, AnyPartition());
    SimulatedLog& log = cluster(side).log(key);
    if (random_.OneIn(4)) {
      const int32_t leader = log.leader;
      log.leader = -1;  // a slow election
      sim_->agenda.At(Soon(1'000), [&log, leader] { log.leader = std::max(log.leader, leader); });
      return;
    }
    cluster(side).MoveLeader(key);
    // The new leader returns less until its followers have asked it.
    if (side == Side::kSource) return;
    log.high_watermark_max = std::max(log.start(), log.end() - 20);
    sim_->agenda.At(Soon(400), [&log] { log.high_watermark_max = INT64_MAX; });
  }
  // The new leader lacks the newest batches, acknowledged or not.
  void UncleanElection() {
    if (!unclean_) return;
    const uint32_t id = AnyPartition();
    const auto key = KeyOf(Side::kTarget, id);
    SimulatedLog& log = sim_->target.log(key);
    const int32_t old_leader = log.leader;
    if (sim_->under_way[key].all > 0 || old_leader < 0) return;
    if (sim_->Mirrored(id).size() < 150) return;  // the rest shows the producer
    sim_->target.MoveLeader(key);
    if (log.leader == old_leader) return;
    const auto lost = static_cast<int64_t>(random_.Length(60));
    sim_->TruncateTarget(id, std::max(log.start(), log.end() - lost));
  }
  void InjectError() {
    const uint32_t id = AnyPartition();
    if (random_.OneIn(3)) {
      constexpr int16_t kCodes[] = {3, 6, 9, 74, 75, 78};
      sim_->source.fetch_errors[KeyOf(Side::kSource, id)] = {kCodes[random_.Below(6)], false,
                                                             Soon(1'000)};
      return;
    }
    constexpr InjectedError kErrors[] = {{19, false}, {6, false}, {6, true},  {7, true},
                                         {7, false},  {20, true}, {56, true}, {3, false}};
    InjectedError error = kErrors[random_.Below(std::size(kErrors))];
    error.until = Soon(1'000);
    error.left = static_cast<int64_t>(random_.Below(10));
    sim_->target.produce_errors[KeyOf(Side::kTarget, id)] = error;
  }
  // A replica of the source that lags, has lost its end, or returns errors.
  void HurtFollower(int32_t node) {
    const auto key = KeyOf(Side::kSource, AnyPartition());
    SimulatedLog& log = sim_->source.log(key);
    if (random_.OneIn(2)) {
      constexpr int16_t kCodes[] = {1, 6, 9, 29, 56, 75, 78};
      sim_->source.follower_errors[key] = {kCodes[random_.Below(7)], false, Soon(1'000)};
      return;
    }
    const auto lost = static_cast<int64_t>(random_.Length(40));
    log.replica_ends[node] = std::max(log.start(), log.end() - lost);
    sim_->agenda.At(Soon(3'000), [&log, node] { log.replica_ends.erase(node); });
  }
  void HurtSessions(Side side, int32_t node) {
    SessionCache& sessions = cluster(side).broker(node).sessions;
    switch (random_.Below(3)) {
      case 0:
        return sessions.Evict(random_.Below(2));
      case 1:
        return sessions.Skip();
      default:
        sessions.slots = random_.Below(4);
    }
  }
  void Crash() {
    sim_->Kill(process_);
    process_ = sim_->StartLagging();
    for (auto& [key, log] : sim_->target.logs()) Forget(key);
  }
  // The first owner is suspended for longer than its session, and a second owner starts. The first
  // owner then continues as before, and dies some time later.
  void Zombie() {
    if (forgets_ || unclean_) return;
    Simulation::Process* zombie = process_;
    zombie->stopped_until = Soon(2'000);
    process_ = sim_->StartLagging();
    Simulation* sim = sim_;
    sim_->agenda.At(zombie->stopped_until + Soon(1'500) - sim_->agenda.now,
                    [sim, zombie] { sim->Kill(zombie); });
  }
  void Forget(const SimulatedCluster::Key& key) {
    const BatchesUnderWay& under_way = sim_->under_way[key];
    if (!forgets_ || under_way.all > 0 || under_way.late_arrived) return;
    sim_->Trace("forget p" + std::to_string(key.second));
    sim_->target.log(key).ForgetProducers();
  }
  // The timer of a broker, each ten minutes: it purges a producer with old records while that
  // producer works.
  void Purge() {
    const SimulatedCluster::Key key = KeyOf(Side::kTarget, AnyPartition());
    const BatchesUnderWay& under_way = sim_->under_way[key];
    if (!purges_ || under_way.late > 0 || under_way.late_arrived) return;
    sim_->Trace("purge p" + std::to_string(key.second));
    sim_->target.log(key).ForgetProducers();
  }
  void Revoke() {
    const uint32_t partition = AnyPartition();
    sim_->Revoke(process_, partition);
    if (random_.OneIn(2)) sim_->RunFor(static_cast<int64_t>(random_.Length(100)));
    process_->reassigned = true;
    const bool is_released = process_->states[partition].released;
    const auto from = random_.OneIn(2) ? sim_->LastProgress() : sim_->LaggingProgress();
    if (is_released)
      sim_->Return(process_, partition, from);
    else
      sim_->Assign(process_, {partition}, from);
  }
  void Heal() {
    sim_->RunFor(5'000);  // scheduled recoveries occur, zombies die
    for (uint32_t id = 0; id < sim_->partitions(); ++id) sim_->Writer(id).EndTransactions();
    for (Side side : {Side::kSource, Side::kTarget}) {
      cluster(side).fetch_errors.clear();
      cluster(side).follower_errors.clear();
      cluster(side).produce_errors.clear();
      for (int32_t node = 0; node < cluster(side).broker_count(); ++node) {
        cluster(side).broker(node).up = true;
        cluster(side).broker(node).throttle_ms = 0;
      }
    }
    rival_.reset();
    process_->network->metadata_lag_ms = 0;
    process_->network->corrupt_one_in = process_->network->cut_one_in = 0;
    process_->network->flip_offset_one_in = 0;
  }

  Simulation* sim_;
  Random& random_;
  uint64_t* count_;
  bool forgets_ = false;
  bool purges_ = false;
  bool unclean_ = false;
  Simulation::Process* process_ = nullptr;
  std::optional<LentMemory::Part> rival_;
};

TEST_CASE("for all faults every record is on the target once, in order, unchanged") {
  const uint64_t runs = FromEnvironment("LONGHAUL_SIM_RUNS", kRuns);
  const uint64_t only = FromEnvironment("LONGHAUL_SIM_RUN", UINT64_MAX);
  uint64_t faults = 0;
  int64_t batches = 0, further = 0, stripes = 0;
  for (uint64_t run = 0; run < runs || run == only; ++run) {
    if (only != UINT64_MAX && run != only) continue;
    Random random("options " + std::to_string(run));
    SimulationOptions options = RandomOptions(random);
    LentMemory memory(options.settings.in_flight_bytes_max, 3);
    if (random.OneIn(2)) options.memory = &memory;
    Simulation sim("simulation " + std::to_string(run), options);
    Chaos(&sim, &faults).Run();
    batches += sim.batches_mirrored;
    further += sim.CountFurtherOpened();
    stripes += sim.source.stripes;
    INFO("LONGHAUL_TEST_SEED=" << RunSeed() << " LONGHAUL_SIM_RUN=" << run);
    REQUIRE(sim.failure() == "");
  }
  // How many there are is left to chance; without any the runs would not test them.
  if (only == UINT64_MAX) {
    CHECK(further > 0);
    CHECK(stripes > 0);
  }
  std::printf(
      "simulation: %llu runs, %llu faults, %lld batches, %lld further connections, %lld stripes\n",
      static_cast<unsigned long long>(runs), static_cast<unsigned long long>(faults),
      static_cast<long long>(batches), static_cast<long long>(further),
      static_cast<long long>(stripes));
}

// Replicas lag, keep records that only they have, and are elected nevertheless; the mirror goes
// back to where the logs differ, as the control plane decides. Records that the source lost may be
// on the target, and some twice, but no record that the source has in the end may be missing.
TEST_CASE("of a source that is truncated repeatedly all remaining records are mirrored in order") {
  int64_t elections = 0, stripes = 0;
  for (uint64_t run = 0; run < FromEnvironment("LONGHAUL_SIM_RUNS", kRuns); ++run) {
    SimulationOptions options;
    options.partitions = 1;
    options.exact = false;
    options.settings.fetch_wait_max_ms = 20;
    options.settings.partition_fetch_bytes_max = 1'000;
    options.pace = kRestless;
    Simulation sim("truncations " + std::to_string(run), options);
    Random& random = sim.random;
    SimulatedLog& log = sim.SourceLog(0);
    Simulation::Process* process = sim.Start();
    SimulatedLog replica = log;
    for (int step = 0; step < 60; ++step) {
      for (uint64_t batches = random.Below(4); batches > 0; --batches)
        sim.Writer(0).WriteBatch(1 + random.Below(9), 30);  // of one codec: see IsAtSeam
      sim.RunFor(static_cast<int64_t>(random.Length(60)));
      if (random.OneIn(4)) replica = log;
      if (random.OneIn(6)) {  // a leader fails with records that only it has
        replica = log;
        const size_t own = 1 + random.Below(9);
        replica.Store(BuildBatch(RandomRecords(random, own, replica.end(), false, 50), {}));
        log.Elect(log.leader);
      }
      if (random.OneIn(6)) log.Elect(log.leader);
      if (random.OneIn(8)) log.ElectUnclean(replica), ++elections;
      if (random.OneIn(12)) sim.Kill(process), process = sim.StartLagging();
      if (process->states[0].code == kErrorSourceTruncated) sim.GoBackToCommon(process, 0);
    }
    sim.Writer(0).WriteBatch(1, 30);
    const std::optional<std::string> last = ReadBatch(log.batches().back().bytes).back().value;
    REQUIRE(sim.RunUntil(
        [&] {
          if (process->states[0].code == kErrorSourceTruncated) sim.GoBackToCommon(process, 0);
          return sim.CaughtUp(process) && !sim.Mirrored(0).empty() &&
                 sim.Mirrored(0).back().value == last;
        },
        kPatienceMs));
    INFO("LONGHAUL_TEST_SEED=" << RunSeed() << " run " << run);
    REQUIRE(sim.failure() == "");
    auto at = sim.Mirrored(0).begin();
    for (const LoggedBatch& batch : log.batches()) {
      for (const TestRecord& record : ReadBatch(batch.bytes)) {
        at = std::find_if(at, sim.Mirrored(0).end(), [&](const TestRecord& mirrored) {
          return mirrored.key == record.key && mirrored.value == record.value;
        });
        REQUIRE(at != sim.Mirrored(0).end());
        ++at;
      }
    }
    stripes += sim.source.stripes;
  }
  CHECK(elections > 0);
  std::printf("truncations: %lld elections, %lld stripes\n", static_cast<long long>(elections),
              static_cast<long long>(stripes));
}

}  // namespace
}  // namespace longhaul::test
