#include "core/fetcher.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace longhaul {
namespace {

constexpr size_t kSource = static_cast<size_t>(Side::kSource);

constexpr size_t kTarget = static_cast<size_t>(Side::kTarget);
constexpr int32_t kNetworkException = 13;

std::string Where(const Partition& p) {
  std::string where = "source offset " + std::to_string(p.fetch_offset);
  if (p.fetch_epoch >= 0) where += " after leader epoch " + std::to_string(p.fetch_epoch);
  return where;
}

}  // namespace

// Brokers answer in the order of the request, so the next one asked for is tried first; a table is
// made for a broker that does not.
class Fetcher::AskedFinder {
 public:
  AskedFinder(const Lane& lane, const std::vector<Wanted>& wanted) : lane_(lane), wanted_(wanted) {}
  const Wanted* Find(std::string_view topic, int32_t partition) {
    if (next_ < wanted_.size() && Is(wanted_[next_], topic, partition)) return &wanted_[next_++];
    if (by_name_.empty()) {
      for (const Wanted& w : wanted_)
        if (const Partition* p = Get(w.id)) by_name_[{p->topic, p->partition}] = &w;
    }
    auto it = by_name_.find({topic, partition});
    if (it == by_name_.end()) return nullptr;
    next_ = static_cast<size_t>(it->second - wanted_.data()) + 1;
    return it->second;
  }

 private:
  const Partition* Get(uint32_t id) const {
    auto it = lane_.partitions.find(id);
    return it == lane_.partitions.end() ? nullptr : it->second.get();
  }
  bool Is(const Wanted& w, std::string_view topic, int32_t partition) const {
    const Partition* p = Get(w.id);
    return p != nullptr && p->partition == partition && p->topic == topic;
  }

  const Lane& lane_;
  const std::vector<Wanted>& wanted_;
  size_t next_ = 0;
  std::map<std::pair<std::string_view, int32_t>, const Wanted*> by_name_;
};

void Fetcher::Tick() {
  if (lane_->routes_stale) Route();
  if (Room() < RoomMin()) EvictStalled();
  for (auto& [id, node] : nodes_)
    if (!node.asking) Ask(id, &node);
}

// Brings nodes_[*].order in line with the leaders.
void Fetcher::Route() {
  lane_->routes_stale = false;
  for (auto& [node_id, node] : nodes_) {
    std::erase_if(node.order, [&, id = node_id](uint32_t partition) {
      Partition* p = lane_->Find(partition);
      bool stays = p != nullptr && p->routed_to == id && p->leaders[kSource] == id;
      if (!stays && p != nullptr && p->routed_to == id) p->routed_to = -1;
      return !stays;
    });
  }
  for (auto& [id, p] : lane_->partitions) {
    if (p->routed_to >= 0 || p->leaders[kSource] < 0) continue;
    p->routed_to = p->leaders[kSource];
    nodes_[p->routed_to].order.push_back(id);
  }
}

bool Fetcher::Eligible(const Partition& p) const {
  if (!p.running() || p.failure_code != 0 || p.fault_code != 0) return false;
  if (p.leaders[kTarget] < 0) return false;  // nowhere to go
  if (lane_->now < p.fetch_not_before || lane_->now < p.backoff_until) return false;
  return p.attempts == 0 || p.queue.empty();  // what is being retried comes first
}

int64_t Fetcher::Room() const {
  return lane_->settings.in_flight_bytes_max - *lane_->held_bytes - reserved_bytes_;
}

// The lane is full. Partitions that cannot send hold memory that others could use: they let go of
// it and fetch again later, so that one dead target broker cannot stop the rest.
void Fetcher::EvictStalled() {
  for (uint32_t id : lane_->waiting) {
    Partition* p = lane_->Find(id);
    if (p == nullptr || p->queue.empty() || p->outstanding > 0) continue;
    if (p->running() && p->leaders[kTarget] >= 0 && p->backoff_until <= lane_->now) continue;
    p->ResetToProgress();
    if (p->running()) p->backoff_until = lane_->now + lane_->settings.retry_backoff_max_ms;
    lane_->counters.evictions++;
  }
}

