#include "core/outbox.h"

#include <algorithm>
#include <utility>

namespace longhaul {
namespace {

constexpr size_t kTarget = static_cast<size_t>(Side::kTarget);

// Kafka error codes that need more than a retry; the rest is in the error table.
constexpr int32_t kCorruptMessage = 2;
constexpr int32_t kMessageTooLarge = 10;
constexpr int32_t kRecordListTooLarge = 18;
constexpr int32_t kOutOfOrderSequence = 45;
constexpr int32_t kDuplicateSequence = 46;
constexpr int32_t kUnknownProducerId = 59;

int64_t* ReasonCounter(PartitionCounters* counters, size_t reason) {
  switch (reason) {
    case 0: return &counters->passed_through;
    case 6: return &counters->reencoded_compacted;
    case 7: return &counters->reencoded_old_magic;
    case 8: return &counters->reencoded_mid_batch;
    case 9: return &counters->reencoded_log_append_time;
    default: return &counters->reencoded_too_large;
  }
}

}  // namespace

bool Outbox::CanSend(const Partition& p) const {
  if (!p.running() || p.unsent() == 0 || p.failure_code != 0 || p.leaders[kTarget] < 0)
    return false;
  if (lane_->now < p.backoff_until && p.attempts > 0) return false;
  // Until a first ack the broker may hold no state of our producer id, and then it takes any
  // sequence: a second batch could be appended although the first one failed. So: one at a time.
  auto limit = p.proven ? static_cast<size_t>(lane_->settings.partition_batches_in_flight) : 1;
  if (p.sent >= limit) return false;
  // The leader moved: what is out at the old one comes back first.
  return p.outstanding == 0 || p.sent_to == p.leaders[kTarget];
}

void Outbox::Offer(Partition* p) {
  if (p->in_outbox || !CanSend(*p)) {
    if (p->attempts > 0 && p->unsent() > 0) lane_->WakeAt(p->backoff_until);
    return;
  }
  Node& node = nodes_[p->leaders[kTarget]];
  if (node.ready.empty()) {
    node.ready_since = lane_->now;
    node.ready_bytes = 0;
  }
  node.ready.push_back(p->id);
  node.ready_bytes += p->queue[p->sent].size;
  p->in_outbox = true;
}

void Outbox::OfferAll() {
  for (auto& [id, p] : lane_->partitions) Offer(p.get());
}

bool Outbox::Due(const Node& node) const {
  return lane_->settings.linger_ms == 0 || node.ready_bytes >= lane_->settings.batch_size ||
         lane_->now - node.ready_since >= lane_->settings.linger_ms;
}

void Outbox::Tick() {
  for (auto& [id, p] : lane_->partitions)
    if (p->attempts > 0) Offer(p.get());
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

void Outbox::Flush(int32_t node_id, Node* node) {
  if (lane_->transport->broker_state(Side::kTarget, node_id) != BrokerState::kUp) {
    leaders_->Refresh(Side::kTarget);
    node->not_before = lane_->now + lane_->settings.retry_backoff_ms;
    lane_->WakeAt(node->not_before);
    // Leaders may move meanwhile: everybody is offered anew, to whoever leads then.
    for (uint32_t id : std::exchange(node->ready, {}))
      if (Partition* p = lane_->Find(id)) {
        p->in_outbox = false;
        p->backoff_until = node->not_before;
        p->attempts = std::max(p->attempts, 1);
      }
    return;
  }
  int16_t version = lane_->transport->api_version(Side::kTarget, node_id, kApiProduce,
                                                  kProduceVersionMin, kProduceVersionMax);
  while (!node->ready.empty() && node->requests < lane_->settings.produce_requests_in_flight) {
    std::vector<Partition*> partitions = Collect(node_id, node);
    if (partitions.empty()) continue;
    if (!SendRequest(node_id, node, version, partitions)) return;
  }
}

// One batch of each ready partition, up to produce_request_bytes_max. Partitions that have more to
// send go to the end of the line.
std::vector<Partition*> Outbox::Collect(int32_t node_id, Node* node) {
  std::vector<Partition*> partitions;
  int64_t bytes = 0;
  while (!node->ready.empty()) {
    Partition* p = lane_->Find(node->ready.front());
    if (p == nullptr || !CanSend(*p) || p->leaders[kTarget] != node_id) {
      if (p != nullptr) p->in_outbox = false;
      node->ready.pop_front();
      if (p != nullptr) Offer(p);  // to its new leader, if that is what changed
      continue;
    }
    int64_t size = p->queue[p->sent].size;
    if (!partitions.empty() && bytes + size > lane_->settings.produce_request_bytes_max) break;
    node->ready.pop_front();
    bytes += size;
    partitions.push_back(p);
    p->in_outbox = false;
  }
  std::stable_sort(partitions.begin(), partitions.end(), [](const Partition* a, const Partition* b) {
    return a->remote_topic < b->remote_topic;
  });
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
    produce.push_back(
        {p->remote_topic, p->partition, batch.data, static_cast<size_t>(batch.size)});
    out.sent.push_back({p->id, p->front_ordinal + p->sent, batch.buffer});
    p->sent++;
    p->outstanding++;
    p->sent_to = node_id;
  }
  EncodedRequest encoded;
  auto timeout = static_cast<int>(lane_->settings.request_timeout_ms);
  EncodeProduce(produce, version, timeout, &encoded);
  // The broker answers within `timeout`; the connection gets as long again.
  Status status = version < 0
                      ? Status::Error(kErrorBrokerUnsupported, "no Produce v3 to v8")
                      : lane_->transport->Send({Side::kTarget, node_id, kApiProduce, version,
                                                std::move(encoded.pieces), 2 * timeout, tag});
  node->requests++;
  lane_->counters.produce_requests++;
  outstanding_.emplace(tag, std::move(out));
  if (!status.ok()) {
    OnReply({Side::kTarget, tag, status.code, 0, nullptr, false, {}});
    return false;
  }
  node->ready_since = lane_->now;
  node->ready_bytes = 0;
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
    for (const Sent& sent : out.sent) OnBatch(sent, error, -1, "the whole request failed");
    return;
  }
  if (response.throttle_ms > 0) {
    lane_->counters.target_throttle_ms += response.throttle_ms;
    node.not_before = lane_->now + response.throttle_ms;
  }
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
      OnBatch(sent, kErrorResponseMalformed, -1, "not in the response");
    else
      OnBatch(sent, produced->error, produced->base_offset, produced->message);
  }
}

