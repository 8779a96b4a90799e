#include "core/forwarder.h"

#include <algorithm>
#include <utility>

namespace longhaul {

Forwarder::Forwarder(const ForwarderConfig& config, Transport* transport,
                     const CompressionCodecs* codecs, EventQueue* events)
    : leaders_(&lane_),
      fetcher_(&lane_, &leaders_),
      outbox_(&lane_, &leaders_),
      resume_(&lane_, &leaders_) {
  lane_.settings = config.settings;
  lane_.producer_id = config.producer_id;
  lane_.producer_epoch = config.producer_epoch;
  lane_.transport = transport;
  lane_.codecs = codecs;
  lane_.events = events;
}

void Forwarder::Assign(std::vector<PartitionAssignment> assignments) {
  for (PartitionAssignment& assignment : assignments) {
    uint32_t id = assignment.id;
    auto p = std::make_unique<Partition>(std::move(assignment));
    // Ordinals of an earlier holder of this id can never meet those of this one.
    p->front_ordinal = ++incarnations_ << 40;
    lane_.events->State(*p, false);
    lane_.resuming.insert(id);
    lane_.partitions[id] = std::move(p);
  }
  lane_.routes_stale = true;
  leaders_.Refresh(Side::kSource);
  leaders_.Refresh(Side::kTarget);
}

void Forwarder::Revoke(const std::vector<uint32_t>& ids) {
  for (uint32_t id : ids) {
    Partition* p = lane_.Find(id);
    if (p == nullptr) {
      Partition gone({id, {}, {}, 0, {}, 0});
      gone.state = PartitionState::kStopped;
      lane_.events->State(gone, true);
      continue;
    }
    p->stopping = true;
    p->DropUnsentBehind(0);
    lane_.stopping.insert(id);
  }
  ReleaseStopped();
}

void Forwarder::Pause(const std::vector<uint32_t>& ids) {
  for (uint32_t id : ids) {
    Partition* p = lane_.Find(id);
    if (p == nullptr || p->state == PartitionState::kFaulted) continue;
    p->DropUnsentBehind(0);
    lane_.SetState(p, PartitionState::kPaused, 0, "");
  }
}

void Forwarder::Unpause(const std::vector<uint32_t>& ids) {
  for (uint32_t id : ids) {
    Partition* p = lane_.Find(id);
    if (p == nullptr || p->state != PartitionState::kPaused) continue;
    lane_.SetState(p, PartitionState::kStarting, 0, "");
  }
}

void Forwarder::OnReply(const Reply& reply, int64_t now, int64_t wall_now) {
  lane_.now = now;
  lane_.wall_now = wall_now;
  if (leaders_.Owns(reply)) {
    if (leaders_.OnReply(reply)) outbox_.OfferAll();
  } else if (fetcher_.Owns(reply.tag)) {
    std::vector<Partition*> filled;
    fetcher_.OnReply(reply, &filled);
    fetcher_.Tick();  // the next Fetch leaves before what came is produced
    for (Partition* p : filled) outbox_.Offer(p);
  } else if (resume_.Owns(reply.tag)) {
    resume_.OnReply(reply);
  } else if (outbox_.Owns(reply.tag)) {
    outbox_.OnReply(reply);
  }
}

int64_t Forwarder::Tick(int64_t now, int64_t wall_now) {
  lane_.now = now;
  lane_.wall_now = wall_now;
  lane_.wake_at = now + kIdleMs;
  ReleaseStopped();
  leaders_.Tick();
  resume_.Tick();
  fetcher_.Tick();
  outbox_.Tick();
  return std::max<int64_t>(0, lane_.wake_at - now);
}

void Forwarder::ReleaseStopped() {
  std::erase_if(lane_.stopping, [this](uint32_t id) {
    Partition* p = lane_.Find(id);
    if (p == nullptr || !p->stopping) return true;  // assigned anew meanwhile
    if (p->outstanding > 0) return false;
    p->state = PartitionState::kStopped;
    lane_.events->MadeProgress(*p);
    lane_.events->State(*p, true);
    released_.push_back(CountersOf(*p));
    lane_.partitions.erase(id);
    lane_.routes_stale = true;
    return true;
  });
}

std::vector<PartitionCounters> Forwarder::SnapshotPartitions() {
  std::vector<PartitionCounters> rows = std::exchange(released_, {});
  rows.reserve(rows.size() + lane_.partitions.size());
  for (const auto& [id, p] : lane_.partitions) rows.push_back(CountersOf(*p));
  return rows;
}

PartitionCounters Forwarder::CountersOf(const Partition& p) {
  PartitionCounters row = p.counters;
  row.id = p.id;
  row.state = static_cast<int64_t>(p.state);
  row.code = p.code;
  row.upstream_offset = p.progress.upstream;
  row.downstream_offset = p.progress.downstream;
  row.sequence = p.progress.sequence;
  row.fetch_offset = p.fetch_offset;
  row.high_watermark = p.high_watermark;
  row.last_stable_offset = p.last_stable_offset;
  row.log_start_offset = p.log_start_offset;
  row.queued_bytes = p.queued_bytes;
  row.oldest_unacked_ms = p.queue.empty() ? -1 : p.queue.front().max_timestamp;
  return row;
}

LaneCounters Forwarder::SnapshotLane() const {
  LaneCounters counters = lane_.counters;
  counters.held_bytes = *lane_.held_bytes;
  counters.held_bytes_max = lane_.settings.in_flight_bytes_max;
  return counters;
}

}  // namespace longhaul
