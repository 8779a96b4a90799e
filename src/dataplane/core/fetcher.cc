#include "core/fetcher.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/fetch_answer.h"
#include "core/resume.h"

namespace longhaul {
namespace {

std::string Where(const Partition& p) {
  std::string where = "source offset " + std::to_string(p.source.offset);
  if (p.source.epoch >= 0) where += " after leader epoch " + std::to_string(p.source.epoch);
  return where;
}

}  // namespace

void Fetcher::Tick() {
  intake_.ShowQuestions();
  lane_->SettleMemory();
  plan_.Route();
  channels_.Tick();
  const Shares shares = DivideRoom();
  const int64_t spare = std::min(kRoomMin, shares.equal);
  if (lane_->memory.fetch_room() < spare) {
    relief_.Relieve();
    stripes_.Relieve();
  }
  stripes_.Tick(shares.busy, spare, &next_tag_);
  // Fetches of sessions report by themselves what they lack.
  if (2 * lane_->memory.fetch_room() < lane_->memory.bound()) lane_->line_memory.Lack();
  plan_.Route();  // partitions that are now in stripes leave their sessions
  // Channels take turns: with little room, repeated requests to an idle one would leave no room for
  // a busy one after it.
  std::map<Channel, Node>& nodes = plan_.nodes();
  auto it = nodes.lower_bound(turn_);
  for (size_t i = 0; i < nodes.size(); i++, ++it) {
    if (it == nodes.end()) it = nodes.begin();
    auto& [channel, node] = *it;
    if (node.asking) continue;
    Ask(channel, &node);
    if (node.asking) turn_ = {channel.node, channel.number + 1};
  }
}

void Fetcher::Ask(const Channel& channel, Node* node) {
  plan_.MoveMembers(channel, node);
  if (lane_->now < node->not_before) return lane_->WakeAt(node->not_before);
  if (node->is_left()) return CloseSession(channel, node);
  if (!IsOpen(channel, node)) return;
  if (!lane_->MayFetch()) return;
  const int64_t room = lane_->memory.fetch_room();
  const Shares shares = DivideRoom();
  if (room < std::clamp<int64_t>(shares.equal, 1, kRoomMin)) {
    lane_->line_memory.Lack();
    return channels_.LackedRoom(channel.node);  // acks free memory, and every ack ticks
  }
  plan_.Update(channel.node, node);
  int16_t version = -1;
  if (node->session.empty() || !CanAsk(channel, node, &version)) return;
  FetchRequest request{};
  request.bytes_min = static_cast<int32_t>(lane_->settings.fetch_min_bytes);
  request.isolation_level = static_cast<int8_t>(lane_->settings.isolation_level);
  const int64_t share = node->is_idle ? shares.idle : shares.busy;
  const int64_t wanted =
      std::min({lane_->settings.fetch_bytes_max, kRecordBytesMax,
                channels_.BytesMax(channel, node->pace), lane_->bandwidth.FetchBytesMax()});
  if (!node->is_idle && std::min(room, share) < wanted) lane_->line_memory.Lack();
  request.bytes_max = static_cast<int32_t>(std::min({room, share, wanted}));
  request.wait_max_ms =
      node->is_crowded ? kCrowdedWaitMs : static_cast<int32_t>(lane_->settings.fetch_wait_max_ms);
  if (node->names_rack) request.rack = lane_->rack;
  // KIP-516: brokers return no ids before their inter.broker.protocol.version is 2.8.
  if (node->session.lacks_ids()) version = std::min(version, kFetchByNameMax);
  node->session.Fill(version, lane_->now, &request);
  Send(channel, node, version, request);
}

int64_t Fetcher::CountLeftSessions() const {
  return std::ranges::count_if(plan_.nodes(), [](const auto& each) {
    const Node& node = each.second;
    return node.is_left() || (node.members.empty() && node.asking);
  });
}

// Does not open a connection: if the connection has ended, the broker may have closed the session.
void Fetcher::CloseSession(const Channel& channel, Node* node) {
  int16_t version = -1;
  FetchRequest request{};
  const bool is_open =
      channel.number == 0 || lane_->transport->bytes_moved(Side::kSource, channel) >= 0;
  const Reach reach = lane_->AskReach(Side::kSource, channel.node, kFetchApi, &version);
  if (is_open && reach == Reach::kReady) {
    node->session.FillClosing(&request);
    Send(channel, node, version, request);
  }
  node->session.Lose();
}

// Of a further channel. If its connection has ended, its partitions go to the others.
bool Fetcher::IsOpen(const Channel& channel, Node* node) {
  if (channel.number == 0) return true;
  if (!node->is_used) return false;
  if (lane_->transport->bytes_moved(Side::kSource, channel) >= 0) return true;
  node->session.Lose();
  channels_.Lost(channel);
  plan_.MoveMembers(channel, node);
  return false;
}

// Requests in flight reserve the bytes that their responses may hold, together half of the bound.
// An idle channel holds its request for long, so it receives at most its equal share, and little of
// that; busy channels receive the rest. No response has more than a quarter of the bound
// (MemoryRelief::kDeadShare).
Fetcher::Shares Fetcher::DivideRoom() const {
  int64_t idle = 0, busy = 0;
  for (const auto& [channel, node] : plan_.nodes()) {
    if (!node.members.empty()) ++(node.is_idle ? idle : busy);
    if (node.members.empty() && node.is_used && plan_.IsStriped(channel.node)) busy++;
  }
  const int64_t bound = lane_->memory.bound();
  const int64_t equal = bound / std::max<int64_t>(2 * (idle + busy), 4);
  Shares shares{equal, std::min(equal, kIdleBytes), equal};
  if (busy > 0)
    shares.busy = std::min((bound / 2 - idle * shares.idle) / busy, bound / 4);
  return shares;
}

// Also finds again which partitions have to ask their leader for a replica.
void Fetcher::BackOff(Node* node) {
  node->not_before =
      std::max(node->not_before, lane_->now + lane_->settings.retry_backoff_ms);
  node->replicas_due_at = 0;
  lane_->WakeAt(node->not_before);
}

bool Fetcher::CanAsk(const Channel& channel, Node* node, int16_t* version) {
  const int32_t node_id = channel.node;
  const Reach reach = lane_->AskReach(Side::kSource, node_id, kFetchApi, version);
  if (reach != Reach::kReady || *version < kFetchFromFollowersFrom) LeaveFollowers(node_id, *node);
  if (reach == Reach::kReady) return true;
  node->session.Lose();  // the session may have ended with the connection
  leaders_->RefreshEachSecond(Side::kSource);
  BackOff(node);
  const std::string what = DescribeReach(Side::kSource, node_id, kFetchApi, reach);
  for (const Entry& entry : node->session.entries()) {
    Partition* p = lane_->Find(entry.id);
    if (!entry.is_wanted || p == nullptr || p->source_node() != node_id) continue;
    if (reach == Reach::kDown)
      lane_->moves.SetObstacle(p, Side::kSource, kafka_error::kNetworkException, what);
    if (reach == Reach::kUnsupported)
      lane_->moves.EndSource(p, {kErrorBrokerUnsupported, what, {}});
  }
  return false;
}

void Fetcher::LeaveFollowers(int32_t node_id, const Node& node) {
  for (uint32_t id : node.members) {
    Partition* p = lane_->Find(id);
    if (p != nullptr && p->read.follower == node_id) replicas_.Leave(p);
  }
}

void Fetcher::Send(const Channel& channel, Node* node, int16_t version,
                   const FetchRequest& request) {
  EncodedRequest encoded;
  EncodeFetch(request, version, &encoded);
  const uint64_t tag = next_tag_++;
  const auto timeout = static_cast<int>(lane_->settings.request_timeout_ms + request.wait_max_ms);
  const Status status = lane_->Send(
      {Side::kSource, channel.node, kFetchApi.key, version, std::move(encoded.pieces), timeout, tag,
       encoded.is_flexible, kAnyConnection, channel.number});
  if (!status.ok()) {
    node->session.Lose();
    return BackOff(node);
  }
  const Patience patience = lane_->watch.PatienceFor(request.wait_max_ms, true);
  lane_->watch.Sent(Side::kSource, channel, patience, lane_->now);
  node->asking = true;
  node->asked_bytes = request.bytes_max;
  node->names_rack = false;
  lane_->memory.ReserveFetch(request.bytes_max);
  lane_->counters.fetch_requests++;
  // A broker that had no records last time may hold the Fetch for long, and return none.
  const int64_t spent = node->is_idle ? 0 : request.bytes_max;
  lane_->bandwidth.Spend(spent);
  outstanding_.emplace(tag, Outstanding{channel, request.bytes_max, lane_->now, spent,
                                        !request.rack.empty(), patience});
}

void Fetcher::OnReply(const Reply& reply, std::vector<Partition*>* filled) {
  if (stripes_.Owns(reply.tag)) {
    lane_->line_memory.SeeRoundTrip(Side::kSource, lane_->now, reply.first_byte_ms);
    Partition* p = stripes_.OnReply(reply);
    if (p != nullptr) StoreStripes(p, filled);
    return;
  }
  auto found = outstanding_.find(reply.tag);
  const Outstanding asked = found->second;
  outstanding_.erase(found);
  OnSession(reply, asked, filled);
  for (Partition* p : stripes_.OnSession(asked.channel)) StoreStripes(p, filled);
}

void Fetcher::OnSession(const Reply& reply, const Outstanding& asked,
                        std::vector<Partition*>* filled) {
  lane_->memory.EndFetch(asked.bytes_max);
  lane_->bandwidth.Spend(-asked.spent);  // ReadFetch() counts what arrived
  lane_->watch.Answered(Side::kSource, asked.channel, asked.patience, lane_->now);
  channels_.Answered(asked.channel, reply.first_byte_ms);
  Node& node = plan_.nodes()[asked.channel];
  node.asking = false;
  const FetchAnswer answer = ReadFetch(lane_, asked.channel.node, reply);
  if (answer.buffer != nullptr) {
    node.pace.Answered(asked.bytes_max, answer.buffer->size(), lane_->now - asked.sent_at,
                       reply.first_byte_ms, channels_.NearestMs(asked.channel.node));
    // A broker with fewer records may have waited for them.
    if (2 * answer.buffer->size() >= asked.bytes_max)
      lane_->line_memory.SeeRoundTrip(Side::kSource, lane_->now, reply.first_byte_ms);
  }
  if (answer.pause_ms > 0) node.not_before = lane_->now + answer.pause_ms;
  if (answer.error != 0) return OnFailure(asked, &node, answer.error);
  OnResponse(answer.response, asked, answer.buffer, filled);
}

void Fetcher::OnFailure(const Outstanding& asked, Node* node, int32_t error) {
  // The next request asks for all partitions: the broker answers at once, and opens a session.
  if (node->session.Failed(error, lane_->now)) {
    node->replicas_due_at = 0;
    return;
  }
  leaders_->RefreshEachSecond(Side::kSource);
  LeaveFollowers(asked.channel.node, *node);
  BackOff(node);
}

void Fetcher::OnResponse(const FetchResponse& response, const Outstanding& asked,
                         const HeldRef& buffer, std::vector<Partition*>* filled) {
  Node& node = plan_.nodes()[asked.channel];
  const size_t first = filled->size();
  node.is_idle = true;
  if (node.session.Answered(response, lane_->now)) lane_->counters.refused_sessions++;
  for (const FetchedPartition& fetched : response.partitions) {
    if (fetched.records_size > 0) node.is_idle = false;
    const Entry* entry = node.session.Find(fetched.topic, fetched.partition);
    if (entry != nullptr) OnPartition(fetched, *entry, asked, buffer, filled);
  }
  // So each partition gets its turn even if there is more data than fetch_bytes_max (KIP-74).
  for (size_t i = first; i < filled->size(); i++) node.session.MoveToEnd((*filled)[i]->id);
  // A broker that throttles also leaves out partitions with news.
  if (response.throttle_ms > 0 && response.partitions.empty()) {
    node.replicas_due_at = 0;
    for (uint32_t id : node.session.named()) lane_->fetch_changes.insert(id);
  } else if (node.session.was_incremental()) {
    node.answered_ms = lane_->wall_now;
    OnSilence(asked, &node);
  }
}

// The request named these partitions, and the response leaves them out: they have no news.
void Fetcher::OnSilence(const Outstanding& asked, Node* node) {
  std::vector<Partition*> none;
  for (uint32_t id : node->session.named()) {
    const Entry* entry = node->session.Find(id);
    if (entry == nullptr || entry->is_answered || entry->reported.high_watermark < 0) continue;
    FetchedPartition fetched{};
    fetched.partition = entry->asked.partition;
    fetched.high_watermark = entry->reported.high_watermark;
    fetched.last_stable_offset = entry->reported.last_stable_offset;
    fetched.log_start_offset = entry->reported.log_start_offset;
    fetched.diverging_epoch = -1;
    fetched.diverging_end = -1;
    OnPartition(fetched, *entry, asked, nullptr, &none);
  }
}

// False if the partition is now fetched from another broker or over another channel, or if this
// broker was asked as a follower and now leads the partition: a follower reports its own log, which
// may differ. False, too, if the partition was revoked, has faulted or has returned to another
// offset while the request was in flight.
bool Fetcher::IsAwaited(const Partition& p, const Entry& entry, const Channel& channel) const {
  return p.source_node() == channel.node && plan_.IsAt(p, channel) &&
         (p.read.follower >= 0) == entry.asked_follower && p.traits().stores &&
         p.source.offset == entry.asked.offset;
}

void Fetcher::OnPartition(const FetchedPartition& fetched, const Entry& entry,
                          const Outstanding& asked, const HeldRef& buffer,
                          std::vector<Partition*>* filled) {
  Partition* p = lane_->Find(entry.id);
  if (p == nullptr) return;
  lane_->FetchChanged(*p);
  lane_->SpendBandwidth(*p, asked.bytes_max, static_cast<int64_t>(fetched.records_size));
  if (!IsAwaited(*p, entry, asked.channel)) return;
  if (entry.asked_follower && (fetched.error != 0 || fetched.diverging_end >= 0))
    return replicas_.Doubt(p, fetched.error);
  if (fetched.error != 0) return OnPartitionError(p, fetched);
  if (fetched.diverging_end >= 0) return OnDivergence(p, fetched);
  if (entry.asked_follower)
    lane_->counters.follower_bytes += static_cast<int64_t>(fetched.records_size);
  else
    SeeShape(p, fetched, entry);
  Store(p, fetched, buffer);
  // If the first batch was cut, the partition keeps its place in the order: at the front, the
  // broker returns the whole batch.
  if (p->source.offset != entry.asked.offset) filled->push_back(p);
  stripes_.Consider(p);
  if (entry.asked_follower)
    replicas_.OnFollower(p, fetched);
  else
    replicas_.OnLeader(p, fetched, asked.with_rack);
}

void Fetcher::Store(Partition* p, const FetchedPartition& fetched, const HeldRef& buffer) {
  SeeLogEnd(p, fetched);
  if (fetched.records_size > 0) intake_.Store(p, fetched, buffer);
  channels_.SeeEnd(p);
  const int64_t end = lane_->EndOf(*p);
  CheckSourceEnd(lane_, p, p->source.offset >= end);
  p->source.end_marks.See(p->source.high_watermark, p->progress.upstream, lane_->wall_now);
  if (p->progress.upstream >= end) p->counters.caught_up_at_ms = lane_->wall_now;
}

void Fetcher::StoreStripes(Partition* p, std::vector<Partition*>* filled) {
  while (const std::optional<Stripe> stripe = stripes_.Take(p)) {
    const int64_t before = p->source.offset;
    Store(p, stripe->fetched, stripe->buffer);
    if (p->source.offset != before) filled->push_back(p);
    stripes_.Stored(p, *stripe);
  }
}

// The leader has confirmed the position in this epoch. Call before Store(), which changes headers.
void Fetcher::SeeShape(Partition* p, const FetchedPartition& fetched, const Entry& entry) {
  p->striping.proven_epoch = entry.asked.leader_epoch;
  const bool has_backlog = entry.asked.offset < fetched.high_watermark;
  if (!has_backlog || lane_->settings.broker_connections_max <= 1) return;
  p->striping.shape.See(
      SurveyBatches(fetched.records, fetched.records_size, fetched.high_watermark),
      entry.asked.offset);
}

// A follower learns where the log begins and ends shortly after its leader has reported it.
void Fetcher::SeeLogEnd(Partition* p, const FetchedPartition& fetched) {
  SourcePosition& source = p->source;
  const bool is_follower = p->read.follower >= 0;
  const auto see = [is_follower](int64_t* known, int64_t reported) {
    *known = is_follower ? std::max(*known, reported) : reported;
  };
  see(&source.high_watermark, fetched.high_watermark);
  see(&source.last_stable_offset, fetched.last_stable_offset);
  if (fetched.log_start_offset >= 0) see(&source.log_start_offset, fetched.log_start_offset);
  if (p->source_node() >= 0) lane_->moves.ClearObstacle(p, Side::kSource);
}

void Fetcher::OnPartitionError(Partition* p, const FetchedPartition& fetched) {
  const int16_t code = fetched.error;
  if (leaders_->Follow(Side::kSource, p, fetched.leader)) {
    lane_->errors[code]++;
    return;
  }
  const ErrorClass error = ClassifyError(code);
  const std::string where = WithNeed(code, Where(*p), "READ");
  if (!error.retriable) return lane_->moves.EndSource(p, {code, where, {}});
  lane_->moves.CountObstacle(p, Side::kSource, code, where);
  if (error.refreshes_metadata) leaders_->Refresh(Side::kSource);
  p->source.not_before = lane_->now + lane_->settings.retry_backoff_ms;
  lane_->WakeAt(p->source.not_before);
}

// KIP-595: the leader's log has no batch of our epoch at our offset, so the log that was read was
// truncated (an unclean election), and may have grown past our offset again. The queued batches
// were read from the earlier log; they are acknowledged first, so that progress shows how far that
// log was mirrored.
void Fetcher::OnDivergence(Partition* p, const FetchedPartition& fetched) {
  const int64_t next = std::min(fetched.diverging_end, p->source.offset);
  lane_->moves.EndSource(
      p, {kErrorSourceTruncated,
          Where(*p) + " is next, but the source log has diverged: its epoch " +
              std::to_string(fetched.diverging_epoch) + " ends at offset " +
              std::to_string(fetched.diverging_end),
          {next, p->source.offset - next, fetched.diverging_epoch}});
}

}  // namespace longhaul