void Outbox::OnBatch(const Sent& sent, int32_t code, int64_t base_offset,
                     std::string_view message) {
  Partition* p = lane_->Find(sent.id);
  if (p == nullptr || sent.ordinal < p->front_ordinal) return;  // let go of meanwhile
  size_t index = static_cast<size_t>(sent.ordinal - p->front_ordinal);
  if (index >= p->sent) return;
  p->outstanding--;
  if (code == 0 || code == kDuplicateSequence) {
    p->queue[index].acked = true;
    p->queue[index].base_offset = code == 0 ? base_offset : -1;
    while (p->sent > 0 && p->queue.front().acked) {
      Ack(p, p->queue.front());
      p->queued_bytes -= p->queue.front().size;
      p->queue.pop_front();
      p->front_ordinal++;
      p->sent--;
    }
  } else if (p->failure_code == 0 || sent.ordinal < p->failure_ordinal) {
    // The failure of the earliest batch is the cause; those behind it fail as out of order.
    p->failure_code = code;
    p->failure_ordinal = sent.ordinal;
    p->failure_detail = std::string(message);
  }
  if (p->failure_code != 0 && p->outstanding == 0)
    OnFailure(p);
  else
    Offer(p);
}

void Outbox::Ack(Partition* p, const QueuedBatch& batch) {
  p->progress.upstream = batch.upstream_next;
  p->progress.downstream =
      (batch.base_offset >= 0 ? batch.base_offset : p->progress.downstream) + batch.records;
  p->progress.sequence = SequenceAfter(batch.sequence, batch.records);
  p->proven = true;
  p->resumes = 0;
  p->refetches = 0;
  if (p->attempts > 0) {
    p->attempts = 0;
    p->backoff_until = 0;
  }
  if (p->code != 0) lane_->SetState(p, p->state, 0, "");
  PartitionCounters& c = p->counters;
  c.records += batch.records;
  c.batches++;
  c.bytes += batch.size;
  ++*ReasonCounter(&c, batch.reason);
  c.acked_timestamp_ms = std::max(c.acked_timestamp_ms, batch.max_timestamp);
  if (batch.max_timestamp >= 0)
    lane_->latency.Add(lane_->wall_now - batch.max_timestamp, batch.records);
  lane_->events->MadeProgress(*p);
}

