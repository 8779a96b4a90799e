#include "core/leaders.h"

#include <algorithm>
#include <set>
#include <utility>

namespace longhaul {
namespace {

std::string Describe(Side side, const Partition& p) {
  return std::string(SideName(side)) + " topic " + p.topic_on(side) + " partition " +
         std::to_string(p.number);
}

}  // namespace

std::vector<std::string> Leaders::Topics(Side side) const {
  std::set<std::string> topics;
  for (const auto& [id, p] : lane_->partitions) topics.insert(p->topic_on(side));
  return {topics.begin(), topics.end()};
}

void Leaders::Tick() {
  if (lane_->partitions.empty()) return;
  for (Side side : {Side::kSource, Side::kTarget}) {
    SideState& state = sides_[side];
    if (state.asking && lane_->now < state.give_up_at) continue;
    state.stale = state.stale || state.asking;  // the request has no answer
    const int64_t due = state.asked_at + WaitMs(state);
    if (lane_->now < due)
      lane_->WakeAt(due);
    else
      Ask(side, &state);
  }
}

int64_t Leaders::WaitMs(const SideState& state) const {
  if (state.stale) return std::min(lane_->BackoffMs(state.unsettled), kStaleWaitMaxMs);
  const int64_t age = lane_->settings.metadata_max_age_ms;
  return state.doubtful ? std::min(age, kStaleWaitMaxMs) : age;
}

void Leaders::Ask(Side side, SideState* state) {
  state->tag = next_tag_++;
  state->asked_at = lane_->now;
  const std::set<int32_t> avoid = lane_->watch.Doubtful(side, lane_->now);
  const Status status = lane_->transport->RequestMetadata(
      side, Topics(side), {avoid.begin(), avoid.end()}, state->tag, &state->node);
  state->asking = status.ok();
  const bool is_doubtful = avoid.contains(state->node);
  state->give_up_at = lane_->now + (is_doubtful ? kDoubtfulAnswerMs : kAnswerMs);
  // A bootstrap broker whose id is not known is not watched: after kAnswerMs another one is asked.
  if (status.ok() && state->node >= 0) {
    asked_[state->tag] = state->node;
    lane_->watch.Sent(side, {state->node}, lane_->watch.PatienceFor(0, false), lane_->now,
                      Route::kMetadata);
  }
  // While librdkafka is still connecting, no broker can be asked: ask again after the backoff.
  state->stale = !status.ok();
  state->doubtful = false;
  lane_->WakeAt(lane_->now + lane_->settings.retry_backoff_ms);
}

void Leaders::OnReply(const Reply& reply) {
  SideState& state = sides_[reply.side];
  if (auto asked = asked_.extract(reply.tag); !asked.empty())
    lane_->watch.Answered(reply.side, {asked.mapped()}, lane_->watch.PatienceFor(0, false),
                          lane_->now, Route::kMetadata);
  // A late reply is news, too, unless a newer one has come: on a slow link each may be late.
  if (reply.tag < state.applied_tag || (reply.error != 0 && reply.tag != state.tag)) return;
  if (reply.tag == state.tag) state.asking = false;
  if (reply.error != 0) {
    lane_->errors[reply.error]++;
    state.stale = true;
    state.unsettled++;
    return;
  }
  state.applied_tag = reply.tag;
  const bool asked_again = std::exchange(state.stale, false);  // during this request
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
    auto it = by_name.find(p->topic_on(reply.side));
    if (it == by_name.end()) {
      // The partition was assigned after the request was sent.
      state.stale = state.stale || p->leaders[reply.side].node < 0;
    } else {
      changed = Apply(reply.side, p.get(), *it->second.topic, it->second.leaders) || changed;
    }
  }
  state.stale = state.stale || asked_again;
  state.unsettled = state.stale && !changed ? state.unsettled + 1 : 0;
}

