#include "core/forwarder.h"

#include <utility>

#include "core/assertion.h"

namespace longhaul {

Forwarder::Forwarder(const ForwarderConfig& config, Transport* transport,
                     const CompressionCodecs* codecs, EventQueue* events,
                     EncodeExecutor* executor)
    : lane_(config.settings, config.producer_id, config.producer_epoch, config.rack, codecs,
            events, executor, config.memory),
      leaders_(&lane_),
      fetcher_(&lane_, &leaders_, config.pace),
      outbox_(&lane_, &leaders_),
      scan_(&lane_, &leaders_) {
  Connect(transport);
}

void Forwarder::Assign(std::vector<PartitionAssignment> assignments) {
  for (PartitionAssignment& assignment : assignments) {
    auto p = std::make_unique<Partition>(std::move(assignment), ++incarnations_);
    std::unique_ptr<Partition>& slot = lane_.partitions[p->id];
    if (slot != nullptr) Replace(slot.get());
    slot = std::move(p);
    lane_.moves.Add(slot.get());
  }
  leaders_.Refresh(Side::kSource);
  leaders_.Refresh(Side::kTarget);
}

void Forwarder::Replace(Partition* p) {
  Remove(p);
  PartitionCounters last = CountersOf(*p);
  last.state = static_cast<int64_t>(PartitionState::kStopped);
  released_.push_back(last);
}

void Forwarder::Revoke(const std::vector<uint32_t>& ids) {
  for (uint32_t id : ids) {
    Partition* p = lane_.Find(id);
    if (p == nullptr) {
      lane_.events->Released(id);
      continue;
    }
    const bool is_sent = !p->queue.empty() || p->delivery.attempts > 0;
    if (is_sent && p->obstacles.target.code != 0) p->delivery.unacknowledged = p->obstacles.target;
    if (p->queue.outstanding() == 0)
      p->ResetToProgress();
    else
      p->DropUnsentBehind(0);
    lane_.moves.Move(p, PartitionEvent::kRevoked);
  }
  ReleaseStopped();
}

void Forwarder::KnowProducers(const ProducersAnswer& answer) {
  for (uint32_t id : lane_.producers.Answer(answer)) {
    Partition* p = lane_.Find(id);
    if (p == nullptr) continue;
    p->producers.question = 0;
    p->producers.known_until = p->producers.asked_until;
    lane_.FetchChanged(*p);
  }
}

void Forwarder::OnReply(const Reply& reply, int64_t now, int64_t wall_now) {
  lane_.now = now;
  lane_.wall_now = wall_now;
  lane_.brokers.Answered(reply, now);
  if (leaders_.Owns(reply)) {
    leaders_.OnReply(reply);
  } else if (fetcher_.Owns(reply.tag)) {
    std::vector<Partition*> filled;
    fetcher_.OnReply(reply, &filled);
    fetcher_.Tick();  // sends the next Fetch before the batches of this reply are produced
    for (Partition* p : filled) outbox_.EnqueueReady(p);
  } else if (scan_.Owns(reply.tag)) {
    scan_.OnReply(reply);
  } else if (outbox_.Owns(reply.tag)) {
    outbox_.OnReply(reply);
  }
}

int64_t Forwarder::Tick(int64_t now, int64_t wall_now) {
  lane_.now = now;
  lane_.wall_now = wall_now;
  lane_.wake_at = now + kIdleMs;
  TakeEncoded();
  ReleaseStopped();
  WatchBrokers();
  leaders_.Tick();
  scan_.Tick();
  fetcher_.Tick();
  outbox_.Tick();
  return std::max<int64_t>(0, lane_.wake_at - now);
}

void Forwarder::TakeEncoded() {
  for (const EncodeJobRef& job : lane_.encode_jobs.TakeDone()) {
    Partition* p = lane_.Find(job->partition);
    if (p == nullptr) continue;
    fetcher_.StoreEncoded(p);
    outbox_.OnEncoded(p);
  }
}

void Forwarder::Remove(Partition* p) {
  lane_.moves.Remove(*p);
  lane_.producers.Forget(p->id);
  lane_.shares.Leave(p);
}

// A suspect broker may have lost the leadership of its partitions: requests metadata each second.
void Forwarder::WatchBrokers() {
  lane_.WakeAt(lane_.watch.Tick(lane_.transport, lane_.now));
  for (const auto& [side, node] : lane_.watch.without_metadata()) leaders_.RefreshEachSecond(side);
  for (const auto& [side, node] : lane_.watch.suspects()) {
    leaders_.RefreshEachSecond(side);
    const std::string what = BrokerName(side, node) + " does not answer";
    for (const auto& [id, p] : lane_.partitions) {
      if (side == Side::kSource && p->read.follower == node) fetcher_.LeaveFollower(p.get());
      const bool waits = side == Side::kSource ? p->traits().fetches : !p->queue.empty();
      if (waits && p->leaders[side].node == node)
        lane_.moves.SetObstacle(p.get(), side, kafka_error::kRequestTimedOut, what);
    }
  }
}

// Waits for a former leader that answers: its acknowledgements save the next owner a scan. But a
// former leader that hangs would keep the partition from its next owner until its connection is
// silent.
bool Forwarder::AwaitsAnswers(const Partition& p) const {
  if (p.queue.outstanding() == 0) return false;
  return p.awaits_leader() || !lane_.watch.IsSuspect(Side::kTarget, p.delivery.sent_to);
}

// Stops waiting: the next owner scans the new leader for the batches in flight.
void Forwarder::Abandon(Partition* p) {
  lane_.errors[kafka_error::kRequestTimedOut]++;
  p->delivery.unacknowledged = {
      kafka_error::kRequestTimedOut,
      BrokerName(Side::kTarget, p->delivery.sent_to) + ", the former leader, does not answer"};
  p->ResetToProgress();
}

void Forwarder::ReleaseStopped() {
  for (uint32_t id : lane_.moves.CopyOf(WorkList::kStops)) {
    Partition* p = lane_.Find(id);
    if (AwaitsAnswers(*p)) continue;
    if (p->queue.outstanding() > 0) Abandon(p);
    lane_.events->MadeProgress(*p);
    lane_.moves.Move(p, PartitionEvent::kReleased);
    Remove(p);
    released_.push_back(CountersOf(*p));
    lane_.partitions.erase(id);
  }
}

std::vector<PartitionCounters> Forwarder::SnapshotPartitions(bool whole) {
  std::vector<PartitionCounters> rows = std::exchange(released_, {});
  if (whole) rows.reserve(rows.size() + lane_.partitions.size());
  for (const auto& [id, p] : lane_.partitions) {
    const int64_t quiet_node = fetcher_.SeeUnchanged(p.get());
    PartitionCounters row = CountersOf(*p);
    row.quiet_node = quiet_node;
    if (!whole && p->counted && !IsNews(row, *p->counted)) continue;
    p->counted = row;
    rows.push_back(row);
  }
  return rows;
}

// Of a quiet partition only the times of the broker's answers change.
bool Forwarder::IsNews(const PartitionCounters& row, const PartitionCounters& counted) {
  PartitionCounters same = row;
  if (row.quiet_node >= 0) {
    same.end_known_ms = counted.end_known_ms;
    same.caught_up_at_ms = counted.caught_up_at_ms;
  }
  return !(same == counted);
}

PartitionCounters Forwarder::CountersOf(const Partition& p) {
  PartitionCounters row = p.counters;
  row.id = p.id;
  row.state = static_cast<int64_t>(p.shown.state);
  row.code = p.shown.code;
  row.upstream_offset = p.progress.upstream;
  row.downstream_offset = p.progress.downstream;
  row.sequence = p.progress.sequence;
  row.fetch_offset = p.source.offset;
  row.high_watermark = p.source.high_watermark;
  row.last_stable_offset = p.source.last_stable_offset;
  row.log_start_offset = p.source.log_start_offset;
  row.queued_bytes = p.waiting_bytes();
  row.oldest_unacked_ms = !p.queue.empty()    ? p.queue.front().max_timestamp
                          : !p.intake.empty() ? p.intake.front().batch.max_timestamp
                                              : -1;
  row.end_first_seen_ms = p.source.end_marks.first_seen_ms();
  row.end_known_ms = p.source.end_marks.known_ms();
  row.quiet_node = -1;
  return row;
}

void Forwarder::LimitBandwidth(int64_t bytes_per_second, const std::vector<TopicRate>& topics) {
  lane_.bandwidth.Set(bytes_per_second, lane_.now);
  if (topics.empty() && lane_.topic_bandwidth.empty()) return;
  lane_.topic_bandwidth.Set(topics, lane_.now);
  for (const auto& [id, p] : lane_.partitions) lane_.FetchChanged(*p);
}

LaneCounters Forwarder::SnapshotLane() const {
  LaneCounters counters = lane_.counters;
  counters.held_bytes = lane_.memory.held();
  counters.part_bytes = lane_.memory.bound();
  counters.held_bytes_max = lane_.memory.bound_of_all();
  counters.left_sessions = fetcher_.CountLeftSessions();
  counters.source_connections = fetcher_.CountConnections();
  counters.bandwidth_wait_ms = lane_.bandwidth.waited_ms(lane_.now);
  return counters;
}

void Forwarder::CheckInvariants(bool in_full) const {
  for (const auto& [id, p] : lane_.partitions) {
    p->CheckInvariants(in_full);
    lane_.moves.CheckInvariants(*p);
    Assert(lane_.producers.waiting().contains(id) == (p->producers.question != 0),
           "a partition waits for the answer to its question");
  }
  if (in_full) fetcher_.CheckInvariants();
}

}  // namespace longhaul
