#include "core/stripe_fetcher.h"

#include <algorithm>
#include <utility>

#include "core/assertion.h"
#include "core/protocol/fetch.h"

namespace longhaul {

// Small stripes leave little to wait for where two do not meet. On a connection that passes much,
// larger ones need fewer requests.
int64_t StripeFetcher::StripeBytes(const FetchNode& node, int64_t round_trip_ms) const {
  const int64_t least = StripeBytesMin();
  const int64_t wanted = node.stripe_rate * round_trip_ms / kStripesPerRoundTrip;
  return std::min(std::clamp(wanted, least, 4 * least), StripeBytesMax());
}

int64_t StripeFetcher::StripeBytesMin() const {
  const int64_t parts = 4 * std::max<int64_t>(lane_->settings.broker_connections_max, 1);
  const int64_t bytes = std::min(lane_->memory.bound(), kStripedBoundMax) / parts;
  return std::clamp<int64_t>(bytes, 1, StripeBytesMax());
}

int64_t StripeFetcher::StripeBytesMax() const {
  return std::max<int64_t>(
      std::min(lane_->settings.fetch_bytes_max, lane_->settings.partition_fetch_bytes_max), 1);
}

// What a channel passes at best: with less in flight it would pass less than it can.
void StripeFetcher::MeasureRates() {
  for (const int32_t id : plan_->striped()) {
    const int64_t window_ms = std::max(2 * channels_->RoundTripMs(id), kRateMs);
    for (const int32_t number : plan_->UsedChannels(id)) {
      const Channel channel{id, number};
      FetchNode& node = plan_->nodes().at(channel);
      const int64_t ms = lane_->now - node.rate_since;
      if (ms < window_ms) continue;
      const int64_t moved = lane_->transport->bytes_moved(Side::kSource, channel);
      const bool is_known = ms < 2 * window_ms && moved >= node.rate_bytes;
      const int64_t rate = is_known ? (moved - node.rate_bytes) / ms : 0;
      node.stripe_rate = std::max(rate, node.stripe_rate * 7 / 8);
      node.rate_since = lane_->now;
      node.rate_bytes = moved;
    }
  }
}

void StripeFetcher::Tick(int64_t share, int64_t spare, uint64_t* next_tag) {
  DropInvalid();
  MeasureRates();
  BeginAll();
  full_.clear();
  // Partitions take turns.
  for (bool has_asked = true; has_asked;) {
    has_asked = false;
    for (auto it = active_.begin(); it != active_.end();) {
      const auto active = it++;
      if (AskNext(active, share, spare, next_tag)) has_asked = true;
    }
  }
  // A partition whose queue is full continues in stripes when it has room.
  for (auto it = active_.begin(); it != active_.end();) {
    const auto active = it++;
    Partition* p = lane_->Find(active->first);
    if (active->second.stripes.empty() && !plan_->IsCrowded(*p)) Drop(active);
  }
}

void StripeFetcher::BeginAll() {
  if (lane_->now < begin_at_) return;
  begin_at_ = lane_->now + kBeginMs;
  for (const int32_t node : plan_->striped()) {
    for (const uint32_t id : plan_->MembersOf(node))
      if (Partition* p = lane_->Find(id); p != nullptr && MayBegin(*p)) Begin(p);
  }
}

void StripeFetcher::Consider(Partition* p) {
  if (plan_->IsStriped(p->leaders.source.node) && MayBegin(*p)) Begin(p);
}

bool StripeFetcher::MayBegin(const Partition& p) const {
  const Striping& striping = p.striping;
  if (striping.is_active || lane_->now < striping.not_before ||
      lane_->now < striping.paused_until)
    return false;
  const int32_t epoch = p.leaders.source.epoch;
  if (epoch < 0 || striping.proven_epoch != epoch || p.read.follower >= 0) return false;
  if (!striping.shape.is_known() || replicas_->IsDue(p)) return false;
  if (p.phase != PartitionPhase::kRunning || !plan_->MayFetch(p)) return false;
  int16_t version = -1;
  const Reach reach = lane_->AskReach(Side::kSource, p.leaders.source.node, kFetchApi, &version);
  if (reach != Reach::kReady || version < kEpochsFrom) return false;
  const int64_t backlog = striping.shape.BytesOf(lane_->EndOf(p) - p.source.offset);
  return backlog >= std::max(pace_.stripe_backlog_bytes, 4 * StripeBytesMin());
}

void StripeFetcher::Begin(Partition* p) {
  const Channel channel = plan_->ChannelOf(*p);
  const FetchNode& node = plan_->nodes().at(channel);
  Active active{Stripes(p->source.offset), channel, channel.node, p->leaders.source.epoch};
  const FetchSession::Entry* entry = node.session.Find(p->id);
  const bool is_asked = node.asking && entry != nullptr && entry->is_known;
  if (is_asked && entry->asked.offset != p->source.offset) return;
  // How the answer is divided among several partitions is not known. Consider() follows it.
  if (is_asked && node.members.size() > 1) return;
  if (is_asked)
    active.stripes.AwaitSession(p->striping.shape,
                                std::min<int64_t>(entry->asked.bytes_max, node.asked_bytes));
  active_.emplace(p->id, std::move(active));
  p->striping.is_active = true;
  lane_->FetchChanged(*p);
}

bool StripeFetcher::IsValid(const Partition* p, const Active& active) const {
  if (p == nullptr || !p->striping.is_active || p->read.follower >= 0) return false;
  if (p->leaders.source.node != active.node || p->leaders.source.epoch != active.epoch)
    return false;
  if (!p->traits().stores || p->phase == PartitionPhase::kSkipping) return false;
  if (p->producers.question != 0 || p->source.not_before > lane_->now) return false;
  const int64_t position = active.stripes.position();
  return p->source.offset == position ||
         (active.stripes.has_session() && p->source.offset > position);
}

void StripeFetcher::DropInvalid() {
  for (auto it = active_.begin(); it != active_.end();) {
    const auto active = it++;
    if (!IsValid(lane_->Find(active->first), active->second)) Drop(active);
  }
}

// Requests in flight stay outstanding. Their answers are ignored.
void StripeFetcher::Drop(Actives::iterator active) {
  Partition* p = lane_->Find(active->first);
  if (p != nullptr && p->striping.is_active) {
    CountTwice(p, active->second.stripes.held_bytes());
    p->striping.is_active = false;
    p->striping.not_before = lane_->now + lane_->settings.retry_backoff_ms;
    lane_->FetchChanged(*p);
  } else {
    lane_->counters.fetched_twice_bytes += active->second.stripes.held_bytes();
  }
  active_.erase(active);
}

void StripeFetcher::CountTwice(Partition* p, int64_t bytes) {
  lane_->counters.fetched_twice_bytes += bytes;
  p->striping.twice_bytes += bytes;
  if (!IsWasteful(*p)) return;
  p->striping.paused_until = lane_->now + kPauseMs;
  p->striping.twice_bytes = p->striping.stored_bytes = 0;
}

bool StripeFetcher::IsWasteful(const Partition& p) const {
  return p.striping.twice_bytes >
         p.striping.stored_bytes / kTwiceShare + lane_->memory.bound();
}

// Stripes that wait for an earlier one have at most 5/8 of the bound with those in flight. An
// eighth stays free: for the stripe at the position, and for other partitions.
bool StripeFetcher::MayGoAhead(const Partition& p, const Active& active, int64_t bytes,
                               int64_t share) const {
  if (!plan_->IsStriped(active.node) || replicas_->IsDue(p)) return false;
  if (lane_->now < p.striping.paused_until) return false;
  if (p.waiting_bytes() >= lane_->settings.partition_queue_bytes_max) return false;
  const int64_t bound = lane_->memory.bound();
  if (lane_->memory.fetch_room() - bytes < bound / 8) return false;
  const auto channels = static_cast<int64_t>(plan_->UsedChannels(active.node).size());
  if (in_flight_bytes_ + bytes > channels * share) return false;
  int64_t all = in_flight_bytes_ + bytes;
  for (const auto& [id, each] : active_) all += each.stripes.held_bytes();
  return all <= bound / 8 * 5;
}

bool StripeFetcher::AskNext(Actives::iterator it, int64_t share, int64_t spare,
                            uint64_t* next_tag) {
  Partition* p = lane_->Find(it->first);
  Active* active = &it->second;
  if (p->phase != PartitionPhase::kRunning || !plan_->MayFetch(*p)) return false;
  if (!lane_->MayFetch()) return false;
  // The session continues.
  if (active->stripes.empty() && !plan_->IsStriped(active->node)) return false;
  const int64_t round_trip_ms = std::max<int64_t>(channels_->RoundTripMs(active->node), 0);
  std::optional<Channel> channel;
  if (!full_.contains(active->node)) {
    channel = ChooseChannel(active->node, share, round_trip_ms, false);
    if (!channel) full_.insert(active->node);
  }
  const int64_t bytes = channel ? StripeBytes(plan_->nodes().at(*channel), round_trip_ms)
                                : StripeBytesMin();
  const std::optional<Stripes::Ask> ask =
      active->stripes.Next(p->striping.shape, lane_->EndOf(*p), bytes,
                           channel && MayGoAhead(*p, *active, bytes, share));
  if (!ask) return false;
  if (!channel) channel = ChooseChannel(active->node, share, round_trip_ms, true);
  if (!channel) return false;
  const int64_t room = lane_->memory.fetch_room() - ask->bytes;
  if (room < (ask->is_first ? 0 : spare)) {
    if (!ask->is_first) return false;
    channels_->LackedRoom(active->node);
    // The stripes that wait for this one have the memory that it needs.
    if (active->stripes.held_bytes() > 0) Drop(it);
    return false;
  }
  return Send(*p, active, *channel, *ask, next_tag);
}

// The one with the fewest bytes in flight, of those that fetch no partition in a session; a single
// one may do both, since nothing else would fetch the stripes. Each has in flight what it passes in
// a round trip and a quarter more, and two stripes, so that it is never idle. More would only wait
// at the broker, and a hole would wait behind it. Where new records would, too, one stripe must do.
// `is_hole`: the stripes ahead wait for this one, so it is asked for at once.
std::optional<Channel> StripeFetcher::ChooseChannel(int32_t node, int64_t share,
                                                    int64_t round_trip_ms, bool is_hole) const {
  std::optional<Channel> chosen;
  int64_t least = INT64_MAX;
  const std::vector<int32_t> used = plan_->UsedChannels(node);
  for (const int32_t number : used) {
    const Channel channel{node, number};
    const FetchNode& each = plan_->nodes().at(channel);
    const bool has_session = each.asking || !each.session.empty();
    if ((has_session && used.size() > 1) || lane_->now < each.not_before) continue;
    if (each.stripe_bytes >= least) continue;
    const bool is_open =
        number == 0 || lane_->transport->bytes_moved(Side::kSource, channel) >= 0;
    const int64_t bytes = StripeBytes(each, round_trip_ms);
    const int64_t spare = channels_->IsMixed(node) ? bytes : 2 * bytes;
    const int64_t most = std::min(share, spare + round_trip_ms * each.stripe_rate * 5 / 4);
    const bool has_room = is_hole || each.stripe_bytes == 0 || each.stripe_bytes + bytes <= most;
    if (!is_open || !has_room) continue;
    chosen = channel;
    least = each.stripe_bytes;
  }
  return chosen;
}

bool StripeFetcher::Send(const Partition& p, Active* active, const Channel& channel,
                         const Stripes::Ask& ask, uint64_t* next_tag) {
  int16_t version = -1;
  const Reach reach = lane_->AskReach(Side::kSource, channel.node, kFetchApi, &version);
  if (reach != Reach::kReady || version < kEpochsFrom) return false;
  const Leadership& leader = p.leaders.source;
  if (leader.topic_id == TopicId{}) version = std::min(version, kFetchByNameMax);
  FetchRequest request{};
  request.isolation_level = static_cast<int8_t>(lane_->settings.isolation_level);
  request.bytes_max = static_cast<int32_t>(ask.bytes_max);
  request.partitions.push_back({p.topic, leader.topic_id, p.number, active->epoch, ask.offset, -1,
                                static_cast<int32_t>(ask.bytes_max)});
  EncodedRequest encoded;
  EncodeFetch(request, version, &encoded);
  FetchNode& node = plan_->nodes().at(channel);
  const uint64_t tag = (*next_tag)++;
  const Status status = lane_->Send(
      {Side::kSource, channel.node, kFetchApi.key, version, std::move(encoded.pieces),
       static_cast<int>(lane_->settings.request_timeout_ms), tag, encoded.is_flexible,
       kAnyConnection, channel.number});
  if (!status.ok()) {
    node.not_before = lane_->now + lane_->settings.retry_backoff_ms;
    lane_->WakeAt(node.not_before);
    return false;
  }
  const Patience patience = lane_->watch.PatienceFor(0, true);
  lane_->watch.Sent(Side::kSource, channel, patience, lane_->now);
  lane_->memory.ReserveFetch(ask.bytes);
  lane_->counters.fetch_requests++;
  outstanding_.emplace(
      tag, Outstanding{p.id, channel, ask.bytes, patience, node.stripes == 0});
  node.stripes++;
  node.stripe_bytes += ask.bytes;
  in_flight_bytes_ += ask.bytes;
  lane_->bandwidth.Spend(ask.bytes);
  active->stripes.Asked(ask, tag);
  return true;
}

// Whether the answer holds what the stripe asked for.
bool StripeFetcher::IsGood(const FetchAnswer& answer, FetchNode* node) {
  const int64_t backoff_ms = answer.error != 0 ? lane_->settings.retry_backoff_ms : 0;
  if (const int64_t ms = std::max(answer.pause_ms, backoff_ms); ms > 0) {
    node->not_before = std::max(node->not_before, lane_->now + ms);
    lane_->WakeAt(node->not_before);
  }
  if (answer.error != 0 || answer.response.partitions.size() != 1) return false;
  const FetchedPartition& fetched = answer.response.partitions.front();
  if (fetched.error != 0) lane_->errors[fetched.error]++;
  return fetched.error == 0 && fetched.diverging_end < 0 && fetched.preferred_replica < 0;
}

Partition* StripeFetcher::OnReply(const Reply& reply) {
  const auto found = outstanding_.find(reply.tag);
  const Outstanding asked = found->second;
  outstanding_.erase(found);
  in_flight_bytes_ -= asked.bytes;
  lane_->memory.EndFetch(asked.bytes);
  lane_->bandwidth.Spend(-asked.bytes);  // ReadFetch() counts what arrived
  lane_->watch.Answered(Side::kSource, asked.channel, asked.patience, lane_->now);
  if (asked.was_alone) channels_->Answered(asked.channel, reply.first_byte_ms);
  FetchNode& node = plan_->nodes()[asked.channel];
  node.stripes--;
  node.stripe_bytes -= asked.bytes;
  FetchAnswer answer = ReadFetch(lane_, asked.channel.node, reply);
  const bool is_good = IsGood(answer, &node);
  FetchedPartition fetched{};
  if (is_good) fetched = std::move(answer.response.partitions.front());
  const auto active = active_.find(asked.id);
  Partition* p = lane_->Find(asked.id);
  if (p != nullptr)
    lane_->SpendBandwidth(*p, asked.bytes, static_cast<int64_t>(fetched.records_size));
  if (active == active_.end() || !active->second.stripes.Awaits(reply.tag)) {
    lane_->counters.fetched_twice_bytes += static_cast<int64_t>(fetched.records_size);
    return nullptr;
  }
  if (!is_good || !IsValid(p, active->second)) {
    Drop(active);
    return nullptr;
  }
  const BatchSurvey survey =
      SurveyBatches(fetched.records, fetched.records_size, fetched.high_watermark);
  p->source.high_watermark = std::max(p->source.high_watermark, fetched.high_watermark);
  p->source.last_stable_offset =
      std::max(p->source.last_stable_offset, fetched.last_stable_offset);
  p->striping.shape.See(survey, -1);
  const bool can_follow = active->second.stripes.Arrived(reply.tag, std::move(fetched), survey,
                                                         std::move(answer.buffer));
  if (can_follow) return p;
  Drop(active);
  return nullptr;
}

std::vector<Partition*> StripeFetcher::OnSession(const Channel& channel) {
  std::vector<Partition*> answered;
  for (auto it = active_.begin(); it != active_.end();) {
    const auto active = it++;
    Stripes& stripes = active->second.stripes;
    if (!stripes.has_session() || active->second.session != channel) continue;
    Partition* p = lane_->Find(active->first);
    if (!IsValid(p, active->second)) {
      Drop(active);
      continue;
    }
    stripes.SessionAnswered(p->source.offset);
    answered.push_back(p);
  }
  return answered;
}

std::optional<Stripe> StripeFetcher::Take(Partition* p) {
  for (;;) {
    const auto active = active_.find(p->id);
    if (active == active_.end()) return std::nullopt;
    if (!IsValid(p, active->second)) {
      Drop(active);
      return std::nullopt;
    }
    std::optional<Stripe> stripe = active->second.stripes.Take();
    if (!stripe) return std::nullopt;
    const int64_t twice = BytesBelow(*stripe, p->source.offset);
    CountTwice(p, twice);
    p->striping.stored_bytes += stripe->survey.bytes - twice;
    if (stripe->survey.next <= p->source.offset) continue;
    // Other stripes may have arrived earlier, and shown more.
    FetchedPartition& fetched = stripe->fetched;
    fetched.high_watermark = std::max(fetched.high_watermark, p->source.high_watermark);
    fetched.last_stable_offset = std::max(fetched.last_stable_offset, p->source.last_stable_offset);
    fetched.log_start_offset = std::max(fetched.log_start_offset, p->source.log_start_offset);
    return stripe;
  }
}

// If not all of its batches could be stored, the session fetches the rest.
void StripeFetcher::Stored(Partition* p, const Stripe& stripe) {
  const auto active = active_.find(p->id);
  if (active == active_.end()) return;
  active->second.stripes.Passed(stripe, p->source.offset);
  if (p->source.offset != stripe.survey.next) Drop(active);
}

void StripeFetcher::Relieve() {
  for (auto it = active_.begin(); it != active_.end();) {
    const auto active = it++;
    const Partition* p = lane_->Find(active->first);
    if (p == nullptr || p->phase != PartitionPhase::kRunning ||
        (!plan_->MayFetch(*p) && !plan_->IsCrowded(*p)))
      Drop(active);
  }
}

void StripeFetcher::CheckInvariants() const {
  int64_t in_flight = 0;
  for (const auto& [tag, asked] : outstanding_) in_flight += asked.bytes;
  Assert(in_flight == in_flight_bytes_, "the bytes in flight are those of the requests in flight");
  for (const auto& [id, active] : active_) active.stripes.CheckInvariants();
  for (const auto& [id, p] : lane_->partitions)
    Assert(!p->striping.is_active || active_.contains(id), "a partition in stripes has stripes");
}

}  // namespace longhaul
