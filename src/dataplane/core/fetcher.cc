#include "core/fetcher.h"

#include <unordered_set>
#include <utility>

#include "core/resume.h"

namespace longhaul {
namespace {

std::string Where(const Partition& p) {
  std::string where = "source offset " + std::to_string(p.source.offset);
  if (p.source.epoch >= 0) where += " after leader epoch " + std::to_string(p.source.epoch);
  return where;
}

}  // namespace

// Brokers answer in the order of the request, so the next entry is tried first; for a broker that
// does not, a table is built. Topics are named as in the request, by name or by id.
class Fetcher::AskedFinder {
 public:
  AskedFinder(const LaneContext& lane, const std::vector<Wanted>& wanted, bool by_id)
      : lane_(lane), wanted_(wanted), by_id_(by_id) {}
  const Wanted* Find(std::string_view topic, int32_t partition) {
    const Asked asked{topic, partition};
    if (next_ < wanted_.size() && AskedFor(wanted_[next_]) == asked) return &wanted_[next_++];
    if (table_.empty())
      for (const Wanted& w : wanted_) table_[AskedFor(w)] = &w;
    auto it = table_.find(asked);
    if (it == table_.end()) return nullptr;
    next_ = static_cast<size_t>(it->second - wanted_.data()) + 1;
    return it->second;
  }

 private:
  using Asked = std::pair<std::string_view, int32_t>;
  Asked AskedFor(const Wanted& w) const {
    auto it = lane_.partitions.find(w.id);
    if (it == lane_.partitions.end()) return {{}, -1};  // released meanwhile
    const auto* id = reinterpret_cast<const char*>(w.topic_id.data());
    return {by_id_ ? std::string_view(id, w.topic_id.size()) : it->second->topic,
            it->second->number};
  }

