#include "core/fetch_channels.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace longhaul {

void FetchChannels::Tick() {
  CloseUnused();
  for (auto& [node, broker] : brokers_) {
    if (lane_->now >= broker.count.due()) {
      Look(node, &broker);
      Follow(node, &broker);
    } else if (lane_->now >= broker.look_at) {
      Follow(node, &broker);
    }
    // A broker at rest is looked at with the Fetches, so that it wakes no idle lane.
    if (broker.count.is_trying()) lane_->WakeAt(broker.count.due());
    lane_->WakeAt(broker.look_at);
  }
}

void FetchChannels::Answered(const Channel& channel, int64_t first_byte_ms) {
  const auto max = static_cast<int32_t>(lane_->settings.broker_connections_max);
  if (max <= 1 || first_byte_ms < 0) return;
  Broker& broker = brokers_.try_emplace(channel.node, max, pace_).first->second;
  broker.count.SeeRoundTrip(lane_->now, first_byte_ms);
  broker.nearest.See(lane_->now, first_byte_ms);
}

void FetchChannels::SeeEnd(Partition* p) const {
  const int64_t backlog = lane_->EndOf(*p) - p->source.offset;
  if (backlog <= 0)
    p->source.is_behind = false;
  else if (p->striping.shape.BytesOf(backlog) >= pace_.behind_bytes)
    p->source.is_behind = true;
}

int64_t FetchChannels::BytesMax(const Channel& channel, const FetchPace& pace) const {
  const auto broker = brokers_.find(channel.node);
  if (broker == brokers_.end() || !IsMixed(broker->second)) return pace.bytes_max();
  const auto further = static_cast<double>(plan_->UsedChannels(channel.node).size() - 1);
  // Shorter Fetches would waste much of a single connection, and help little.
  if (further < 1) return pace.bytes_max();
  const int64_t round_trip_ms = broker->second.nearest.ms();
  if (channel.number == 0 || further < 2)
    return pace.bytes_max_beside(round_trip_ms, kAloneRoundTrips, kAloneRoundTrips);
  const double least = std::max(kLineShare * further / (further - 1), kLeastRoundTrips);
  return pace.bytes_max_beside(round_trip_ms, least, FetchPace::kRoundTrips);
}

void FetchChannels::LackedRoom(int32_t node) {
  const auto broker = brokers_.find(node);
  if (broker != brokers_.end()) broker->second.lacked_room = true;
}

void FetchChannels::Lost(const Channel& channel) {
  Broker& broker = brokers_.at(channel.node);
  plan_->StopUsing(channel);
  broker.bytes.erase(channel.number);
  if (broker.lost_at >= 0 && lane_->now - broker.lost_at < kOneLossMs) return;
  const bool is_long_ago =
      broker.lost_at < 0 || lane_->now - broker.lost_at >= 2 * pace_.pause_ms_max;
  broker.pause_ms =
      is_long_ago ? pace_.pause_ms : std::min(2 * broker.pause_ms, pace_.pause_ms_max);
  broker.losses = is_long_ago ? 1 : broker.losses + 1;
  broker.lost_at = lane_->now;
  broker.not_before = lane_->now + broker.pause_ms;
  if (broker.losses >= kLossesMax) Refuse(channel.node, &broker, "closes further connections");
}

int64_t FetchChannels::CountOpen() const {
  int64_t open = 0;
  for (const auto& [channel, node] : plan_->nodes())
    if (node.is_used && (channel.number > 0 || !node.members.empty())) open++;
  return open;
}

int64_t FetchChannels::RoundTripMs(int32_t node) const {
  const auto broker = brokers_.find(node);
  return broker == brokers_.end() ? -1 : broker->second.count.round_trip_ms();
}

int64_t FetchChannels::NearestMs(int32_t node) const {
  const auto broker = brokers_.find(node);
  return broker == brokers_.end() ? -1 : broker->second.nearest.ms();
}

void FetchChannels::Look(int32_t node, Broker* broker) {
  ConnectionCount::Look look;
  const bool is_first = broker->bytes.empty();
  const std::vector<int32_t> used = plan_->UsedChannels(node);
  for (const int32_t number : used) {
    const int64_t bytes = lane_->transport->bytes_moved(Side::kSource, {node, number});
    const auto [known, is_new] = broker->bytes.try_emplace(number, bytes);
    // A connection that was replaced counts from 0 again.
    if (!is_new) look.bytes += std::max<int64_t>(bytes >= known->second ? bytes - known->second
                                                                        : bytes, 0);
    known->second = bytes;
  }
  const int64_t bytes_of_all = lane_->transport->bytes_fetched_by_all();
  look.bytes_of_all = bytes_of_all - std::exchange(broker->bytes_of_all, bytes_of_all);
  look.members = plan_->CountMembers(node);
  // Walks all partitions of the broker, so only if there is something to gain.
  if (look.bytes >= pace_.busy_bytes || is_first) SeeBacklogs(node, broker, &look);
  if (lane_->now < broker->striped_until && look.members > 0) look.members = INT32_MAX;
  const int64_t brokers = std::max<int64_t>(static_cast<int64_t>(brokers_.size()), 1);
  broker->affordable = look.affordable = static_cast<int32_t>(
      std::clamp<int64_t>(lane_->memory.bound() / 2 / room_min_ / brokers, 1, INT32_MAX));
  look.is_spread = static_cast<int32_t>(used.size()) == Wanted(*broker) &&
                   !plan_->IsMoving(node);
  look.lacked_room = std::exchange(broker->lacked_room, false);
  broker->count.Judge(lane_->now, look);
}

