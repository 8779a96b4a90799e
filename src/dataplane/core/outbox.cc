#include "core/outbox.h"

#include <algorithm>
#include <utility>

#include "core/sequence.h"
#include "core/topic_id.h"

namespace longhaul {
namespace {

constexpr int64_t kFewBytes = 64 * 1024;

}  // namespace

// Without proof the leader may have no state of the producer, and then it accepts any sequence: it
// could append a second batch although it did not append the first one. So one batch at a time.
size_t Outbox::InFlightMax(const Partition& p) const {
  const bool proven = lane_->now < p.delivery.dedup_proven_until;
  return proven ? static_cast<size_t>(lane_->settings.partition_batches_in_flight) : 1;
}

bool Outbox::CanSend(const Partition& p) const {
  if (!p.traits().produces || p.queue.unsent() == 0) return false;
  if (p.phase == PartitionPhase::kRetrying && lane_->now < p.delivery.backoff_until) return false;
  return p.queue.first_unsent().merge == nullptr && p.queue.sent() < InFlightMax(p);
}

void Outbox::EnqueueReady(Partition* p) {
  const int32_t leader = p->leaders.target.node;
  if (p->delivery.ready_at == leader || !CanSend(*p)) return;
  Node& node = nodes_[leader];
  p->delivery.ready_at = leader;
  if (p->queue.first_unsent().reason == BatchReason::kMerged)
    return node.merged.push_back(p->id);
  if (node.ready.empty()) {
    node.ready_since = lane_->now;
    node.ready_bytes = 0;
  }
  // Its few batches would wait for requests full of the backlog of others. If all partitions
  // together have more than the broker accepts, their queues grow, and they take turns.
  if (!p->source.is_behind && p->queue.bytes() <= kFewBytes)
    node.ready.push_front(p->id);
  else
    node.ready.push_back(p->id);
  node.ready_bytes += p->queue.first_unsent().size;
}

bool Outbox::IsDue(const Node& node) const {
  return lane_->settings.linger_ms == 0 || node.ready_bytes >= lane_->settings.batch_size ||
         lane_->now - node.ready_since >= lane_->settings.linger_ms;
}

void Outbox::Tick() {
  for (uint32_t id : lane_->moves.TakeReady())
    if (Partition* p = lane_->Find(id)) EnqueueReady(p);
  for (uint32_t id : lane_->moves.list(WorkList::kRetries)) {
    Partition* p = lane_->Find(id);
    EnqueueReady(p);
    if (p->delivery.backoff_until > lane_->now) lane_->WakeAt(p->delivery.backoff_until);
  }
  for (auto& [id, node] : nodes_) {
    if (node.ready.empty() && node.merged.empty()) continue;
    if (lane_->now < node.not_before) {
      lane_->WakeAt(node.not_before);
    } else if (node.merged.empty() && !IsDue(node)) {
      lane_->WakeAt(node.ready_since + lane_->settings.linger_ms);
    } else {
      Flush(id, &node);
    }
  }
}

bool Outbox::CanAsk(int32_t node_id, Node* node, int16_t* version) {
  const Reach reach = lane_->AskReach(Side::kTarget, node_id, kProduceApi, version);
  if (reach == Reach::kReady) return true;
  leaders_->RefreshEachSecond(Side::kTarget);
  node->not_before = lane_->now + lane_->settings.retry_backoff_ms;
  lane_->WakeAt(node->not_before);
  const std::string what = DescribeReach(Side::kTarget, node_id, kProduceApi, reach);
  // Leaders may change meanwhile: each partition is enqueued again, for its leader at that time.
  std::deque<uint32_t> all = std::exchange(node->merged, {});
  for (uint32_t id : std::exchange(node->ready, {})) all.push_back(id);
  for (uint32_t id : all) {
    Partition* p = lane_->Find(id);
    if (p == nullptr || p->delivery.ready_at != node_id) continue;
    p->delivery.ready_at = -1;
    if (!p->traits().produces) continue;
    if (reach == Reach::kUnsupported) {
      lane_->moves.Fail(p, {kErrorBrokerUnsupported, what, {}});
      continue;
    }
    if (reach == Reach::kDown)
      lane_->moves.SetObstacle(p, Side::kTarget, kafka_error::kNetworkException, what);
    p->delivery.backoff_until = node->not_before;
    p->delivery.attempts = std::max(p->delivery.attempts, 1);
    lane_->moves.Move(p, PartitionEvent::kBatchRetried);
  }
  return false;
}

// One request at a time to a broker that throttles: it would not read further requests meanwhile.
bool Outbox::CanSendMore(int32_t node_id, const Node& node) const {
  if (lane_->watch.IsSuspect(Side::kTarget, node_id)) return false;
  if (node.requests == 0) return true;
  return !node.is_throttled && node.requests < lane_->settings.produce_requests_in_flight &&
         node.pinned_bytes < lane_->shares.pinned_bytes_max();
}

void Outbox::Pin(Node* node, const HeldBuffer* buffer, int32_t times) {
  int32_t& pins = node->pins[buffer];
  if (pins == 0) node->pinned_bytes += buffer->size();
  pins += times;
  if (pins > 0) return;
  node->pinned_bytes -= buffer->size();
  node->pins.erase(buffer);
}

// All requests in flight to a broker use one connection. When the connection ends, some requests
// may be lost before their failure is known here. Over a new connection, a later batch would arrive
// without the lost ones, and a broker that has forgotten the producer would accept it. So nothing
// is sent until all requests of the old connection are answered or have failed.
bool Outbox::HasConnection(int32_t node_id, Node* node) {
  const int32_t current = lane_->transport->connection(Side::kTarget, node_id);
  if (node->requests == 0) node->connection = current;
  if (current >= 0 && current == node->connection) return true;
  lane_->WakeAt(lane_->now + lane_->settings.retry_backoff_ms);
  return false;
}

void Outbox::Flush(int32_t node_id, Node* node) {
  int16_t version = -1;
  if (!CanSendMore(node_id, *node) || !CanAsk(node_id, node, &version)) return;
  if (!HasConnection(node_id, node)) return;
  const bool is_due = !node->ready.empty() && IsDue(*node);
  while (NextList(node, is_due) != nullptr && CanSendMore(node_id, *node)) {
    std::vector<Partition*> partitions = Collect(node_id, node, version, is_due);
    if (!partitions.empty() && !SendRequest(node_id, node, version, partitions)) return;
  }
}

// The broker would refuse the next batch because of its codec, and a broker before Kafka 2.1 would
// return another error. So the refusal is simulated here. True: it was.
bool Outbox::RefuseCodec(Partition* p, int16_t version) {
  const QueuedBatch& batch = p->queue.first_unsent();
  const Codec codec = RecordBatchView(batch.data).codec();
  const bool is_too_new = codec == Codec::kZstd && version < kProduceZstdFrom;
  if (lane_->target_codecs.Accepts(codec) && !is_too_new) return false;
  const HeldRef buffer = batch.buffer;
  OnAck({p->id, p->queue.MarkSent(), buffer, {}},
        {.code = kafka_error::kUnsupportedCompressionType,
         .error_text = is_too_new ? "the broker is older than Kafka 2.1" : ""});
  return true;
}

// The list of the next partition that may be sent. `is_due`: linger.ms is over.
std::deque<uint32_t>* Outbox::NextList(Node* node, bool is_due) {
  if (!node->merged.empty()) return &node->merged;
  return is_due && !node->ready.empty() ? &node->ready : nullptr;
}

// One batch of each ready partition, up to produce_request_bytes_max. Partitions that have more to
// send go to the end of their list. One whose next batch is being merged is ready again after that.
std::vector<Partition*> Outbox::Collect(int32_t node_id, Node* node, int16_t version, bool is_due) {
  std::vector<Partition*> partitions;
  int64_t bytes = 0;
  while (std::deque<uint32_t>* list = NextList(node, is_due)) {
    Partition* p = lane_->Find(list->front());
    // An entry from before the partition was assigned again, or was enqueued for another broker and
    // then for this one again: it would put the partition into one request twice.
    const bool is_stale = p == nullptr || p->delivery.ready_at != node_id;
    if (is_stale || !CanSend(*p) || p->leaders.target.node != node_id) {
      list->pop_front();
      if (is_stale) continue;
      p->delivery.ready_at = -1;
      EnqueueReady(p);  // for its new leader, if the leader has changed
      continue;
    }
    const bool lingered = list == &node->ready;
    if (lingered) node->ready_bytes -= p->queue.first_unsent().size;
    rebatch_.Begin(p, InFlightMax(*p));
    const bool can_send = CanSend(*p);
    const int64_t size = can_send ? p->queue.first_unsent().size : 0;
    if (!partitions.empty() && bytes + size > lane_->settings.produce_request_bytes_max) {
      if (lingered) node->ready_bytes += size;
      break;
    }
    list->pop_front();
    p->delivery.ready_at = -1;
    if (!can_send || RefuseCodec(p, version)) continue;
    bytes += size;
    partitions.push_back(p);
  }
  std::stable_sort(
      partitions.begin(), partitions.end(),
      [](const Partition* a, const Partition* b) { return a->remote_topic < b->remote_topic; });
  return partitions;
}

bool Outbox::SendRequest(int32_t node_id, Node* node, int16_t version,
                         const std::vector<Partition*>& partitions) {
  const uint64_t tag = next_tag_++;
  const int64_t ack_wait = std::min(kAckWaitMs, lane_->settings.request_timeout_ms);
  Outstanding out{node_id, lane_->watch.PatienceFor(ack_wait, false), {}};
  // KIP-516: brokers return no ids before their inter.broker.protocol.version is 2.8.
  const bool has_ids = std::all_of(partitions.begin(), partitions.end(), [](const Partition* p) {
    return p->leaders.target.topic_id != TopicId{};
  });
  if (!has_ids) version = std::min(version, kProduceByNameMax);
  std::vector<ProducePartition> produce;
  produce.reserve(partitions.size());
  for (Partition* p : partitions) {
    const QueuedBatch& batch = p->queue.first_unsent();
    produce.push_back({p->remote_topic, p->number, batch.data, static_cast<size_t>(batch.size),
                       p->leaders.target.topic_id});
    batch.buffer->in_flight++;
    Pin(node, batch.buffer.get(), 1);
    const HeldRef buffer = batch.buffer;
    out.sent.push_back({p->id, p->queue.MarkSent(), buffer, p->leaders.target.topic_id});
    p->delivery.sent_to = node_id;
  }
  EncodedRequest encoded;
  EncodeProduce(produce, version, static_cast<int32_t>(ack_wait), &encoded);
  const auto timeout = static_cast<int>(lane_->settings.request_timeout_ms + kTimeoutMarginMs);
  Status status = lane_->Send({Side::kTarget, node_id, kProduceApi.key, version,
                                          std::move(encoded.pieces), timeout, tag,
                                          encoded.is_flexible, node->connection});
  lane_->watch.Sent(Side::kTarget, {node_id}, out.patience, lane_->now);
  node->requests++;
  lane_->counters.produce_requests++;
  outstanding_.emplace(tag, std::move(out));
  if (!status.ok()) {
    OnReply({Side::kTarget, tag, status.code, 0, nullptr, false, {}});
    return false;
  }
  for (Partition* p : partitions) EnqueueReady(p);
  return true;
}

void Outbox::OnReply(const Reply& reply) {
  auto found = outstanding_.find(reply.tag);
  Outstanding out = std::move(found->second);
  outstanding_.erase(found);
  Node& node = nodes_[out.node];
  node.requests--;
  lane_->watch.Answered(Side::kTarget, {out.node}, out.patience, lane_->now);
  lane_->line_memory.SeeRoundTrip(Side::kTarget, lane_->now, reply.first_byte_ms);
  for (const Sent& sent : out.sent) {
    sent.buffer->in_flight--;
    Pin(&node, sent.buffer.get(), -1);
  }

  ProduceResponse response;
  int32_t error = reply.error;
  if (error == 0) {
    const Status parsed = reply.body ? ParseProduce(reply.body->data(), reply.body->size(),
                                                    reply.api_version, &response)
                                     : Status::Error(kErrorResponseMalformed, "empty");
    error = parsed.code;
  }
  if (error != 0) {
    lane_->counters.request_errors++;
    for (const Sent& sent : out.sent)
      OnAck(sent, {.code = error, .error_text = "the whole request failed"});
    return;
  }
  lane_->counters.target_throttle_ms += response.throttle_ms;
  lane_->brokers.Throttled(Side::kTarget, out.node, response.throttle_ms);
  node.is_throttled = response.throttle_ms > 0;
  if (node.is_throttled && reply.api_version >= kProduceClientThrottlesFrom) {
    node.not_before = lane_->now + response.throttle_ms;
    lane_->watch.Muted(Side::kTarget, out.node, node.not_before);
  }
  TakeAnswers(out, response, reply.api_version > kProduceByNameMax);
}

// Brokers do not promise the order of the answers in a response. In practice it is the order of the
// request, so each search starts after the answer that was found last.
void Outbox::TakeAnswers(const Outstanding& out, const ProduceResponse& response, bool by_id) {
  const std::vector<ProducedPartition>& answers = response.partitions;
  size_t hint = 0;
  for (const Sent& sent : out.sent) {
    Partition* p = lane_->Find(sent.id);
    if (p == nullptr) continue;
    const ProducedPartition* found = nullptr;
    const std::string_view topic = by_id ? BytesOf(sent.topic_id) : p->remote_topic;
    for (size_t i = 0; i < answers.size() && found == nullptr; i++, hint++) {
      const ProducedPartition& candidate = answers[hint % answers.size()];
      if (candidate.partition == p->number && candidate.topic == topic)
        found = &candidate;
    }
    if (found != nullptr && found->error != 0)
      leaders_->Follow(Side::kTarget, p, found->leader);
    if (found == nullptr)
      OnAck(sent, {.code = kErrorResponseMalformed, .error_text = "not in the response"});
    else
      OnAck(sent, {found->error, found->base_offset, found->append_time, found->error_text,
                   found->refused_record});
  }
}

// Does this ack mean that our batch is a duplicate of one that a previous owner has appended since
// the last scan (a process that was considered dead, or its delayed request)? The records of that
// batch may differ from ours, because a policy may have moved this owner to another offset; so the
// ack must not count. The sign is: on a topic with create times a broker returns an append time
// only for a duplicate (UnifiedLog.append).
bool Outbox::IsDoubtful(Partition* p, const Answer& answer) const {
  if (!lane_->is_idempotent()) return false;
  if (answer.append_time < 0 || p->scan.is_log_append_time ||
      answer.base_offset < p->scan.findings.scan_offset)
    return false;
  p->scan.doubted_offset = answer.base_offset;
  p->scan.doubted_time = answer.append_time;
  return true;
}

void Outbox::OnAck(const Sent& sent, Answer answer) {
  Partition* p = lane_->Find(sent.id);
  QueuedBatch* batch = p == nullptr ? nullptr : p->queue.TakeReply(sent.ticket);
  if (batch == nullptr) return;  // the queue no longer waits for this reply
  // The offset is before earlier acknowledged records: the target's log was truncated, and a broker
  // without the producer's state accepted a batch that it should have refused. The ack is treated
  // as that refusal, and the scan that follows finds the missing records.
  if (answer.code == 0 && answer.base_offset >= 0 && answer.base_offset < p->progress.downstream)
    answer = {.code = kafka_error::kOutOfOrderSequenceNumber,
              .error_text = "acknowledged at an offset before earlier acknowledgements"};
  // A broker may also return this code itself: it knows the batch, but does not return its offset.
  // The scan finds the offset.
  if (answer.code == 0 && IsDoubtful(p, answer))
    answer = {.code = kafka_error::kDuplicateSequenceNumber,
              .error_text = "a batch of another owner has its sequence"};
  if (answer.code == 0) {
    batch->acked = true;
    batch->base_offset = answer.base_offset;
    PopAcked(p);
  } else {
    refused_.Note(p, sent.ticket.ordinal, {answer.code, std::string(answer.error_text)},
                  answer.refused_record);
  }
  if (p->queue.outstanding() == 0 && p->delivery.refusal.code != 0) {
    refused_.Settle(p);
  } else if (p->phase == PartitionPhase::kEnding && p->has_nothing_to_send()) {
    lane_->moves.Fail(p, p->source.ending);
  } else {
    EnqueueReady(p);
  }
}

void Outbox::PopAcked(Partition* p) {
  bool popped = false;
  for (; p->queue.sent() > 0 && p->queue.front().acked; popped = true) {
    CountAck(p, p->queue.front());
    p->queue.PopFront();
  }
  if (!popped) return;
  p->source.end_marks.Pass(p->progress.upstream);
  p->delivery.refetches = 0;
  p->delivery.scans_in_vain = 0;
  p->delivery.attempts = 0;
  if (p->phase == PartitionPhase::kRetrying)
    lane_->moves.Move(p, PartitionEvent::kBatchAcked);
  // An ack of the former leader does not show that the new leader accepts batches.
  if (p->phase != PartitionPhase::kMoving) lane_->moves.ClearObstacle(p, Side::kTarget);
}

// No producer id, no deduplication: a delayed request of a previous owner, or of a connection that
// broke, was appended between the scan and the first batch after it, which repeats its records.
// Later gaps are not counted: other producers without ids would be counted for ever.
void Outbox::CountLate(Partition* p, int64_t base_offset) {
  const int64_t scanned = p->scan.findings.scan_offset;
  if (p->progress.downstream > scanned || base_offset <= scanned) return;
  const int64_t records = base_offset - scanned;
  p->counters.doubled_records += records;
  lane_->events->Log(kLogShown, p->target_name() + ": up to " + std::to_string(records) +
                                    " records from offset " + std::to_string(scanned) +
                                    " on came in a delayed request and are mirrored twice");
}

void Outbox::CountAck(Partition* p, const QueuedBatch& batch) {
  const int64_t base = batch.base_offset >= 0 ? batch.base_offset : p->progress.downstream;
  // A target without producer ids deduplicates nothing: one batch is in flight at a time.
  if (lane_->is_idempotent()) p->delivery.dedup_proven_until = lane_->now + kProofMs;
  else CountLate(p, base);
  ForEachRun(batch, [&](int64_t upstream, int64_t index, int64_t length) {
    lane_->events->Placed(*p, upstream, base + index, length);
  });
  p->progress = {batch.upstream_next, base + batch.records,
                 SequenceAfter(batch.sequence, batch.records), batch.leader_epoch};
  lane_->CountMirrored(p, batch);
  lane_->events->MadeProgress(*p);
}

}  // namespace longhaul
