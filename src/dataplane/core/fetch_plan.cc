#include "core/fetch_plan.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "core/assertion.h"

namespace longhaul {

void FetchPlan::Route() {
  for (uint32_t id : std::exchange(lane_->fetch_changes, {})) {
    const Partition* p = lane_->Find(id);
    const int32_t node = p == nullptr ? -1 : p->source_node();
    const auto route = routes_.find(id);
    if (route != routes_.end() && route->second != node) {
      FetchNode& old = nodes_[route->second];
      Leave(id, &old);
      for (auto* ids : {&old.members, &old.changed, &old.held_back, &old.shut_out}) ids->erase(id);
      routes_.erase(route);
    }
    if (node < 0) continue;
    routes_[id] = node;
    nodes_[node].members.insert(id);
    nodes_[node].changed.insert(id);
  }
}

void FetchPlan::Update(int32_t node_id, FetchNode* node) {
  CloseTargets(node);
  if (lane_->now >= node->replicas_due_at) FindReplicasDue(node);
  node->changed.merge(std::exchange(node->held_back, {}));
  node->is_crowded = false;
  std::vector<uint32_t> ids(node->changed.begin(), node->changed.end());
  node->changed.clear();
  std::sort(ids.begin(), ids.end());  // so that partitions of one topic are adjacent
  for (uint32_t id : ids) Consider(id, node_id, node);
  if (!node->shut_out.empty()) node->is_crowded = true;
}

// While a batch is retried, no more batches are fetched.
FetchPlan::Verdict FetchPlan::Judge(const Partition& p, const FetchNode& node) const {
  if (!p.traits().fetches || p.producers.question != 0) return Verdict::kUnwanted;
  if (p.phase == PartitionPhase::kRetrying && !p.queue.empty()) return Verdict::kUnwanted;
  if (node.closed_targets.contains(p.leaders.target.node)) return Verdict::kShutOut;
  if (DueAt(p) > lane_->now) return Verdict::kNotDue;
  // Each ack frees memory.
  if (p.queue.bytes() >= lane_->settings.partition_queue_bytes_max) return Verdict::kCrowded;
  return Verdict::kWanted;
}

void FetchPlan::Consider(uint32_t id, int32_t node_id, FetchNode* node) {
  Partition* p = lane_->Find(id);
  node->shut_out.erase(id);
  if (p == nullptr || p->source_node() != node_id) return Leave(id, node);
  const Verdict verdict = Judge(*p, *node);
  if (verdict != Verdict::kWanted) Leave(id, node);
  switch (verdict) {
    case Verdict::kUnwanted:
      return;
    case Verdict::kShutOut:
      if (!lane_->watch.IsSuspect(Side::kTarget, p->leaders.target.node)) node->shut_out.insert(id);
      return;
    case Verdict::kNotDue:
      node->held_back.insert(id);
      return lane_->WakeAt(DueAt(*p));
    case Verdict::kCrowded:
      node->held_back.insert(id);
      node->is_crowded = true;
      return;
    case Verdict::kWanted:
      break;
  }
  node->session.Want(id, WantedOf(*p), p->read.follower >= 0, NeedsAnswer(*p));
  if (replicas_->IsDue(*p)) node->names_rack = true;
  if (p->read.ask_leader_at > lane_->now)
    node->replicas_due_at = std::min(node->replicas_due_at, p->read.ask_leader_at);
}

FetchPartition FetchPlan::WantedOf(const Partition& p) const {
  const Leadership& leader = p.leaders.source;
  int64_t bytes = lane_->settings.partition_fetch_bytes_max;
  if (p.phase == PartitionPhase::kRetrying) bytes = std::min(bytes, kRetryBytes);
  return {p.topic,         leader.topic_id, p.number, leader.epoch, p.source.offset,
          p.source.epoch, static_cast<int32_t>(bytes)};
}

int64_t FetchPlan::DueAt(const Partition& p) const {
  const bool retries = p.phase == PartitionPhase::kRetrying;
  return std::max(p.source.not_before, retries ? p.delivery.backoff_until : 0);
}

// After an assignment, while an obstacle waits for an answer to clear it, while the source seems to
// end too early, and while the follower is doubtful.
bool FetchPlan::NeedsAnswer(const Partition& p) const {
  return p.source.high_watermark < 0 || p.obstacles.source.code != 0 ||
         p.phase == PartitionPhase::kSkipping || replicas_->IsDue(p) ||
         replicas_->IsDoubtful(p);
}

// Closes target brokers that are suspect or over their share.
void FetchPlan::CloseTargets(FetchNode* node) {
  std::set<int32_t> closed = lane_->shares.Over();
  for (const auto& [side, target] : lane_->watch.suspects())
    if (side == Side::kTarget) closed.insert(target);
  if (closed == node->closed_targets) return;
  std::set<int32_t> differ;
  std::set_symmetric_difference(closed.begin(), closed.end(), node->closed_targets.begin(),
                                node->closed_targets.end(), std::inserter(differ, differ.end()));
  node->closed_targets = std::move(closed);
  for (uint32_t id : node->members) {
    const Partition* p = lane_->Find(id);
    if (p != nullptr && differ.contains(p->leaders.target.node)) node->changed.insert(id);
  }
}

void FetchPlan::FindReplicasDue(FetchNode* node) {
  node->replicas_due_at = INT64_MAX;
  for (uint32_t id : node->members) {
    const Partition* p = lane_->Find(id);
    if (p == nullptr || (lane_->rack.empty() && p->read.follower < 0)) continue;
    if (p->read.ask_leader_at <= lane_->now)
      node->changed.insert(id);
    else
      node->replicas_due_at = std::min(node->replicas_due_at, p->read.ask_leader_at);
  }
}

void FetchPlan::Leave(uint32_t id, FetchNode* node) {
  if (Partition* p = lane_->Find(id)) SeeUnchanged(p);
  node->session.Leave(id);
}

int32_t FetchPlan::SeeUnchanged(Partition* p) {
  const auto route = routes_.find(p->id);
  if (route == routes_.end()) return -1;
  const FetchNode& node = nodes_[route->second];
  if (!node.session.is_open() || p->source.high_watermark < 0) return -1;
  const FetchSession::Entry* entry = node.session.Find(p->id);
  if (entry == nullptr || entry->reported.high_watermark < 0) return -1;
  p->source.end_marks.SeeSame(node.answered_ms);
  if (p->progress.upstream >= lane_->EndOf(*p))
    p->counters.caught_up_at_ms = std::max(p->counters.caught_up_at_ms, node.answered_ms);
  return route->second;
}

std::vector<std::pair<int64_t, int64_t>> FetchPlan::QuietAnswers() const {
  std::vector<std::pair<int64_t, int64_t>> answers;
  for (const auto& [id, node] : nodes_)
    if (node.answered_ms > 0) answers.emplace_back(id, node.answered_ms);
  return answers;
}

void FetchPlan::CheckInvariants() const {
  for (const auto& [id, p] : lane_->partitions) {
    if (lane_->fetch_changes.contains(id)) continue;
    const auto route = routes_.find(id);
    Assert((route == routes_.end() ? -1 : route->second) == p->source_node(),
           "a partition is read at the broker that it is routed to");
    if (route == routes_.end()) continue;
    const FetchNode& node = nodes_.at(route->second);
    if (node.changed.contains(id)) continue;
    const FetchSession::Entry* entry = node.session.Find(id);
    const bool is_wanted = entry != nullptr && entry->is_wanted;
    const Verdict verdict = Judge(*p, node);
    Assert(!is_wanted || !node.held_back.contains(id), "what is held back is not asked for");
    if (node.held_back.contains(id)) continue;
    Assert(is_wanted == (verdict == Verdict::kWanted), "a Fetch asks for what is wanted");
    Assert(!is_wanted || IsSamePlace(entry->wanted, WantedOf(*p)),
           "a Fetch asks from where a partition continues");
  }
}

}  // namespace longhaul