void Fetcher::Ask(int32_t node_id, Node* node) {
  if (lane_->now < node->not_before) {
    lane_->WakeAt(node->not_before);
    return;
  }
  int64_t room = Room();
  if (room < RoomMin()) return;  // acks make room, and every ack ticks

  FetchRequest request{};
  std::vector<Wanted> wanted;
  bool crowded = false;
  for (uint32_t id : node->order) {
    Partition* p = lane_->Find(id);
    if (!Eligible(*p)) {
      const int64_t due = std::max(p->fetch_not_before, p->backoff_until);
      if (p->running() && due > lane_->now) lane_->WakeAt(due);
      continue;
    }
    if (p->queued_bytes >= lane_->settings.partition_queue_bytes_max) {
      crowded = true;
      continue;
    }
    const auto bytes_max = static_cast<int32_t>(lane_->settings.partition_fetch_bytes_max);
    request.partitions.push_back({p->topic, p->partition, p->leader_epochs[kSource],
                                  p->fetch_offset, p->fetch_epoch,
                                  p->attempts > 0 ? std::min(bytes_max, kRetryBytes) : bytes_max});
    wanted.push_back({id, p->fetch_offset});
  }
  if (wanted.empty()) return;
  request.bytes_max =
      static_cast<int32_t>(std::min({room, lane_->settings.fetch_bytes_max, Share()}));
  request.wait_max_ms =
      crowded ? kCrowdedWaitMs : static_cast<int32_t>(lane_->settings.fetch_wait_max_ms);
  Send(node_id, node, &request, std::move(wanted));
}

// Outstanding requests reserve what they may bring. Together they get half of the bound, so that
// idle brokers that hold their requests cannot keep a busy one from being asked.
int64_t Fetcher::Share() const {
  int64_t brokers = 0;
  for (const auto& [id, node] : nodes_) brokers += node.order.empty() ? 0 : 1;
  return lane_->settings.in_flight_bytes_max / (2 * std::max<int64_t>(brokers, 1));
}

void Fetcher::BackOff(Node* node) {
  node->not_before = lane_->now + lane_->settings.retry_backoff_ms;
  lane_->WakeAt(node->not_before);
}

bool Fetcher::CanAsk(int32_t node_id, Node* node, const std::vector<Wanted>& wanted,
                     int16_t* version) {
  const Reach reach = lane_->TryReach(Side::kSource, node_id, kApiFetch, kFetchVersionMin,
                                      kFetchVersionMax, version);
  if (reach == Reach::kReady) return true;
  leaders_->Refresh(Side::kSource);
  BackOff(node);
  const std::string broker = "source broker " + std::to_string(node_id);
  for (const Wanted& w : wanted) {
    if (reach == Reach::kDown)
      lane_->Show(lane_->Find(w.id), kNetworkException, broker + " is not connected");
    if (reach == Reach::kUnsupported)
      lane_->FaultAfterQueue(lane_->Find(w.id), kErrorBrokerUnsupported,
                             broker + " speaks no Fetch v4 to v12");
  }
  return false;
}

void Fetcher::Send(int32_t node_id, Node* node, FetchRequest* request, std::vector<Wanted> wanted) {
  int16_t version = -1;
  if (!CanAsk(node_id, node, wanted, &version)) return;
  request->bytes_min = static_cast<int32_t>(lane_->settings.fetch_min_bytes);
  request->isolation_level = static_cast<int8_t>(lane_->settings.isolation_level);
  EncodedRequest encoded;
  EncodeFetch(*request, version, &encoded);
  uint64_t tag = next_tag_++;
  auto timeout = static_cast<int>(lane_->settings.request_timeout_ms + request->wait_max_ms);
  Status status = lane_->transport->Send(
      {Side::kSource, node_id, kApiFetch, version, std::move(encoded.pieces), timeout, tag,
       encoded.is_flexible});
  if (!status.ok()) return BackOff(node);
  node->asking = true;
  reserved_bytes_ += request->bytes_max;
  lane_->counters.fetch_requests++;
  outstanding_.emplace(tag, Outstanding{node_id, request->bytes_max, std::move(wanted)});
}