void Outbox::OnFailure(Partition* p) {
  int32_t code = std::exchange(p->failure_code, 0);
  std::string detail = std::exchange(p->failure_detail, {});
  for (size_t i = 0; i < p->sent; i++) {
    if (!p->queue[i].acked) continue;
    // A later batch is on the target without an earlier one. CanSend makes this next to impossible;
    // if a broker lost our producer's state between the two, nobody may go on silently.
    lane_->Fault(p, kOutOfOrderSequence, "the target took a batch after one that it refused with " +
                                             std::to_string(code));
    return;
  }
  if (p->stopping) {
    p->queue.clear();
    p->sent = 0;
    return;
  }
  FailBatch(p, code, detail);
}

void Outbox::FailBatch(Partition* p, int32_t code, const std::string& detail) {
  const QueuedBatch& front = p->queue.front();
  std::string where = "target " + p->remote_topic + "-" + std::to_string(p->partition) +
                      " refused the batch before source offset " +
                      std::to_string(front.upstream_next) + (detail.empty() ? "" : ": " + detail);
  switch (code) {
    case kOutOfOrderSequence:
    case kUnknownProducerId:
      if (++p->resumes > kResumesMax) return lane_->Fault(p, code, where);
      lane_->NoteRetry(p, code, where);
      p->ResetToProgress();
      p->proven = false;
      p->scan_offset = p->progress.downstream;
      p->seam = {};
      return lane_->SetState(p, PartitionState::kResuming, code, where);
    case kMessageTooLarge:
    case kRecordListTooLarge:
      if (front.records == 1)
        return lane_->Fault(p, kErrorRecordTooLarge,
                            where + ": one record of " + std::to_string(front.size) + " bytes");
      // Only what exceeds the topic's limit is refused, so this bound never undershoots it; the
      // intake splits until the pieces fit.
      p->batch_bytes_max = front.size - 1;
      lane_->NoteRetry(p, code, where);
      p->ResetToProgress();
      return lane_->SetState(p, p->state, 0, "");
    case kCorruptMessage:
      // Either the bytes were hurt on the way, then a new Fetch brings good ones, or on the disk.
      if (++p->refetches > kRefetchesMax) return lane_->Fault(p, code, where);
      p->ResetToProgress();
      return Retry(p, code, where, false);
    default: {
      ErrorClass error = ClassifyError(code);
      if (!error.retriable && code != kErrorResponseMalformed)
        return lane_->Fault(p, code, where);
      return Retry(p, code, where, error.refreshes_metadata);
    }
  }
}

void Outbox::Retry(Partition* p, int32_t code, const std::string& detail, bool refresh) {
  lane_->NoteRetry(p, code, detail);
  p->sent = 0;
  p->DropUnsentBehind(static_cast<size_t>(lane_->settings.partition_batches_in_flight));
  p->proven = false;  // one at a time until the broker takes one again
  p->backoff_until = lane_->now + lane_->BackoffMs(p->attempts++);
  lane_->WakeAt(p->backoff_until);
  if (refresh) leaders_->Refresh(Side::kTarget);
}

}  // namespace longhaul
