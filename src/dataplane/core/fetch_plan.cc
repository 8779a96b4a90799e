#include "core/fetch_plan.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "core/assertion.h"

namespace longhaul {
namespace {

// A number that names the channel; that of channel 0 is the id of the broker.
int64_t NumberOf(const Channel& channel) {
  return channel.node + (static_cast<int64_t>(channel.number) << 32);
}

}  // namespace

void FetchPlan::Route() {
  for (uint32_t id : std::exchange(lane_->fetch_changes, {})) {
    const Partition* p = lane_->Find(id);
    const int32_t node = p == nullptr ? -1 : p->source_node();
    const auto route = routes_.find(id);
    if (route != routes_.end() && route->second.node == node) {
      nodes_[route->second].changed.insert(id);
      continue;
    }
    if (route != routes_.end()) Remove(id, &nodes_[route->second]);
    if (node >= 0) Join(id, Emptiest(node));
  }
}

void FetchPlan::Remove(uint32_t id, FetchNode* node) {
  Leave(id, node);
  for (auto* ids : {&node->members, &node->changed, &node->held_back, &node->shut_out})
    ids->erase(id);
  node->moves.erase(id);
  routes_.erase(id);
}

void FetchPlan::Join(uint32_t id, const Channel& channel) {
  routes_.insert_or_assign(id, channel);
  nodes_[channel].members.insert(id);
  nodes_[channel].changed.insert(id);
}

bool FetchPlan::IsAt(const Partition& p, const Channel& channel) const {
  const auto route = routes_.find(p.id);
  return route != routes_.end() && route->second == channel;
}

Channel FetchPlan::Emptiest(int32_t node) const {
  Channel emptiest{node};
  size_t members = SIZE_MAX;
  EachOf(node, [&](const Channel& channel, const FetchNode& each) {
    if (!each.is_used || each.members.size() >= members) return;
    emptiest = channel;
    members = each.members.size();
  });
  return emptiest;
}

void FetchPlan::Use(const Channel& channel) { nodes_[channel].is_used = true; }

void FetchPlan::StopUsing(const Channel& channel) { nodes_[channel].is_used = false; }

bool FetchPlan::IsUsed(const Channel& channel) const {
  const auto node = nodes_.find(channel);
  return node != nodes_.end() && node->second.is_used;
}

std::vector<int32_t> FetchPlan::UsedChannels(int32_t node) const {
  std::vector<int32_t> numbers;
  EachOf(node, [&](const Channel& channel, const FetchNode& each) {
    if (each.is_used) numbers.push_back(channel.number);
  });
  return numbers;
}

void FetchPlan::Spread(int32_t node, bool is_apart) {
  std::vector<int32_t> to = IsStriped(node) ? std::vector<int32_t>{0} : UsedChannels(node);
  is_apart = is_apart && to.size() > 1;
  std::vector<SpreadMember> members, following;
  for (auto it = nodes_.lower_bound({node}); it != nodes_.end() && it->first.node == node; ++it) {
    auto& [channel, each] = *it;
    each.moves.clear();
    for (uint32_t id : each.members) {
      const Partition* p = lane_->Find(id);
      const bool follows = is_apart && p != nullptr && !p->source.is_behind;
      (follows ? following : members)
          .push_back({id, channel.number, p != nullptr && IsBusy(*p, each)});
    }
  }
  if (is_apart) std::erase(to, 0);
  Move(EvenOut(std::move(members), to));
  Move(EvenOut(std::move(following), {0}));
}

void FetchPlan::Move(const std::vector<SpreadMove>& moves) {
  for (const SpreadMove& move : moves)
    nodes_[routes_.at(move.id)].moves[move.id] = move.channel;
}

bool FetchPlan::IsMoving(int32_t node) const {
  bool is_moving = false;
  EachOf(node, [&](const Channel&, const FetchNode& each) {
    if (!each.moves.empty() || (!each.is_used && !each.members.empty())) is_moving = true;
  });
  return is_moving;
}

void FetchPlan::MoveMembers(const Channel& channel, FetchNode* node) {
  for (const auto& [id, number] : std::exchange(node->moves, {})) {
    const Channel to{channel.node, number};
    if (!IsUsed(to)) continue;
    Remove(id, node);
    Join(id, to);
  }
  if (node->is_used) return;
  const std::unordered_set<uint32_t> rest = node->members;
  for (uint32_t id : rest) {
    Remove(id, node);
    Join(id, Emptiest(channel.node));
  }
}

void FetchPlan::SetStriped(int32_t node, bool is_striped) {
  if (is_striped)
    striped_.insert(node);
  else
    striped_.erase(node);
}

std::vector<uint32_t> FetchPlan::MembersOf(int32_t node) const {
  std::vector<uint32_t> members;
  EachOf(node, [&](const Channel&, const FetchNode& each) {
    members.insert(members.end(), each.members.begin(), each.members.end());
  });
  std::sort(members.begin(), members.end());
  return members;
}

bool FetchPlan::MayFetch(const Partition& p) const {
  const auto route = routes_.find(p.id);
  return route != routes_.end() && JudgeRoom(p, nodes_.at(route->second)) == Verdict::kWanted;
}

bool FetchPlan::IsCrowded(const Partition& p) const {
  const auto route = routes_.find(p.id);
  return route != routes_.end() && JudgeRoom(p, nodes_.at(route->second)) == Verdict::kCrowded;
}

Backlogs FetchPlan::CountBacklogs(int32_t node, int64_t large, int64_t much) const {
  Backlogs count;
  EachOf(node, [&](const Channel&, const FetchNode& each) {
    for (uint32_t id : each.members) {
      const Partition* p = lane_->Find(id);
      if (p == nullptr) continue;
      const Verdict verdict = JudgeRoom(*p, each);
      const int64_t backlog = lane_->EndOf(*p) - p->source.offset;
      if (verdict == Verdict::kWanted && backlog > 0) count.busy++;
      if (backlog <= 0)
        count.none++;
      else if (p->striping.shape.BytesOf(backlog) < large)
        count.small++;
      else if (verdict == Verdict::kWanted || verdict == Verdict::kCrowded)
        count.large++;
      if (!p->source.is_behind) {
        count.following++;
        continue;
      }
      count.behind++;
      if (verdict == Verdict::kWanted && backlog > 0) count.behind_busy++;
      if (verdict != Verdict::kUnwanted && p->striping.shape.BytesOf(backlog) >= much)
        count.has_backlog = true;
    }
  });
  return count;
}

int32_t FetchPlan::CountMembers(int32_t node) const {
  size_t members = 0;
  EachOf(node, [&](const Channel&, const FetchNode& each) { members += each.members.size(); });
  return static_cast<int32_t>(members);
}

bool FetchPlan::IsBusy(const Partition& p, const FetchNode& node) const {
  return p.source.offset < lane_->EndOf(p) && JudgeRoom(p, node) == Verdict::kWanted;
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

FetchPlan::Verdict FetchPlan::Judge(const Partition& p, const FetchNode& node) const {
  return p.striping.is_active ? Verdict::kUnwanted : JudgeRoom(p, node);
}

// While a batch is retried, no more batches are fetched.
FetchPlan::Verdict FetchPlan::JudgeRoom(const Partition& p, const FetchNode& node) const {
  if (!p.traits().fetches || p.producers.question != 0 || p.intake.ends())
    return Verdict::kUnwanted;
  if (p.phase == PartitionPhase::kRetrying && !p.queue.empty()) return Verdict::kUnwanted;
  if (node.closed_targets.contains(p.leaders.target.node)) return Verdict::kShutOut;
  if (DueAt(p) > lane_->now || lane_->HeldUntil(p) > 0) return Verdict::kNotDue;
  // Each ack frees memory, and so does each batch that is encoded.
  if (p.waiting_bytes() >= lane_->settings.partition_queue_bytes_max || p.intake.is_full())
    return Verdict::kCrowded;
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
      lane_->counters.bandwidth_holds += lane_->HeldUntil(*p) > 0 ? 1 : 0;
      return lane_->WakeAt(std::max(DueAt(*p), lane_->HeldUntil(*p)));
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
  int64_t bytes = std::min(lane_->settings.partition_fetch_bytes_max,
                           lane_->topic_bandwidth.FetchBytesMax(p.topic));
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

int64_t FetchPlan::SeeUnchanged(Partition* p) {
  const auto route = routes_.find(p->id);
  if (route == routes_.end()) return -1;
  const FetchNode& node = nodes_[route->second];
  if (!node.session.is_open() || p->source.high_watermark < 0) return -1;
  const FetchSession::Entry* entry = node.session.Find(p->id);
  if (entry == nullptr || entry->reported.high_watermark < 0) return -1;
  p->source.end_marks.SeeSame(node.answered_ms);
  if (p->progress.upstream >= lane_->EndOf(*p))
    p->counters.caught_up_at_ms = std::max(p->counters.caught_up_at_ms, node.answered_ms);
  return NumberOf(route->second);
}

std::vector<std::pair<int64_t, int64_t>> FetchPlan::QuietAnswers() const {
  std::vector<std::pair<int64_t, int64_t>> answers;
  for (const auto& [channel, node] : nodes_)
    if (node.answered_ms > 0) answers.emplace_back(NumberOf(channel), node.answered_ms);
  return answers;
}

void FetchPlan::CheckInvariants() const {
  size_t members = 0;
  for (const auto& [channel, node] : nodes_) {
    members += node.members.size();
    for (uint32_t id : node.members)
      Assert(routes_.at(id) == channel, "a partition is fetched over one channel");
    for (const auto& [id, number] : node.moves)
      Assert(node.members.contains(id), "only a member leaves its channel");
  }
  Assert(members == routes_.size(), "each routed partition is a member of a channel");
  for (const auto& [id, p] : lane_->partitions) {
    if (lane_->fetch_changes.contains(id)) continue;
    const auto route = routes_.find(id);
    Assert((route == routes_.end() ? -1 : route->second.node) == p->source_node(),
           "a partition is read at the broker that it is routed to");
    if (route == routes_.end()) continue;
    const FetchNode& node = nodes_.at(route->second);
    if (node.changed.contains(id)) continue;
    const FetchSession::Entry* entry = node.session.Find(id);
    const bool is_wanted = entry != nullptr && entry->is_wanted;
    const Verdict verdict = Judge(*p, node);
    Assert(!is_wanted || !node.held_back.contains(id), "what is held back is not asked for");
    if (node.held_back.contains(id)) continue;
    // Another partition of its topic may have used the bandwidth since.
    const bool is_held = verdict == Verdict::kNotDue && lane_->HeldUntil(*p) > 0;
    Assert((is_wanted && is_held) || is_wanted == (verdict == Verdict::kWanted),
           "a Fetch asks for what is wanted");
    Assert(!is_wanted || IsSamePlace(entry->wanted, WantedOf(*p)),
           "a Fetch asks from where a partition continues");
  }
}

}  // namespace longhaul
