#include "core/read_replicas.h"

namespace longhaul {

void ReadReplicas::OnLeader(Partition* p, const FetchedPartition& fetched, bool with_rack) {
  const bool was_due = IsDue(*p);
  const int32_t node = fetched.preferred_replica;
  if (node < 0 || node == p->leaders.source.node) {
    if (was_due && with_rack) p->read.ask_leader_at = AskAgainAt(p->read.misses++);
    return;
  }
  // The leader answered at once and without records. A partition that was not due continues with
  // the next Fetch, which names no rack. (A replica selector that ignores racks sends every client
  // to a follower.)
  if (with_rack && !was_due) return;
  const BrokerState state = lane_->transport->broker_state(Side::kSource, node);
  if (state == BrokerState::kUp && !lane_->watch.IsSuspect(Side::kSource, node)) {
    p->read.follower = node;
    p->read.behind_since = 0;
    p->read.ask_leader_at = lane_->now + lane_->settings.metadata_max_age_ms;
    lane_->FetchChanged(*p);
    return;
  }
  if (state == BrokerState::kUnknown) leaders_->Refresh(Side::kSource);
  p->read.ask_leader_at = lane_->now + kConnectMs;
  if (with_rack) return;
  p->source.not_before = lane_->now + lane_->settings.retry_backoff_ms;
  lane_->WakeAt(p->source.not_before);
}

void ReadReplicas::OnFollower(Partition* p, const FetchedPartition& fetched) {
  const SourcePosition& source = p->source;
  const bool is_at_end = source.offset >= fetched.high_watermark;
  // Only the leader can confirm that the source ends before the last record on the target.
  if (p->phase == PartitionPhase::kSkipping && is_at_end) return Leave(p);
  int64_t& since = p->read.behind_since;
  if (fetched.high_watermark >= source.high_watermark || !is_at_end) {
    since = 0;
  } else if (since == 0) {
    since = lane_->now;
  } else if (lane_->now - since >= kBehindMs) {
    return Leave(p);
  }
  if (lane_->now >= p->read.ask_leader_at) ReturnToLeader(p, {.ask_leader_at = lane_->now});
}

void ReadReplicas::Leave(Partition* p) {
  const int32_t misses = p->read.misses;
  ReturnToLeader(p, {.ask_leader_at = AskAgainAt(misses), .misses = misses + 1});
}

void ReadReplicas::Doubt(Partition* p, int16_t code) {
  if (code != 0) {
    lane_->errors[code]++;
    if (ClassifyError(code).refreshes_metadata) leaders_->Refresh(Side::kSource);
  }
  // A replica selector that ignores racks would send the partition to the follower again at once.
  p->source.not_before = lane_->now + lane_->settings.retry_backoff_ms;
  lane_->WakeAt(p->source.not_before);
  Leave(p);
}

void ReadReplicas::ReturnToLeader(Partition* p, const ReadFrom& leader) {
  p->read = leader;
  lane_->FetchChanged(*p);
}

int64_t ReadReplicas::AskAgainAt(int32_t misses) const {
  return lane_->now +
         LaneContext::DoubledMs(kAskAgainMs, misses, lane_->settings.metadata_max_age_ms);
}

}  // namespace longhaul
