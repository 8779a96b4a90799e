#include "core/leaders.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

namespace longhaul {
namespace {

constexpr int32_t kUnknownTopicOrPartition = 3;
constexpr int32_t kLeaderNotAvailable = 5;
constexpr int32_t kInconsistentTopicId = 103;

const std::string& TopicOn(Side side, const Partition& p) {
  return side == Side::kSource ? p.topic : p.remote_topic;
}

std::string Describe(Side side, const Partition& p) {
  return std::string(SideName(side)) + " topic " + TopicOn(side, p) + " partition " +
         std::to_string(p.partition);
}

}  // namespace

std::vector<std::string> Leaders::Topics(Side side) const {
  std::set<std::string> topics;
  for (const auto& [id, p] : lane_->partitions) topics.insert(TopicOn(side, *p));
  return {topics.begin(), topics.end()};
}

void Leaders::Tick() {
  if (lane_->partitions.empty()) return;
  for (Side side : {Side::kSource, Side::kTarget}) {
    SideState& state = sides_[Index(side)];
    if (state.asking && lane_->now < state.give_up_at) continue;
    int64_t next =
        state.asked_at + (state.stale ? std::min(lane_->BackoffMs(state.unsettled), kStaleWaitMaxMs)
                                      : lane_->settings.metadata_max_age_ms);
    if (lane_->now < next) {
      lane_->WakeAt(next);
      continue;
    }
    state.tag = next_tag_++;
    state.asked_at = lane_->now;
    state.give_up_at = lane_->now + lane_->settings.request_timeout_ms;
    Status status = lane_->transport->RequestMetadata(side, Topics(side), state.tag);
    state.asking = status.ok();
    // No broker can be asked yet: librdkafka is connecting, try again after the backoff.
    state.stale = !status.ok();
    lane_->WakeAt(lane_->now + lane_->settings.retry_backoff_ms);
  }
}

bool Leaders::OnReply(const Reply& reply) {
  SideState& state = sides_[Index(reply.side)];
  if (reply.tag != state.tag) return false;
  state.asking = false;
  if (reply.error != 0) {
    lane_->errors[reply.error]++;
    state.stale = true;
    return false;
  }
  const bool asked_again = std::exchange(state.stale, false);  // by somebody, while this was out
  struct Indexed {
    const TopicLeaders* topic;
    LeaderIndex leaders;
  };
  std::unordered_map<std::string, Indexed> by_name;
  for (const TopicLeaders& topic : reply.topics) {
    Indexed& indexed = by_name[topic.topic];
    indexed.topic = &topic;
    for (const PartitionLeader& leader : topic.partitions)
      indexed.leaders[leader.partition] = &leader;
  }
  bool changed = false;
  for (auto& [id, p] : lane_->partitions) {
    auto it = by_name.find(TopicOn(reply.side, *p));
    if (it == by_name.end()) {
      // Assigned after the question was asked.
      state.stale = state.stale || p->leaders[Index(reply.side)] < 0;
    } else {
      changed = Apply(reply.side, p.get(), *it->second.topic, it->second.leaders) || changed;
    }
  }
  state.stale = state.stale || asked_again;
  state.unsettled = state.stale && !changed ? state.unsettled + 1 : 0;
  return changed;
}

bool Leaders::Apply(Side side, Partition* p, const TopicLeaders& topic,
                    const LeaderIndex& leaders) {
  size_t i = Index(side);
  const auto it = leaders.find(p->partition);
  const PartitionLeader* found = it == leaders.end() ? nullptr : it->second;
  if (topic.error != 0 || found == nullptr) {
    Missing(side, p, topic.error != 0 ? topic.error : kUnknownTopicOrPartition);
    return false;
  }
  p->missing_since[i] = 0;
  const TopicId known = std::exchange(p->topic_ids[i], topic.topic_id);
  if (known != TopicId{} && topic.topic_id != TopicId{} && known != topic.topic_id &&
      p->state != PartitionState::kFaulted) {
    lane_->Fault(p, kInconsistentTopicId, Describe(side, *p) + " is of another topic than before");
    return SetLeader(side, p, -1);
  }
  // KIP-320: a broker that has not heard of the last election yet names the leader before it. The
  // epochs of one topic only rise; without a topic id nobody can tell that it is still one topic.
  if (known != TopicId{} && known == topic.topic_id && found->leader_epoch >= 0 &&
      found->leader_epoch < p->leader_epochs[i]) {
    sides_[i].stale = true;
    return false;
  }
  const bool epoch_changed =
      std::exchange(p->leader_epochs[i], found->leader_epoch) != found->leader_epoch;
  if (side == Side::kTarget && epoch_changed) LookFirst(p);
  if (p->state == PartitionState::kFaulted) return false;
  if (found->leader < 0) {
    sides_[i].stale = true;
    lane_->Show(p, kLeaderNotAvailable, Describe(side, *p) + " has no leader");
  }
  return SetLeader(side, p, found->leader);
}

bool Leaders::SetLeader(Side side, Partition* p, int32_t leader) {
  int32_t& current = p->leaders[Index(side)];
  if (current == leader) return false;
  current = leader;
  if (side == Side::kSource) lane_->routes_stale = true;
  // What one broker knows another may not; brokers before 2.1 tell no epochs.
  if (side == Side::kTarget && leader >= 0) LookFirst(p);
  if (side == Side::kTarget && leader < 0) lane_->waiting.insert(p->id);
  return true;
}

void Leaders::LookFirst(Partition* p) {
  p->proven_until = 0;
  p->look_first = true;
  lane_->resuming.insert(p->id);
}

void Leaders::Missing(Side side, Partition* p, int32_t code) {
  size_t i = Index(side);
  SetLeader(side, p, -1);
  if (p->state == PartitionState::kFaulted) return;
  std::string what = Describe(side, *p);
  if (!ClassifyError(code).retriable) {
    lane_->Fault(p, code, what);
    return;
  }
  sides_[i].stale = true;
  if (p->missing_since[i] == 0) p->missing_since[i] = lane_->now;
  if (code != kUnknownTopicOrPartition) return;
  if (lane_->now - p->missing_since[i] < kMissingGraceMs) return;
  const int32_t fault =
      side == Side::kSource ? kErrorSourcePartitionMissing : kErrorTargetPartitionMissing;
  lane_->Fault(p, fault, what + " does not exist");
}

}  // namespace longhaul