void Fetcher::OnReply(const Reply& reply, std::vector<Partition*>* filled) {
  auto found = outstanding_.find(reply.tag);
  Outstanding asked = std::move(found->second);
  outstanding_.erase(found);
  reserved_bytes_ -= asked.bytes_max;
  Node& node = nodes_[asked.node];
  node.asking = false;
  FetchResponse response;
  int32_t error = reply.error != 0 || reply.body ? reply.error : kErrorResponseMalformed;
  BufferRef buffer;
  if (error == 0) {
    buffer = lane_->Hold(reply.body);
    lane_->counters.fetch_response_bytes += static_cast<int64_t>(buffer->size());
    Status parsed = ParseFetch(buffer->data(), buffer->size(), reply.api_version, &response);
    error = parsed.ok() ? response.error : parsed.code;
  }
  if (error != 0) {
    lane_->counters.request_errors++;
    lane_->errors[error]++;
    leaders_->Refresh(Side::kSource);
    return BackOff(&node);
  }
  lane_->counters.source_throttle_ms += response.throttle_ms;
  if (response.throttle_ms > 0 && reply.api_version >= kFetchClientThrottlesFrom)
    node.not_before = lane_->now + response.throttle_ms;
  size_t first = filled->size();
  AskedFinder finder(*lane_, asked.wanted);
  for (const FetchedPartition& fetched : response.partitions) {
    const Wanted* wanted = finder.Find(fetched.topic, fetched.partition);
    if (wanted != nullptr) OnPartition(fetched, *wanted, buffer, filled);
  }
  Rotate(&node, {filled->begin() + static_cast<std::ptrdiff_t>(first), filled->end()});
}

void Fetcher::OnPartition(const FetchedPartition& fetched, const Wanted& wanted,
                          const BufferRef& buffer, std::vector<Partition*>* filled) {
  Partition* p = lane_->Find(wanted.id);
  // Paused, stopped or gone back to another offset while the request was out: not wanted any more.
  if (!p->running() || p->fault_code != 0 || p->fetch_offset != wanted.offset) return;
  if (fetched.error != 0) {
    OnPartitionError(p, fetched.error);
    return;
  }
  if (fetched.diverging_end >= 0) {
    OnDivergence(p, fetched);
    return;
  }
  p->high_watermark = fetched.high_watermark;
  p->last_stable_offset = fetched.last_stable_offset;
  if (fetched.log_start_offset >= 0) p->log_start_offset = fetched.log_start_offset;
  if (p->leaders[kSource] >= 0 && p->code != 0 && p->failure_code == 0 && p->attempts == 0)
    lane_->SetState(p, p->state, 0, "");
  if (fetched.records_size > 0) {
    intake_.Take(p, fetched, buffer);
    // A first batch that was cut brings nothing: the partition keeps its place in the order, and at
    // the head the broker sends the batch whole.
    if (p->fetch_offset != wanted.offset) filled->push_back(p);
  }
  int64_t end = lane_->settings.isolation_level == 1 && p->last_stable_offset >= 0
                    ? p->last_stable_offset
                    : p->high_watermark;
  intake_.CheckEnd(p, p->fetch_offset >= end);
  if (p->progress.upstream >= end) p->counters.caught_up_at_ms = lane_->wall_now;
}

void Fetcher::OnPartitionError(Partition* p, int16_t code) {
  ErrorClass error = ClassifyError(code);
  std::string where = Where(*p);
  if (!error.retriable) return lane_->FaultAfterQueue(p, code, where);
  lane_->NoteRetry(p, code, where);
  if (error.refreshes_metadata) leaders_->Refresh(Side::kSource);
  p->fetch_not_before = lane_->now + lane_->settings.retry_backoff_ms;
  lane_->WakeAt(p->fetch_not_before);
}

// KIP-595: the leader's log has no batch of our epoch there, so the one we read from was truncated
// (an unclean election), and may have grown past our offset again. What is queued was read from the
// log that is gone; it is acked first, so that progress says how far that was mirrored.
void Fetcher::OnDivergence(Partition* p, const FetchedPartition& fetched) {
  const int64_t next = std::min(fetched.diverging_end, p->fetch_offset);
  lane_->FaultAfterQueue(p, kErrorSourceTruncated,
                         Where(*p) + " is next, but the source is another log there: its epoch " +
                             std::to_string(fetched.diverging_epoch) + " ends at offset " +
                             std::to_string(fetched.diverging_end),
                         {next, p->fetch_offset - next, fetched.diverging_epoch});
}

// Partitions that got data go to the end, so that the next response is filled by others first: with
// more data than fetch_bytes_max nobody starves (KIP-74 asks clients for this).
void Fetcher::Rotate(Node* node, const std::vector<Partition*>& filled) {
  if (filled.empty()) return;
  std::unordered_set<uint32_t> ids;
  for (const Partition* p : filled) ids.insert(p->id);
  std::stable_partition(node->order.begin(), node->order.end(),
                        [&](uint32_t id) { return !ids.contains(id); });
}

}  // namespace longhaul
