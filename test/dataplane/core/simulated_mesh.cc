#include "simulated_mesh.h"

#include <algorithm>
#include <utility>

namespace longhaul::test {
namespace {

constexpr int64_t kEpochMs = 1'700'000'000'000;

}  // namespace

SimulatedMesh::SimulatedMesh(const std::string& name, size_t clusters, int32_t partitions)
    : random(name), partitions_(partitions), under_way_(clusters) {
  for (size_t i = 0; i < clusters; i++) {
    clusters_.push_back(std::make_unique<SimulatedCluster>(1, &agenda.now));
    clusters_.back()->AddTopic(kTopic, partitions);
  }
}

SimulatedMesh::~SimulatedMesh() {
  for (auto& flow : flows_) Kill(flow.get());
}

SimulatedMesh::Flow* SimulatedMesh::Add(size_t from, size_t to) {
  flows_.push_back(std::make_unique<Flow>());
  Flow* flow = flows_.back().get();
  flow->from = from;
  flow->to = to;
  flow->producer_id = next_producer_++;
  return flow;
}

void SimulatedMesh::Start(Flow* flow, bool lags) {
  flow->incarnation++;
  flow->states.clear();
  flow->events = std::make_unique<EventQueue>();
  flow->networks.push_back(std::make_unique<SimulatedNetwork>(
      &agenda, &random, clusters_[flow->from].get(), clusters_[flow->to].get(),
      &under_way_[flow->to], [this, flow, incarnation = flow->incarnation](const Reply& reply) {
        if (flow->forwarder == nullptr || flow->incarnation != incarnation) return;
        flow->forwarder->OnReply(reply, agenda.now, agenda.now + kEpochMs);
        Tick(flow);
      }));
  ForwarderConfig config;
  config.settings.judges_producers = 1;
  config.settings.fetch_wait_max_ms = 20;
  config.settings.retry_backoff_max_ms = 1'000;
  config.producer_id = flow->producer_id;
  flow->forwarder =
      std::make_unique<Forwarder>(config, flow->networks.back().get(), &Codecs(),
                                  flow->events.get());
  const size_t lag = lags ? random.Length(flow->history.size()) : 0;
  const auto known = lag < flow->history.size() ? flow->history[flow->history.size() - 1 - lag]
                                                : std::map<uint32_t, Progress>{};
  std::vector<PartitionAssignment> assignments;
  for (uint32_t id = 0; id < static_cast<uint32_t>(partitions_); id++) {
    const auto at = known.find(id);
    assignments.push_back({id, kTopic, kTopic, static_cast<int32_t>(id),
                           at == known.end() ? Progress{} : at->second});
  }
  flow->forwarder->Assign(std::move(assignments));
  Schedule(flow, agenda.now);
}

void SimulatedMesh::Kill(Flow* flow) {
  if (flow->forwarder == nullptr) return;
  flow->networks.back()->Close();
  flow->forwarder.reset();
}

void SimulatedMesh::Schedule(Flow* flow, int64_t when) {
  const uint64_t tick = ++flow->tick;
  agenda.At(when, [this, flow, tick] {
    if (flow->forwarder != nullptr && flow->tick == tick) Tick(flow);
  });
}

void SimulatedMesh::Tick(Flow* flow) {
  const int64_t wait = flow->forwarder->Tick(agenda.now, agenda.now + kEpochMs);
  flow->forwarder->CheckInvariants(true);
  TakeEvents(flow);
  Schedule(flow, agenda.now + std::max<int64_t>(wait, 1));
}

void SimulatedMesh::TakeEvents(Flow* flow) {
  Events events = flow->events->Take();
  for (StateEvent& state : events.states) flow->states[state.id] = std::move(state);
  for (const ProgressEvent& event : events.progress) {
    auto next = flow->history.empty() ? std::map<uint32_t, Progress>{} : flow->history.back();
    next[event.id] = event.progress;
    flow->history.push_back(std::move(next));
  }
  if (events.question == 0) return;
  flow->questions++;
  if (flow->answers) AnswerLater(flow, events.question);
}

// The reading returns what is recorded some time after the question; it arrives later still.
void SimulatedMesh::AnswerLater(Flow* flow, int64_t question) {
  const uint64_t incarnation = flow->incarnation;
  const auto soon = [this] { return agenda.now + static_cast<int64_t>(random.Length(60)); };
  agenda.At(soon(), [=, this] {
    ProducersAnswer answer{question, JudgeInbound(*flow)};
    agenda.At(soon(), [=, this] {
      if (flow->forwarder == nullptr || flow->incarnation != incarnation) return;
      flow->forwarder->KnowProducers(answer);
      Schedule(flow, agenda.now);
    });
  });
}

std::vector<InboundProducer> SimulatedMesh::JudgeInbound(const Flow& flow) const {
  const auto writes = [this](size_t from, size_t to) {
    return std::any_of(flows_.begin(), flows_.end(), [&](const auto& each) {
      return each->from == from && each->to == to;
    });
  };
  std::vector<InboundProducer> inbound;
  for (const auto& each : flows_) {
    if (each->to != flow.from) continue;
    inbound.push_back({each->producer_id, each->from == flow.to || writes(each->from, flow.to)});
  }
  return inbound;
}

void SimulatedMesh::Store(size_t cluster, uint32_t partition, int64_t producer_id, size_t records,
                          uint16_t attributes, int64_t transaction) {
  SimulatedLog& log = Log(cluster, partition);
  std::vector<TestRecord> batch;
  for (size_t i = 0; i < records; i++) {
    const std::string value = std::to_string(cluster) + ":" + std::to_string(next_value_++);
    batch.push_back({.offset = log.end() + static_cast<int64_t>(i),
                     .timestamp = kEpochMs + next_value_,
                     .key = value,
                     .value = value});
    written_[{cluster, partition}].push_back({value, transaction});
  }
  Bytes bytes = BuildBatch(
      batch, {.codec = kAllCodecs[random.Below(5)], .more_attributes = attributes});
  StoreI64(&bytes[kProducerIdOffset], producer_id);
  SealCrc(bytes);
  log.Store(std::move(bytes));
}

void SimulatedMesh::Write(size_t cluster, uint32_t partition, int64_t producer_id, size_t records,
                          bool is_reencoded) {
  Store(cluster, partition, producer_id, records, is_reencoded ? kLogAppendTimeBit : 0, -1);
}

void SimulatedMesh::WriteTransactional(size_t cluster, uint32_t partition, int64_t producer_id) {
  auto& open = open_[{cluster, partition}];
  if (!open.contains(producer_id)) {
    open[producer_id] = next_value_;
    Log(cluster, partition).OpenTransaction(producer_id);
  }
  Store(cluster, partition, producer_id, 2, kTransactionalBit, open[producer_id]);
}

void SimulatedMesh::EndTransaction(size_t cluster, uint32_t partition, int64_t producer_id,
                                   bool commits) {
  auto& open = open_[{cluster, partition}];
  const auto found = open.find(producer_id);
  if (found == open.end()) return;
  Log(cluster, partition).EndTransaction(producer_id, commits);
  std::erase_if(written_[{cluster, partition}], [&](const Written& each) {
    return each.transaction == found->second && !commits;
  });
  open.erase(found);
}

void SimulatedMesh::WriteSomething() {
  const size_t cluster = random.Below(clusters_.size());
  const auto partition = static_cast<uint32_t>(random.Below(static_cast<uint64_t>(partitions_)));
  const auto transactional = static_cast<int64_t>(10 * cluster + random.Below(2));
  switch (random.Below(6)) {
    case 0:
      return WriteTransactional(cluster, partition, transactional);
    case 1:
      return EndTransaction(cluster, partition, transactional, random.OneIn(2));
    case 2:
      return Write(cluster, partition, -1);
    case 3:
      return Write(cluster, partition, next_producer_++, 1 + random.Below(4), random.OneIn(2));
    default:
      return Write(cluster, partition, static_cast<int64_t>(500 + 10 * cluster + random.Below(3)),
                   1 + random.Below(4), random.OneIn(4));
  }
}

void SimulatedMesh::RunFor(int64_t ms) {
  const int64_t until = agenda.now + ms;
  while (agenda.Step(until)) {
  }
  agenda.now = until;
}

bool SimulatedMesh::CatchUp(int64_t ms_max) {
  for (auto& [key, open] : open_)
    while (!open.empty()) EndTransaction(key.first, key.second, open.begin()->first, true);
  const int64_t until = agenda.now + ms_max;
  const auto is_done = [&](const auto& flow) {
    if (flow->forwarder == nullptr) return true;
    for (const PartitionCounters& row : flow->forwarder->SnapshotPartitions(true))
      if (row.upstream_offset < Log(flow->from, static_cast<uint32_t>(row.id)).end() ||
          row.state != static_cast<int64_t>(PartitionState::kRunning))
        return false;
    return flow->forwarder->SnapshotLane().held_bytes == 0;
  };
  while (!std::all_of(flows_.begin(), flows_.end(), is_done))
    if (!agenda.Step(until)) return false;
  return true;
}

std::string SimulatedMesh::Compare(size_t written_on, size_t on) {
  for (uint32_t partition = 0; partition < static_cast<uint32_t>(partitions_); partition++) {
    const std::string from = std::to_string(written_on) + ":";
    std::map<std::string, int64_t> wanted;
    std::vector<std::string> expected, found;
    for (const Written& each : written_[{written_on, partition}]) {
      expected.push_back(each.value);
      wanted[each.value] = 0;
    }
    for (const LoggedBatch& batch : Log(on, partition).batches()) {
      const RecordBatchView view(batch.bytes.data());
      if (view.is_control()) continue;
      for (const TestRecord& record : ReadBatch(batch.bytes))
        if (wanted.contains(record.value.value_or(""))) found.push_back(*record.value);
    }
    if (found == expected) continue;
    const size_t at = static_cast<size_t>(
        std::mismatch(found.begin(), found.end(), expected.begin(), expected.end()).first -
        found.begin());
    return "partition " + std::to_string(partition) + ", of " + std::to_string(written_on) +
           " on " + std::to_string(on) + ": " + std::to_string(found.size()) + " records of " +
           std::to_string(expected.size()) + ", first difference at " + std::to_string(at) + ": " +
           (at < found.size() ? found[at] : "end") + " instead of " +
           (at < expected.size() ? expected[at] : "end");
  }
  return "";
}

std::string SimulatedMesh::CompareAll() {
  for (size_t from = 0; from < clusters_.size(); from++) {
    for (size_t on = 0; on < clusters_.size(); on++) {
      const std::string wrong = Compare(from, on);
      if (!wrong.empty()) return wrong;
    }
  }
  return "";
}

PartitionCounters SimulatedMesh::Counters(Flow* flow, uint32_t partition) {
  for (const PartitionCounters& row : flow->forwarder->SnapshotPartitions(true))
    if (row.id == partition) return row;
  return {};
}

}  // namespace longhaul::test