  const LaneContext& lane_;
  const std::vector<Wanted>& wanted_;
  const bool by_id_;
  size_t next_ = 0;
  std::map<Asked, const Wanted*> table_;
};

void Fetcher::Tick() {
  if (lane_->routes_stale) Route();
  if (lane_->memory.fetch_room() < std::min(kRoomMin, DivideRoom().equal)) relief_.Relieve();
  // In turn: with little room an idle broker that is asked again and again would leave none to a
  // busy one behind it.
  auto it = nodes_.lower_bound(turn_);
  for (size_t i = 0; i < nodes_.size(); i++, ++it) {
    if (it == nodes_.end()) it = nodes_.begin();
    auto& [id, node] = *it;
    if (node.asking) continue;
    Ask(id, &node);
    if (node.asking) turn_ = id + 1;
  }
}

// Brings nodes_[*].order in line with the brokers that partitions are fetched from.
void Fetcher::Route() {
  lane_->routes_stale = false;
  for (auto& [node_id, node] : nodes_) {
    std::erase_if(node.order, [&, id = node_id](uint32_t partition) {
      Partition* p = lane_->Find(partition);
      const bool is_routed = p != nullptr && p->source.routed_to == id;
      const bool stays = is_routed && p->source_node() == id;
      if (is_routed && !stays) p->source.routed_to = -1;
      return !stays;
    });
  }
  for (auto& [id, p] : lane_->partitions) {
    if (p->source.routed_to >= 0 || p->source_node() < 0) continue;
    p->source.routed_to = p->source_node();
    nodes_[p->source.routed_to].order.push_back(id);
  }
}

// Whether it may be fetched, now or at DueAt(). A batch that is retried comes before more batches.
bool Fetcher::IsEligible(const Partition& p) const {
  if (!p.traits().fetches) return false;
  if (lane_->watch.IsSuspect(Side::kTarget, p.leaders.target.node)) return false;
  return p.phase != PartitionPhase::kRetrying || p.queue.empty();
}

int64_t Fetcher::DueAt(const Partition& p) const {
  const bool retries = p.phase == PartitionPhase::kRetrying;
  return std::max(p.source.not_before, retries ? p.delivery.backoff_until : 0);
}

int64_t Fetcher::BytesMax(const Partition& p) const {
  const int64_t bytes = lane_->settings.partition_fetch_bytes_max;
  return p.phase == PartitionPhase::kRetrying ? std::min(bytes, kRetryBytes) : bytes;
}

// Its queue, or that of its target broker, is full: acks make room.
bool Fetcher::IsCrowded(const Partition& p) const {
  return p.queue.bytes() >= lane_->settings.partition_queue_bytes_max ||
         lane_->shares.IsOver(p.leaders.target.node);
}

void Fetcher::Ask(int32_t node_id, Node* node) {
  if (lane_->now < node->not_before) return lane_->WakeAt(node->not_before);
  const int64_t room = lane_->memory.fetch_room();
  const Shares shares = DivideRoom();
  if (room < std::min(kRoomMin, shares.equal)) return;  // acks make room, and every ack ticks

  FetchRequest request{};
  std::vector<Wanted> wanted;
  bool crowded = false;
  for (uint32_t id : node->order) {
    const Partition* p = lane_->Find(id);
    if (!IsEligible(*p)) continue;
    if (DueAt(*p) > lane_->now) {
      lane_->WakeAt(DueAt(*p));
      continue;
    }
    if (IsCrowded(*p)) {
      crowded = true;
      continue;
    }
    const Leadership& leader = p->leaders.source;
    request.partitions.push_back({p->topic, leader.topic_id, p->number, leader.epoch,
                                  p->source.offset, p->source.epoch,
                                  static_cast<int32_t>(BytesMax(*p))});
    wanted.push_back({id, p->source.offset, p->read.follower >= 0, leader.topic_id});
    if (replicas_.IsDue(*p)) request.rack = lane_->rack;
  }
  if (wanted.empty()) return;
  const int64_t share = node->is_idle ? shares.idle : shares.busy;
  request.bytes_max = static_cast<int32_t>(
      std::min({room, lane_->settings.fetch_bytes_max, share, kRecordBytesMax}));
  request.wait_max_ms =
      crowded ? kCrowdedWaitMs : static_cast<int32_t>(lane_->settings.fetch_wait_max_ms);
  Send(node_id, node, &request, std::move(wanted));
}

// Requests in flight reserve what they may bring. Together they get half of the bound, so that idle
// brokers that hold their requests cannot keep a busy one from being asked: an idle broker gets its
// equal part at most, and little of it; what idle brokers leave is for the busy ones. No response
// takes more than a quarter (MemoryRelief::kDeadShare).
Fetcher::Shares Fetcher::DivideRoom() const {
  int64_t idle = 0, busy = 0;
  for (const auto& [id, node] : nodes_)
    if (!node.order.empty()) ++(node.is_idle ? idle : busy);
  const int64_t bound = lane_->memory.bound();
  const int64_t equal = bound / std::max<int64_t>(2 * (idle + busy), 4);
  Shares shares{equal, std::min(equal, kIdleBytes), equal};
  if (busy > 0)
    shares.busy = std::min((bound / 2 - idle * shares.idle) / busy, bound / 4);
  return shares;
}

void Fetcher::BackOff(Node* node) {
  node->not_before = lane_->now + lane_->settings.retry_backoff_ms;
  lane_->WakeAt(node->not_before);
}

bool Fetcher::CanAsk(int32_t node_id, Node* node, const std::vector<Wanted>& wanted,
                     int16_t* version) {
  const Reach reach = lane_->AskReach(Side::kSource, node_id, kFetchApi, version);
  if (reach != Reach::kReady || *version < kFetchFromFollowersFrom)
    LeaveFollowers(node_id, wanted);
  if (reach == Reach::kReady) return true;
  leaders_->Refresh(Side::kSource);
  BackOff(node);
  const std::string what = DescribeReach(Side::kSource, node_id, kFetchApi, reach);
  for (const Wanted& w : wanted) {
    Partition* p = lane_->Find(w.id);
    if (p->source_node() != node_id) continue;
    if (reach == Reach::kDown)
      lane_->moves.SetObstacle(p, Side::kSource, kafka_error::kNetworkException, what);
    if (reach == Reach::kUnsupported)
      lane_->moves.EndSource(p, {kErrorBrokerUnsupported, what, {}});
  }
  return false;
}

void Fetcher::LeaveFollowers(int32_t node_id, const std::vector<Wanted>& wanted) {
  for (const Wanted& w : wanted) {
    Partition* p = lane_->Find(w.id);
    if (p != nullptr && p->read.follower == node_id) replicas_.Leave(p);
  }
}

void Fetcher::Send(int32_t node_id, Node* node, FetchRequest* request, std::vector<Wanted> wanted) {
  int16_t version = -1;
  if (!CanAsk(node_id, node, wanted, &version)) return;
  // KIP-516: brokers return no ids before their inter.broker.protocol.version is 2.8.
  const bool lacks_ids = std::any_of(wanted.begin(), wanted.end(),
                                     [](const Wanted& w) { return w.topic_id == TopicId{}; });
  if (lacks_ids) version = std::min(version, kFetchByNameMax);
  request->bytes_min = static_cast<int32_t>(lane_->settings.fetch_min_bytes);
  request->isolation_level = static_cast<int8_t>(lane_->settings.isolation_level);
  EncodedRequest encoded;
  EncodeFetch(*request, version, &encoded);
  const uint64_t tag = next_tag_++;
  const auto timeout = static_cast<int>(lane_->settings.request_timeout_ms + request->wait_max_ms);
  const Status status = lane_->transport->Send(
      {Side::kSource, node_id, kFetchApi.key, version, std::move(encoded.pieces), timeout, tag,
       encoded.is_flexible});
  if (!status.ok()) return BackOff(node);
  const Patience patience = lane_->watch.PatienceFor(request->wait_max_ms, true);
  lane_->watch.Sent(Side::kSource, node_id, patience, lane_->now);
  node->asking = true;
  lane_->memory.ReserveFetch(request->bytes_max);
  lane_->counters.fetch_requests++;
  outstanding_.emplace(tag, Outstanding{node_id, request->bytes_max, !request->rack.empty(),
                                        patience, std::move(wanted)});
}

void Fetcher::OnReply(const Reply& reply, std::vector<Partition*>* filled) {
  auto found = outstanding_.find(reply.tag);
  Outstanding asked = std::move(found->second);
  outstanding_.erase(found);
  lane_->memory.EndFetch(asked.bytes_max);
  lane_->watch.Answered(Side::kSource, asked.node, asked.patience, lane_->now);
  Node& node = nodes_[asked.node];
  node.asking = false;
  FetchResponse response;
  int32_t error = reply.error != 0 || reply.body ? reply.error : kErrorResponseMalformed;
  HeldRef buffer;
  if (error == 0) {
    buffer = lane_->memory.Hold(reply.body);
    lane_->counters.fetch_response_bytes += buffer->size();
    const Status parsed = ParseFetch(buffer->data(), static_cast<size_t>(buffer->size()),
                                     reply.api_version, &response);
    error = parsed.ok() ? response.error : parsed.code;
  }
  if (error != 0) {
    lane_->counters.request_errors++;
    lane_->errors[error]++;
    leaders_->Refresh(Side::kSource);
    LeaveFollowers(asked.node, asked.wanted);
    return BackOff(&node);
  }
  lane_->counters.source_throttle_ms += response.throttle_ms;
  if (response.throttle_ms > 0 && reply.api_version >= kFetchClientThrottlesFrom)
    node.not_before = lane_->now + response.throttle_ms;
  const size_t first = filled->size();
  node.is_idle = true;
  AskedFinder finder(*lane_, asked.wanted, reply.api_version > kFetchByNameMax);
  for (const FetchedPartition& fetched : response.partitions) {
    const Wanted* wanted = finder.Find(fetched.topic, fetched.partition);
    if (fetched.records_size > 0) node.is_idle = false;
    if (wanted != nullptr && IsAwaited(*wanted, asked.node))
      OnPartition(fetched, *wanted, asked.with_rack, buffer, filled);
  }
  Rotate(&node, {filled->begin() + static_cast<std::ptrdiff_t>(first), filled->end()});
}

// Not so if the partition is fetched from another broker by now, or from the same one as its
// leader: what a follower has said of its own log is not what it says as the leader.
bool Fetcher::IsAwaited(const Wanted& wanted, int32_t node) const {
  const Partition* p = lane_->Find(wanted.id);
  return p->source_node() == node && (p->read.follower >= 0) == wanted.is_follower;
}

void Fetcher::OnPartition(const FetchedPartition& fetched, const Wanted& wanted, bool with_rack,
                          const HeldRef& buffer, std::vector<Partition*>* filled) {
  Partition* p = lane_->Find(wanted.id);
  // Revoked, faulted or gone back to another offset while the request was in flight.
  if (!p->traits().stores || p->source.offset != wanted.offset) return;
  if (wanted.is_follower && (fetched.error != 0 || fetched.diverging_end >= 0))
    return replicas_.Doubt(p, fetched.error);
  if (fetched.error != 0) return OnPartitionError(p, fetched);
  if (fetched.diverging_end >= 0) return OnDivergence(p, fetched);
  SeeLogEnd(p, fetched);
  if (fetched.records_size > 0) {
    if (wanted.is_follower)
      lane_->counters.follower_bytes += static_cast<int64_t>(fetched.records_size);
    intake_.Store(p, fetched, buffer);
    // A first batch that was cut brings nothing: the partition keeps its place in the order, and at
    // the head the broker sends the batch whole.
    if (p->source.offset != wanted.offset) filled->push_back(p);
  }
  const int64_t end = lane_->settings.isolation_level == 1 && p->source.last_stable_offset >= 0
                          ? p->source.last_stable_offset
                          : p->source.high_watermark;
  CheckSourceEnd(lane_, p, p->source.offset >= end);
  p->source.end_marks.See(p->source.high_watermark, p->progress.upstream, lane_->wall_now);
  if (p->progress.upstream >= end) p->counters.caught_up_at_ms = lane_->wall_now;
  if (wanted.is_follower)
    replicas_.OnFollower(p, fetched);
  else
    replicas_.OnLeader(p, fetched, with_rack);
}

// A follower learns where the log begins and ends a moment after its leader has reported it.
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

// KIP-595: the leader's log has no batch of our epoch there, so the log that was read was truncated
// (an unclean election), and may have grown past our offset again. What is queued was read from the
// log that is gone; it is acknowledged first, so that progress says how far that log was mirrored.
void Fetcher::OnDivergence(Partition* p, const FetchedPartition& fetched) {
  const int64_t next = std::min(fetched.diverging_end, p->source.offset);
  lane_->moves.EndSource(
      p, {kErrorSourceTruncated,
          Where(*p) + " is next, but the source is another log there: its epoch " +
              std::to_string(fetched.diverging_epoch) + " ends at offset " +
              std::to_string(fetched.diverging_end),
          {next, p->source.offset - next, fetched.diverging_epoch}});
}

// Partitions that got data go to the end, so that the next response is filled by others first: with
// more data than fetch_bytes_max every partition gets its turn (KIP-74 asks clients for this).
void Fetcher::Rotate(Node* node, const std::vector<Partition*>& filled) {
  if (filled.empty()) return;
  std::unordered_set<uint32_t> ids;
  for (const Partition* p : filled) ids.insert(p->id);
  std::stable_partition(node->order.begin(), node->order.end(),
                        [&](uint32_t id) { return !ids.contains(id); });
}

}  // namespace longhaul
