#include "simulation.h"

#include <algorithm>
#include <utility>

namespace longhaul::test {

bool SameRecord(const TestRecord& a, const TestRecord& b) {
  return a.timestamp == b.timestamp && a.key == b.key && a.value == b.value &&
         a.headers == b.headers;
}

Simulation::Simulation(const std::string& name, SimulationOptions options)
    : random(name),
      source(options.brokers, &agenda.now),
      target(options.brokers, &agenda.now),
      options_(options) {
  source.AddTopic(kTopic, options.partitions);
  target.AddTopic(kRemote, options.partitions);
  for (uint32_t id = 0; id < partitions(); ++id)
    writers_.push_back(std::make_unique<SourceWriter>(&SourceLog(id), &random, options.writer));
  target.on_append = [this](const auto& key, const Bytes& sent, int64_t base_offset) {
    OnAppend(key, sent, base_offset);
  };
}

Simulation::~Simulation() {
  for (auto& process : processes_) Kill(process.get());
}

Simulation::Process* Simulation::Start(const std::map<uint32_t, Progress>& from) {
  processes_.push_back(std::make_unique<Process>());
  Process* process = processes_.back().get();
  process->network = std::make_unique<SimulatedNetwork>(
      &agenda, &random, &source, &target, &under_way,
      [this, process](const Reply& reply) { OnReply(process, reply); });
  ForwarderConfig config;
  config.settings = options_.settings;
  config.producer_id = options_.has_producer_id ? kProducerId : -1;
  config.producer_epoch = options_.has_producer_id ? 0 : -1;
  config.rack = options_.rack;
  config.memory = options_.memory;
  config.pace = options_.pace;
  if (options_.encode_ms_max >= 0)
    process->encoder = std::make_unique<SimulatedEncoder>(
        &agenda, std::to_string(random.Next()), options_.encode_ms_max,
        [this, process] { ScheduleTick(process, agenda.now); });
  process->forwarder = std::make_unique<Forwarder>(config, process->network.get(), &Codecs(),
                                                   &process->events, process->encoder.get());
  std::vector<uint32_t> all;
  for (uint32_t id = 0; id < partitions(); ++id) all.push_back(id);
  Assign(process, all, from);
  return process;
}

void Simulation::Assign(Process* process, const std::vector<uint32_t>& partitions,
                        const std::map<uint32_t, Progress>& from) {
  std::vector<PartitionAssignment> assignments;
  for (uint32_t partition : partitions) {
    const auto found = from.find(partition);
    const Progress progress = found == from.end() ? Progress{} : found->second;
    process->assigned[partition] = progress;
    const int64_t log_start = TargetLog(partition).start();
    const uint32_t id = partition + process->returns[partition] * kIdStride;
    assignments.push_back({id, kTopic, kRemote, static_cast<int32_t>(partition), progress,
                           progress.downstream < log_start ? log_start : -1});
    assignments.back().batching = options_.batching;
  }
  process->forwarder->Assign(std::move(assignments));
  Poke(process);
}

void Simulation::Revoke(Process* process, uint32_t partition) {
  process->forwarder->Revoke({partition + process->returns[partition] * kIdStride});
  Poke(process);
}

void Simulation::Return(Process* process, uint32_t partition,
                        const std::map<uint32_t, Progress>& from) {
  process->returns[partition]++;
  process->states.erase(partition);
  Assign(process, {partition}, from);
}

std::map<uint32_t, Progress> Simulation::LaggingProgress() {
  std::map<uint32_t, Progress> from;
  for (auto& [id, mirror] : mirrored_) {
    const size_t known = mirror.progress.size();
    if (known == 0 || random.OneIn(20)) continue;  // from the beginning
    const size_t lag = random.OneIn(3) ? 0 : random.Length(known - 1);
    from[id] = mirror.progress[known - 1 - lag];
  }
  return from;
}

void Simulation::TruncateTarget(uint32_t id, int64_t end) {
  SimulatedLog& log = TargetLog(id);
  log.TruncateTo(end);
  Trace("truncate p" + std::to_string(id) + " to " + std::to_string(log.end()));
  Mirror& mirror = mirrored_[id];
  mirror.truncated = true;
  mirror.end = std::min(mirror.end, log.end());
  while (!mirror.offsets.empty() && mirror.offsets.back() >= log.end()) {
    mirror.offsets.pop_back();
    mirror.records.pop_back();
  }
}

void Simulation::MirrorAgain(Process* process, uint32_t id) {
  mirrored_[id].truncated = false;
  const int64_t end = std::exchange(mirrored_[id].end, INT64_MAX);
  auto& progress = mirrored_[id].progress;
  while (!progress.empty() && progress.back().downstream > std::min(end, TargetLog(id).end()))
    progress.pop_back();
  Trace("again p" + std::to_string(id));
  Assign(process, {id}, LastProgress());
}

std::map<uint32_t, Progress> Simulation::LastProgress() const {
  std::map<uint32_t, Progress> from;
  for (const auto& [id, mirror] : mirrored_)
    if (!mirror.progress.empty()) from[id] = mirror.progress.back();
  return from;
}

// Like backToCommon() of flow/leader-epochs.ts, with all reported progress as the history.
void Simulation::GoBackToCommon(Process* process, uint32_t id) {
  const StateEvent& fault = process->states[id];
  std::vector<Progress>& history = mirrored_[id].progress;
  Progress next = history.empty() ? Progress{} : history.back();
  while (!history.empty() && history.back().leader_epoch > fault.skip_epoch) history.pop_back();
  const Progress common = history.empty() ? Progress{} : history.back();
  next.leader_epoch = common.leader_epoch;
  next.upstream = std::min(common.upstream, fault.skip_to);
  std::erase_if(history, [&](const Progress& p) { return p.upstream > next.upstream; });
  history.push_back(next);
  process->states.erase(id);
  Assign(process, {id}, {{id, next}});
}

Simulation::Process* Simulation::StartLagging() { return Start(LaggingProgress()); }

void Simulation::Kill(Process* process) {
  if (!std::exchange(process->alive, false)) return;
  Trace("kill");
  process->network->Close();
  process->encoder.reset();
  process->forwarder.reset();  // its memory is freed before requests in flight arrive
}

void Simulation::ScheduleTick(Process* process, int64_t when) {
  const uint64_t number = ++process->tick_number;
  agenda.At(when, [this, process, number] {
    if (process->alive && process->tick_number == number) Tick(process);
  });
}

void Simulation::Tick(Process* process) {
  if (process->stopped_until > agenda.now) return ScheduleTick(process, process->stopped_until);
  for (const Reply& reply : std::exchange(process->unread, {})) {
    process->forwarder->OnReply(reply, agenda.now, agenda.now + 1'700'000'000'000);
    process->forwarder->CheckInvariants(true);
  }
  const int64_t wait = process->forwarder->Tick(agenda.now, agenda.now + 1'700'000'000'000);
  process->ticks++;
  process->forwarder->CheckInvariants(true);
  process->spins = wait == 0 ? process->spins + 1 : 0;
  if (process->spins > 20) Fail("the loop spins");
  TakeEvents(process);
  CheckBounds(process);
  ScheduleTick(process, agenda.now + std::max<int64_t>(wait, 1));
}

void Simulation::OnReply(Process* process, const Reply& reply) {
  if (!process->alive) return;
  process->unread.push_back(reply);
  // Some replies are passed alone, some together, as by the queue of a busy loop.
  if (process->stopped_until <= agenda.now && !random.OneIn(3))
    Tick(process);
  else
    ScheduleTick(process, agenda.now);
}

void Simulation::TakeEvents(Process* process) {
  Events events = process->events.Take();
  for (StateEvent& state : events.states) {
    Trace("state p" + std::to_string(state.id) + " " +
          std::to_string(static_cast<int>(state.state)) + " code " + std::to_string(state.code) +
          (state.released ? " released " : " ") + state.detail);
    const uint32_t id = PartitionOf(state.id);
    const bool lost =
        state.code == kErrorTargetOutOfRange || state.code == kErrorTargetOverwritten;
    if (lost && options_.mirrors_again)
      agenda.At(agenda.now + 20, [this, process, id] {
        if (process->alive && process->states[id].state == PartitionState::kFaulted)
          MirrorAgain(process, id);
      });
    process->states[id] = std::move(state);
  }
  // As the control plane adds spans: later ones on either side are removed.
  for (const auto& [id, span] : events.spans) {
    std::vector<OffsetSpan>& spans = process->spans[PartitionOf(id)];
    while (!spans.empty() && (spans.back().upstream_end() > span.upstream ||
                              spans.back().downstream_end() > span.downstream)) {
      OffsetSpan last = spans.back();
      spans.pop_back();
      const int64_t kept =
          std::min(span.upstream - last.upstream, span.downstream - last.downstream);
      if (kept > 0 && last.is_exact())
        spans.push_back({last.upstream, last.downstream, kept, kept, kept});
    }
    spans.push_back(span);
  }
  for (const ProgressEvent& event : events.progress) {
    Trace("progress p" + std::to_string(event.id) + " " + std::to_string(event.progress.upstream) +
          "/" + std::to_string(event.progress.downstream) + "/" +
          std::to_string(event.progress.sequence) + " epoch " +
          std::to_string(event.progress.leader_epoch));
    CheckProgress(*process, PartitionOf(event.id), event.progress);
  }
  for (LogLine& line : events.logs) process->logs.push_back(std::move(line.text));
}

// Invariant (C), and that downstream and sequence belong to upstream.
void Simulation::CheckProgress(const Process& process, uint32_t id, const Progress& progress) {
  Mirror& mirror = mirrored_[id];
  // From before an unclean election, after which offsets name other records.
  while (!mirror.progress.empty() && mirror.progress.back().downstream > progress.downstream)
    mirror.progress.pop_back();
  mirror.progress.push_back(progress);
  if (!options_.exact) return;
  const auto& committed = Writer(id).committed();
  const auto done = std::partition_point(committed.begin(), committed.end(), [&](const auto& r) {
    return r.offset < progress.upstream;
  });
  const auto records = static_cast<size_t>(done - committed.begin());
  const std::string where =
      "partition " + std::to_string(id) + ": progress " + std::to_string(progress.upstream) + "/" +
      std::to_string(progress.downstream) + "/" + std::to_string(progress.sequence);
  if (mirror.records.size() < records && mirror.truncated) return;  // acknowledged, and lost since
  // A partition that is released before its resume has scanned the target returns its assigned
  // progress. If that is from before an unclean election, it may name an offset of another record:
  // the records were sent again in batches that begin elsewhere.
  const auto assigned = process.assigned.find(id);
  if (mirror.truncated && assigned != process.assigned.end() && assigned->second == progress)
    return;
  if (mirror.records.size() < records) return Fail(where + " runs ahead of the target");
  if (progress.sequence != static_cast<int32_t>(records)) return Fail(where + ": wrong sequence");
  if (records > 0 && progress.downstream <= mirror.offsets[records - 1])
    return Fail(where + ": downstream too low");
  if (records < mirror.offsets.size() && progress.downstream > mirror.offsets[records])
    return Fail(where + ": downstream too high");
}

// Invariants (B), (F) and unchanged records, at the time of the append.
void Simulation::OnAppend(const SimulatedCluster::Key& key, const Bytes& sent,
                          int64_t base_offset) {
  const RecordBatchView view(sent.data());
  if (view.producer_id() != (options_.has_producer_id ? kProducerId : -1)) return;
  under_way[key].late_arrived = false;
  const auto id = static_cast<uint32_t>(key.second);
  Mirror& mirror = mirrored_[id];
  const auto& committed = Writer(id).committed();
  batches_mirrored++;
  Trace("append p" + std::to_string(id) + " seq " + std::to_string(view.base_sequence()) + "+" +
        std::to_string(view.record_count()) + " at " + std::to_string(base_offset));
  for (TestRecord& record : ReadBatch(sent)) {
    mirror.offsets.push_back(base_offset + record.offset);
    mirror.records.push_back(std::move(record));
    if (!options_.exact) continue;
    const size_t at = mirror.records.size() - 1;
    if (at >= committed.size()) return Fail("more on the target than the source committed");
    if (!SameRecord(mirror.records[at], committed[at]))
      return Fail("partition " + std::to_string(id) + ": record " + std::to_string(at) +
                  " of the target is not the source's at " + std::to_string(committed[at].offset) +
                  " but " + mirror.records[at].key.value_or("(null)"));
  }
}

void Simulation::CheckBounds(Process* process) {
  const LaneCounters lane = process->forwarder->SnapshotLane();
  const auto slack = static_cast<int64_t>(options_.batch_max) * options_.brokers;
  if (options_.checks_memory && lane.held_bytes > lane.part_bytes + slack)
    Fail("holds " + std::to_string(lane.held_bytes) + " bytes");
  if (options_.memory != nullptr && options_.memory->lent() > options_.memory->bound())
    Fail("the lanes have more memory than there is");
  if (!process->reassigned &&
      process->network->in_flight_max >
          static_cast<size_t>(options_.settings.partition_batches_in_flight))
    Fail("too many batches of one partition in flight");
  if (!target.protocol_violations.empty()) Fail(target.protocol_violations.front());
  if (!source.protocol_violations.empty()) Fail(source.protocol_violations.front());
}

void Simulation::RunFor(int64_t ms) {
  const int64_t until = agenda.now + ms;
  while (failure_.empty() && agenda.Step(until)) {
  }
  agenda.now = until;
}

bool Simulation::RunUntil(const std::function<bool()>& done, int64_t ms_max) {
  const int64_t until = agenda.now + ms_max;
  while (failure_.empty()) {
    if (done()) return true;
    if (!agenda.Step(until)) return false;
  }
  return false;
}

bool Simulation::CaughtUp(Process* process) {
  for (const PartitionCounters& row : process->forwarder->SnapshotPartitions(true)) {
    const uint32_t id = PartitionOf(row.id);
    if (options_.exact && Mirrored(id).size() != Writer(id).committed().size()) return false;
    if (row.upstream_offset < SourceLog(id).last_stable_offset()) return false;
    if (row.state != static_cast<int64_t>(PartitionState::kRunning)) return false;
  }
  return process->forwarder->SnapshotLane().held_bytes == 0;
}

bool Simulation::CatchUp(Process* process, int64_t ms_max) {
  if (RunUntil([&] { return CaughtUp(process); }, ms_max)) {
    CheckSpans(process);
    return true;
  }
  Fail("not caught up: " + Describe(process));
  return false;
}

// Each record of the flow on the target from the assigned offset on is in a span, at the offset of
// the same source record. A span with gaps, of which there were too many, counts at least its
// records.
void Simulation::CheckSpans(Process* process) {
  TakeEvents(process);
  if (!options_.exact) return;
  for (uint32_t id = 0; id < partitions(); ++id) {
    const Mirror& mirror = mirrored_[id];
    const auto& committed = Writer(id).committed();
    if (mirror.records.size() != committed.size()) continue;
    const int64_t from = process->assigned[id].upstream;
    size_t i = 0;
    while (i < committed.size() && committed[i].offset < from) ++i;
    for (const OffsetSpan& span : process->spans[id]) {
      int64_t held = 0;
      for (; i < committed.size() && committed[i].offset < span.upstream_end(); ++i, ++held) {
        const int64_t place = mirror.offsets[i];
        const bool is_inside = committed[i].offset >= span.upstream &&
                               place >= span.downstream && place < span.downstream_end();
        const bool is_exact = place - span.downstream == committed[i].offset - span.upstream;
        if (is_inside && (is_exact || !span.is_exact())) continue;
        if (place < TargetLog(id).start() && committed[i].offset < span.upstream) {
          --held;  // deleted from the target before a scan could find it
          continue;
        }
        return Fail("partition " + std::to_string(id) + ": the record at source offset " +
                    std::to_string(committed[i].offset) + " is at " + std::to_string(place) +
                    ", the span " + std::to_string(span.upstream) + "/" +
                    std::to_string(span.downstream) + "+" + std::to_string(span.records) +
                    " says otherwise");
      }
      spans_checked++;
      if (span.is_exact() && span.upstream >= from && held != span.records)
        return Fail("partition " + std::to_string(id) + ": a span counts " +
                    std::to_string(span.records) + " records, the log has " +
                    std::to_string(held));
    }
    while (i < committed.size() && mirror.offsets[i] < TargetLog(id).start()) ++i;
    if (i < committed.size())
      return Fail("partition " + std::to_string(id) + ": no span has source offset " +
                  std::to_string(committed[i].offset));
  }
}

std::string Simulation::Describe(Process* process) {
  std::string text;
  for (uint32_t id = 0; id < partitions(); ++id) {
    const PartitionCounters row = Counters(process, id);
    text += "\n  partition " + std::to_string(id) + ": " + std::to_string(Mirrored(id).size()) +
            " of " + std::to_string(Writer(id).committed().size()) + " records, source end " +
            std::to_string(SourceLog(id).last_stable_offset()) + ", upstream " +
            std::to_string(row.upstream_offset) + ", fetch offset " +
            std::to_string(row.fetch_offset) + ", led by " + std::to_string(SourceLog(id).leader) +
            " and " + std::to_string(TargetLog(id).leader) + ", state " +
            std::to_string(row.state) + " code " + std::to_string(row.code) + " " +
            process->states[id].detail;
  }
  for (const auto& [code, count] : process->forwarder->errors())
    text += "\n  error " + std::to_string(code) + ": " + std::to_string(count);
  return text + "\n  held " + std::to_string(process->forwarder->SnapshotLane().held_bytes) + ", " +
         std::to_string(process->network->requests) + " requests," + process->network->Describe();
}

PartitionCounters Simulation::Counters(Process* process, uint32_t id) {
  PartitionCounters last{};  // after that of an earlier assignment
  for (const PartitionCounters& row : process->forwarder->SnapshotPartitions(true))
    if (PartitionOf(row.id) == id) last = row;
  return last;
}

int64_t Simulation::CountFurtherOpened() const {
  int64_t opened = 0;
  for (const auto& process : processes_) opened += process->network->further_opened;
  return opened;
}

void Simulation::ProduceForeign(uint32_t id) {
  auto records = RandomRecords(random, 1 + random.Below(5), 0, false, 50);
  Bytes batch = BuildBatch(records, {.base_offset = 0});
  StoreI64(&batch[kProducerIdOffset], -1);
  StoreI32(&batch[kBaseSequenceOffset], -1);
  SealCrc(batch);
  TargetLog(id).Produce(batch);
}

}  // namespace longhaul::test
