#include "core/outbox.h"

#include <algorithm>
#include <utility>

namespace longhaul {
namespace {

constexpr size_t kTarget = static_cast<size_t>(Side::kTarget);

// Kafka error codes that need more than a retry; the rest is in the error table.
constexpr int32_t kCorruptMessage = 2;
constexpr int32_t kMessageTooLarge = 10;
constexpr int32_t kNetworkException = 13;
constexpr int32_t kRecordListTooLarge = 18;
constexpr int32_t kOutOfOrderSequence = 45;
constexpr int32_t kDuplicateSequence = 46;
constexpr int32_t kUnknownProducerId = 59;

// Retriable codes with which a broker says that it did not append. With any other the batch may be
// there: a leader that steps down or waits in vain for its followers has appended all the same.
bool SaysNotAppended(int32_t code) {
  constexpr int32_t kCodes[] = {3, 5, 19, 89};  // UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE,
                                                // NOT_ENOUGH_REPLICAS, THROTTLING_QUOTA_EXCEEDED
  return std::find(std::begin(kCodes), std::end(kCodes), code) != std::end(kCodes);
}

}  // namespace

bool Outbox::CanSend(const Partition& p) const {
  if (!p.running() || p.look_first || p.failure_code != 0) return false;
  if (p.unsent() == 0 || p.leaders[kTarget] < 0) return false;
  if (lane_->now < p.backoff_until && p.attempts > 0) return false;
  // Without proof the broker may hold no state of our producer id, and then it takes any sequence:
  // a second batch could be appended although the first one failed. So: one at a time.
  const bool proven = lane_->now < p.proven_until;
  if (p.sent >= (proven ? static_cast<size_t>(lane_->settings.partition_batches_in_flight) : 1))
    return false;
  // The leader moved: what is out at the old one comes back first.
  return p.outstanding == 0 || p.sent_to == p.leaders[kTarget];
}

void Outbox::Offer(Partition* p) {
  const int32_t leader = p->leaders[kTarget];
  if (p->ready_at == leader || !CanSend(*p)) return;
  Node& node = nodes_[leader];
  if (node.ready.empty()) {
    node.ready_since = lane_->now;
    node.ready_bytes = 0;
  }
  node.ready.push_back(p->id);
  node.ready_bytes += p->queue[p->sent].size;
  p->ready_at = leader;
}

void Outbox::OfferAll() {
  for (auto& [id, p] : lane_->partitions) Offer(p.get());
}

bool Outbox::Due(const Node& node) const {
  return lane_->settings.linger_ms == 0 || node.ready_bytes >= lane_->settings.batch_size ||
         lane_->now - node.ready_since >= lane_->settings.linger_ms;
}

void Outbox::Tick() {
  std::erase_if(lane_->waiting, [this](uint32_t id) {
    Partition* p = lane_->Find(id);
    if (p == nullptr || p->state == PartitionState::kFaulted) return true;
    Offer(p);
    if (p->backoff_until > lane_->now) lane_->WakeAt(p->backoff_until);
    return p->attempts == 0 && p->leaders[kTarget] >= 0;
  });
  for (auto& [id, node] : nodes_) {
    if (node.ready.empty()) continue;
    if (lane_->now < node.not_before) {
      lane_->WakeAt(node.not_before);
    } else if (!Due(node)) {
      lane_->WakeAt(node.ready_since + lane_->settings.linger_ms);
    } else {
      Flush(id, &node);
    }
  }
}

bool Outbox::CanAsk(int32_t node_id, Node* node, int16_t* version) {
  const Reach reach = lane_->TryReach(Side::kTarget, node_id, kApiProduce, kProduceVersionMin,
                                      kProduceVersionMax, version);
  if (reach == Reach::kReady) return true;
  leaders_->Refresh(Side::kTarget);
  node->not_before = lane_->now + lane_->settings.retry_backoff_ms;
  lane_->WakeAt(node->not_before);
  const std::string broker = "target broker " + std::to_string(node_id);
  // Leaders may move meanwhile: everybody is offered anew, to whoever leads then.
  for (uint32_t id : std::exchange(node->ready, {})) {
    Partition* p = lane_->Find(id);
    if (p == nullptr || p->ready_at != node_id) continue;
    p->ready_at = -1;
    p->backoff_until = node->not_before;
    p->attempts = std::max(p->attempts, 1);
    lane_->waiting.insert(id);
    if (reach == Reach::kDown) lane_->Show(p, kNetworkException, broker + " is not connected");
    if (reach == Reach::kUnsupported)
      lane_->Fault(p, kErrorBrokerUnsupported, broker + " speaks no Produce v3 to v8");
  }
  return false;
}

void Outbox::Flush(int32_t node_id, Node* node) {
  int16_t version = -1;
  if (!CanAsk(node_id, node, &version)) return;
  while (!node->ready.empty() && node->requests < lane_->settings.produce_requests_in_flight) {
    std::vector<Partition*> partitions = Collect(node_id, node);
    if (!partitions.empty() && !SendRequest(node_id, node, version, partitions)) return;
  }
}

// One batch of each ready partition, up to produce_request_bytes_max. Partitions that have more to
// send go to the end of the line.
std::vector<Partition*> Outbox::Collect(int32_t node_id, Node* node) {
  std::vector<Partition*> partitions;
  int64_t bytes = 0;
  while (!node->ready.empty()) {
    Partition* p = lane_->Find(node->ready.front());
    // Left over from before it was assigned anew or offered to another broker and back. Taking it
    // would put a partition twice into one request.
    const bool stale = p == nullptr || p->ready_at != node_id;
    if (stale || !CanSend(*p) || p->leaders[kTarget] != node_id) {
      node->ready.pop_front();
      if (stale) continue;
      p->ready_at = -1;
      Offer(p);  // to its new leader, if that is what changed
      continue;
    }
    int64_t size = p->queue[p->sent].size;
    if (!partitions.empty() && bytes + size > lane_->settings.produce_request_bytes_max) break;
    node->ready.pop_front();
    node->ready_bytes -= size;
    bytes += size;
    partitions.push_back(p);
    p->ready_at = -1;
  }
  std::stable_sort(
      partitions.begin(), partitions.end(),
      [](const Partition* a, const Partition* b) { return a->remote_topic < b->remote_topic; });
  return partitions;
}

bool Outbox::SendRequest(int32_t node_id, Node* node, int16_t version,
                         const std::vector<Partition*>& partitions) {
  uint64_t tag = next_tag_++;
  Outstanding out{node_id, {}};
  std::vector<ProducePartition> produce;
  produce.reserve(partitions.size());
  for (Partition* p : partitions) {
    QueuedBatch& batch = p->queue[p->sent];
    produce.push_back({p->remote_topic, p->partition, batch.data, static_cast<size_t>(batch.size)});
    out.sent.push_back({p->id, p->front_ordinal + p->sent, batch.buffer});
    p->sent++;
    p->outstanding++;
    p->sent_to = node_id;
  }
  EncodedRequest encoded;
  auto timeout = static_cast<int>(lane_->settings.request_timeout_ms);
  EncodeProduce(produce, version, timeout, &encoded);
  // The broker answers within `timeout`; the connection gets as long again.
  Status status = lane_->transport->Send(
      {Side::kTarget, node_id, kApiProduce, version, std::move(encoded.pieces), 2 * timeout, tag});
  node->requests++;
  lane_->counters.produce_requests++;
  outstanding_.emplace(tag, std::move(out));
  if (!status.ok()) {
    OnReply({Side::kTarget, tag, status.code, 0, nullptr, false, {}});
    return false;
  }
  for (Partition* p : partitions) Offer(p);
  return true;
}

void Outbox::OnReply(const Reply& reply) {
  auto found = outstanding_.find(reply.tag);
  Outstanding out = std::move(found->second);
  outstanding_.erase(found);
  Node& node = nodes_[out.node];
  node.requests--;

  ProduceResponse response;
  int32_t error = reply.error;
  if (error == 0) {
    Status parsed = reply.body ? ParseProduce(reply.body->data(), reply.body->size(),
                                              reply.api_version, &response)
                               : Status::Error(kErrorResponseMalformed, "empty");
    error = parsed.code;
  }
  if (error != 0) {
    lane_->counters.request_errors++;
    for (const Sent& sent : out.sent) OnBatch(sent, error, -1, -1, "the whole request failed");
    return;
  }
  lane_->counters.target_throttle_ms += response.throttle_ms;
  if (response.throttle_ms > 0 && reply.api_version >= kProduceClientThrottlesFrom)
    node.not_before = lane_->now + response.throttle_ms;
  // Brokers answer in no promised order; in practice it is ours, so the search starts there.
  size_t hint = 0;
  for (const Sent& sent : out.sent) {
    Partition* p = lane_->Find(sent.id);
    if (p == nullptr) continue;
    const ProducedPartition* produced = nullptr;
    for (size_t i = 0; i < response.partitions.size() && produced == nullptr; i++, hint++) {
      const ProducedPartition& candidate = response.partitions[hint % response.partitions.size()];
      if (candidate.partition == p->partition && candidate.topic == p->remote_topic)
        produced = &candidate;
    }
    if (produced == nullptr)
      OnBatch(sent, kErrorResponseMalformed, -1, -1, "not in the response");
    else
      OnBatch(sent, produced->error, produced->base_offset, produced->append_time,
              produced->error_text);
  }
}

// A batch with these sequences is there that was not when the target was looked at last: somebody
// else's who is taken for dead, or a request of theirs that was late on its way. It may hold other
// records than ours, if a policy moved us on meanwhile. Brokers tell by an append time, which of a
// topic with create times only an ack for a duplicate has (UnifiedLog.append).
bool Outbox::IsForeign(Partition* p, int64_t base_offset, int64_t append_time) const {
  if (append_time < 0 || p->tells_append_time || base_offset < p->scan_offset) return false;
  p->foreign_offset = base_offset;
  p->foreign_time = append_time;
  return true;
}

void Outbox::OnBatch(const Sent& sent, int32_t code, int64_t base_offset, int64_t append_time,
                     std::string_view error_text) {
  Partition* p = lane_->Find(sent.id);
  if (p == nullptr || sent.ordinal < p->front_ordinal) return;  // let go of meanwhile
  size_t index = static_cast<size_t>(sent.ordinal - p->front_ordinal);
  if (index >= p->sent) return;
  p->outstanding--;
  // Behind a hole: the target's log was cut, and a broker without our producer's state took what
  // should have been refused as out of order. The look that such an error causes finds it.
  if (code == 0 && base_offset >= 0 && base_offset < p->progress.downstream) {
    code = kOutOfOrderSequence;
    error_text = "acked below what was acked before";
  }
  if (code == 0 && IsForeign(p, base_offset, append_time)) {
    NoteFailure(p, sent.ordinal, kDuplicateSequence, "another sender's batch has its place");
  } else if (code == 0 || code == kDuplicateSequence) {
    p->queue[index].acked = true;
    p->queue[index].base_offset = code == 0 ? base_offset : -1;
    PopAcked(p);
  } else {
    NoteFailure(p, sent.ordinal, code, error_text);
  }
  if (p->failure_code != 0 && p->outstanding == 0) {
    OnFailure(p);
  } else if (p->fault_code != 0 && p->queue.empty()) {
    lane_->Fault(p, p->fault_code, p->fault_detail, p->fault_unmirrorable);
  } else {
    Offer(p);
  }
}

// The failure of the earliest batch is the cause; those behind it fail as out of order.
void Outbox::NoteFailure(Partition* p, uint64_t ordinal, int32_t code, std::string_view text) {
  if (p->failure_code != 0 && ordinal >= p->failure_ordinal) return;
  p->failure_code = code;
  p->failure_ordinal = ordinal;
  p->failure_detail = std::string(text);
}

void Outbox::PopAcked(Partition* p) {
  while (p->sent > 0 && p->queue.front().acked) {
    Ack(p, p->queue.front());
    p->PopFront();
    p->sent--;
  }
}

void Outbox::Ack(Partition* p, const QueuedBatch& batch) {
  p->progress.upstream = batch.upstream_next;
  p->progress.downstream =
      (batch.base_offset >= 0 ? batch.base_offset : p->progress.downstream) + batch.records;
  p->progress.sequence = SequenceAfter(batch.sequence, batch.records);
  p->progress.leader_epoch = batch.leader_epoch;
  p->proven_until = lane_->now + kProofMs;
  p->resumes = 0;
  p->refetches = 0;
  if (p->attempts > 0) {
    p->attempts = 0;
    p->backoff_until = 0;
  }
  if (p->code != 0) lane_->SetState(p, p->state, 0, "");
  lane_->CountMirrored(p, batch);
  lane_->events->MadeProgress(*p);
}

// All that was sent has been answered, and not all of it well.
void Outbox::OnFailure(Partition* p) {
  const int32_t code = std::exchange(p->failure_code, 0);
  const std::string detail = std::exchange(p->failure_detail, {});
  const std::string where = p->target_name() + " refused the batch before source offset " +
                            std::to_string(p->queue.front().upstream_next) +
                            (detail.empty() ? "" : ": " + detail);
  bool overtaken = false;
  for (size_t i = 0; i < p->sent; i++) overtaken |= std::exchange(p->queue[i].acked, false);
  p->sent = 0;
  if (p->stopping || p->state == PartitionState::kPaused) {
    lane_->NoteRetry(p, code, where);
    return p->ResetToProgress();
  }
  if (code == kDuplicateSequence) return Look(p, where);
  // A later batch was acked: then the failed one is there too and only its answer was lost, or the
  // broker had forgotten our producer and left a hole. The scan can tell.
  if (overtaken) return Rescan(p, code, where);
  FailBatch(p, code, where);
}

void Outbox::FailBatch(Partition* p, int32_t code, const std::string& where) {
  switch (code) {
    case kOutOfOrderSequence:
    case kUnknownProducerId:
      if (++p->resumes > kResumesMax) return lane_->Fault(p, code, where);
      return Rescan(p, code, where);
    case kMessageTooLarge:
    case kRecordListTooLarge:
      return Split(p, code, where);
    case kCorruptMessage:
      // Either the bytes were hurt on the way, then a new Fetch brings good ones, or on the disk.
      if (++p->refetches > kRefetchesMax)
        return lane_->Fault(p, code, where, p->BehindFront(p->queue.front().records));
      p->ResetToProgress();
      return Retry(p, code, where);
    default:
      if (!ClassifyError(code).retriable && code != kErrorResponseMalformed)
        return lane_->Fault(p, code, where);
      return SaysNotAppended(code) ? Retry(p, code, where) : Rescan(p, code, where);
  }
}

void Outbox::Split(Partition* p, int32_t code, const std::string& where) {
  const QueuedBatch& front = p->queue.front();
  if (front.records == 1)
    return lane_->Fault(p, kErrorRecordTooLarge,
                        where + ": one record of " + std::to_string(front.size) + " bytes",
                        p->BehindFront(1));
  // Only what exceeds the topic's limit is refused, so this bound never undershoots it; the intake
  // splits until the pieces fit.
  p->batch_bytes_max = front.size - 1;
  lane_->NoteRetry(p, code, where);
  p->ResetToProgress();
}

// Sends again from the front, after a while.
void Outbox::Retry(Partition* p, int32_t code, const std::string& where) {
  lane_->NoteRetry(p, code, where);
  p->counters.retries++;
  p->DropUnsentBehind(static_cast<size_t>(lane_->settings.partition_batches_in_flight));
  p->proven_until = 0;
  p->backoff_until = lane_->now + lane_->BackoffMs(p->attempts++);
  lane_->waiting.insert(p->id);
  if (ClassifyError(code).refreshes_metadata) leaders_->Refresh(Side::kTarget);
}

// Nothing failed, but an ack is in doubt: what arrived is found out. On a topic with append times
// that is so once, for the first ack.
void Outbox::Look(Partition* p, const std::string& where) {
  if (++p->resumes > kResumesMax) return lane_->Fault(p, kDuplicateSequence, where);
  p->BeginResume();
  lane_->SetState(p, PartitionState::kResuming, 0, "");
}

// The same as a retry, but what did arrive is found out first.
void Outbox::Rescan(Partition* p, int32_t code, const std::string& where) {
  Retry(p, code, where);
  p->BeginResume();
  lane_->SetState(p, PartitionState::kResuming, code, where);
}

}  // namespace longhaul