void FetchChannels::SeeBacklogs(int32_t node, Broker* broker, ConnectionCount::Look* look) {
  const Backlogs& backlogs = broker->backlogs =
      plan_->CountBacklogs(node, pace_.stripe_backlog_bytes, pace_.behind_bytes);
  if (backlogs.following > 0 && backlogs.has_backlog) broker->mixed_at = lane_->now;
  look->busy = IsMixed(*broker) ? backlogs.behind_busy : backlogs.busy;
  if (backlogs.large == 0) return;
  broker->striped_until = lane_->now + pace_.idle_ms;
  if (look->busy > 0) look->busy = INT32_MAX;
}

// One more than the count, for channel 0, which then fetches no backlog.
int32_t FetchChannels::Wanted(const Broker& broker) const {
  const bool was_mixed = broker.mixed_at > 0 && lane_->now - broker.mixed_at < pace_.idle_ms;
  const bool has_one_more = was_mixed && lane_->now >= broker.one_more_from &&
                            broker.count.round_trip_ms() >= pace_.far_ms &&
                            broker.count.wanted() < broker.affordable;
  return std::min(broker.count.wanted() + (has_one_more ? 1 : 0),
                  static_cast<int32_t>(lane_->settings.broker_connections_max));
}

void FetchChannels::Follow(int32_t node, Broker* broker) {
  broker->look_at = INT64_MAX;
  for (const int32_t number : plan_->UsedChannels(node)) {
    if (number < Wanted(*broker)) continue;
    plan_->StopUsing({node, number});
    broker->bytes.erase(number);
    unused_.insert({node, number});
  }
  while (OpenNext(node, broker)) {
  }
  const auto used = static_cast<int32_t>(plan_->UsedChannels(node).size());
  plan_->SetStriped(node, lane_->now < broker->striped_until && PrefersStripes(*broker, used));
  if (plan_->UsedChannels(node).size() > 1 || plan_->IsMoving(node))
    plan_->Spread(node, IsMixed(*broker));
}

// Partitions that have a channel each, or share one, fill it by their sessions. Stripes of several
// partitions would wait for one another's holes. A single partition with a large backlog is fetched
// in stripes over one channel, too: they fill the round trips between two Fetches.
// Without a large backlog all partitions would share channel 0.
bool FetchChannels::PrefersStripes(const Broker& broker, int32_t used) const {
  const Backlogs& backlogs = broker.backlogs;
  if (backlogs.large == 0) return false;
  const bool is_mixed = IsMixed(broker) && used > 1;
  const int32_t busy = is_mixed ? backlogs.behind_busy : backlogs.busy;
  if (used - (is_mixed ? 1 : 0) > std::max(busy, 1)) return true;
  const int32_t others =
      is_mixed ? backlogs.behind - 1 : backlogs.small + backlogs.none + backlogs.large - 1;
  return others == 0 && broker.count.round_trip_ms() >= pace_.far_ms;
}

// One after another: librdkafka has one connection to the broker at a time. True: the next channel
// is open.
bool FetchChannels::OpenNext(int32_t node, Broker* broker) {
  int32_t number = 1;
  while (number < Wanted(*broker) && plan_->IsUsed({node, number})) number++;
  const bool can_open =
      number < Wanted(*broker) && lane_->now >= broker->not_before &&
      lane_->transport->broker_state(Side::kSource, node) == BrokerState::kUp;
  if (!can_open) {
    StopOpening(node, broker);
    return false;
  }
  if (broker->opening != number) {
    StopOpening(node, broker);
    broker->opening = number;
    broker->opening_since = lane_->now;
  }
  if (lane_->transport->OpenChannel(Side::kSource, {node, number})) {
    broker->opening = 0;
    unused_.erase({node, number});
    plan_->Use({node, number});
    return true;
  }
  broker->look_at = lane_->now + pace_.opening_look_ms;
  if (lane_->now - broker->opening_since >= pace_.open_ms_max)
    Refuse(node, broker, "accepts no further connection");
  return false;
}

void FetchChannels::StopOpening(int32_t node, Broker* broker) {
  if (broker->opening == 0) return;
  lane_->transport->CloseChannel(Side::kSource, {node, broker->opening});
  broker->opening = 0;
}

void FetchChannels::Refuse(int32_t node, Broker* broker, const char* what) {
  const auto open = static_cast<int32_t>(plan_->UsedChannels(node).size());
  const int32_t kept = std::max(open - 1, 1);
  StopOpening(node, broker);
  broker->look_at = lane_->now;  // closes what is not wanted any more
  broker->losses = 0;
  broker->count.Limit(lane_->now, kept);
  broker->one_more_from = lane_->now + pace_.refused_ms;
  if (std::exchange(broker->has_refused, true)) return;
  lane_->events->Log(
      kLogShown, BrokerName(Side::kSource, node) + " " + what + ": the lane keeps " +
                     std::to_string(kept) + ", of connections.per.broker.max=" +
                     std::to_string(lane_->settings.broker_connections_max) +
                     ". Look at max.connections.per.ip and at the log of the broker; with a lower "
                     "connections.per.broker.max the lane does not try");
}

void FetchChannels::CloseUnused() {
  for (auto it = unused_.begin(); it != unused_.end();) {
    const Channel channel = *it;
    const FetchNode& node = plan_->nodes()[channel];
    if (node.asking || node.stripes > 0 || !node.members.empty() || node.session.is_open()) {
      ++it;
      continue;
    }
    lane_->transport->CloseChannel(Side::kSource, channel);
    plan_->nodes().erase(channel);
    it = unused_.erase(it);
  }
}

}  // namespace longhaul