bool Leaders::Apply(Side side, Partition* p, const TopicLeaders& topic,
                    const LeaderIndex& leaders) {
  const auto it = leaders.find(p->number);
  const PartitionLeader* found = it == leaders.end() ? nullptr : it->second;
  if (topic.error != 0 || found == nullptr)
    return Missing(side, p,
                   topic.error != 0 ? topic.error : kafka_error::kUnknownTopicOrPartition);
  Leadership& leadership = p->leaders[side];
  const TopicId known = leadership.topic_id;
  const bool is_other =
      known != TopicId{} && topic.topic_id != TopicId{} && known != topic.topic_id;
  // For a moment a broker may not yet know that the topic was recreated before it was assigned.
  if (is_other && !leadership.has_metadata && p->traits().is_active && IsNew(&leadership)) {
    sides_[side].stale = true;
    lane_->moves.SetObstacle(p, side, kafka_error::kInconsistentTopicId,
                             Describe(side, *p) + " has another topic id than its progress");
    return SetLeader(side, p, -1, -1);
  }
  leadership.missing_since = 0;
  leadership.topic_id = topic.topic_id;
  if (known != topic.topic_id) lane_->FetchChanged(*p);
  leadership.has_metadata = true;
  if (is_other) {
    lane_->moves.Fail(p, {kafka_error::kInconsistentTopicId,
                          Describe(side, *p) + " has another topic id than before", {}});
    return SetLeader(side, p, -1, -1);
  }
  // KIP-320: a broker that does not know of the last election yet returns the former leader. The
  // epochs of one topic only rise; but only a topic id shows that it is still the same topic.
  const bool is_same_topic = known != TopicId{} && known == topic.topic_id;
  if (is_same_topic && found->leader_epoch >= 0 && found->leader_epoch < leadership.epoch) {
    sides_[side].stale = true;
    return false;
  }
  if (found->leader < 0 && p->traits().is_active) {
    sides_[side].stale = true;
    lane_->moves.SetObstacle(p, side, kafka_error::kLeaderNotAvailable,
                             Describe(side, *p) + " has no leader");
  }
  return SetLeader(side, p, found->leader, found->leader_epoch);
}

// A new leader of the target, or the same one elected again, may lack acknowledged records (unclean
// election): the target is scanned before more batches are sent. Brokers before 2.1 return no
// epochs, so a change of the node counts, too.
bool Leaders::SetLeader(Side side, Partition* p, int32_t node, int32_t epoch) {
  Leadership& leadership = p->leaders[side];
  const bool node_changed = std::exchange(leadership.node, node) != node;
  const bool epoch_changed = std::exchange(leadership.epoch, epoch) != epoch;
  if (side == Side::kTarget && node_changed) lane_->shares.Charge(p, node);
  if (side == Side::kSource && node_changed) p->read = {};  // the new leader chooses a replica
  if (node_changed || epoch_changed) lane_->FetchChanged(*p);
  if (side == Side::kTarget && (node_changed || epoch_changed))
    lane_->moves.Move(p, PartitionEvent::kLeaderMoves);
  return node_changed;
}

bool Leaders::Follow(Side side, Partition* p, const LeaderHint& hint) {
  if (hint.node < 0 || hint.epoch <= p->leaders[side].epoch) return false;
  if (lane_->transport->broker_state(side, hint.node) == BrokerState::kUnknown) return false;
  SetLeader(side, p, hint.node, hint.epoch);
  return true;
}

// Whether the partition, or its topic, has been missing in metadata for less than the grace time.
bool Leaders::IsNew(Leadership* leadership) const {
  int64_t& since = leadership->missing_since;
  if (since == 0) since = lane_->now;
  return lane_->now - since < kMissingGraceMs;
}

bool Leaders::Missing(Side side, Partition* p, int32_t code) {
  const bool changed = SetLeader(side, p, -1, p->leaders[side].epoch);
  if (!p->traits().is_active) return changed;
  const std::string what = WithNeed(code, Describe(side, *p), "DESCRIBE");
  if (!ClassifyError(code).retriable) {
    lane_->moves.Fail(p, {code, what, {}});
    return changed;
  }
  sides_[side].stale = true;
  const bool is_new = IsNew(&p->leaders[side]);
  if (code != kafka_error::kUnknownTopicOrPartition || is_new) {
    lane_->moves.SetObstacle(p, side, code, what);
    return changed;
  }
  const int32_t fault =
      side == Side::kSource ? kErrorSourcePartitionMissing : kErrorTargetPartitionMissing;
  lane_->moves.Fail(p, {fault, what + " does not exist", {}});
  return changed;
}

}  // namespace longhaul
