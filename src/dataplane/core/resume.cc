#include "core/resume.h"

#include <algorithm>
#include <utility>

#include "core/record_batch.h"

namespace longhaul {
namespace {

constexpr size_t kTarget = static_cast<size_t>(Side::kTarget);
constexpr size_t kSource = static_cast<size_t>(Side::kSource);
constexpr int32_t kOffsetOutOfRange = 1;

}  // namespace

void Resume::Tick() {
  std::map<int32_t, std::vector<Partition*>> by_node;
  for (auto& [id, p] : lane_->partitions) {
    if (p->stopping || p->scanning || p->outstanding > 0) continue;
    if (p->state == PartitionState::kStarting && p->leaders[kTarget] >= 0 &&
        p->leaders[kSource] >= 0)
      lane_->SetState(p.get(), PartitionState::kResuming, 0, "");
    if (p->state != PartitionState::kResuming || p->leaders[kTarget] < 0) continue;
    if (lane_->now < p->backoff_until) {
      lane_->WakeAt(p->backoff_until);
      continue;
    }
    std::vector<Partition*>& partitions = by_node[p->leaders[kTarget]];
    if (partitions.size() < kPartitionsMax) partitions.push_back(p.get());
  }
  for (auto& [node_id, partitions] : by_node) Ask(node_id, &nodes_[node_id], partitions);
}

void Resume::Ask(int32_t node_id, Node* node, const std::vector<Partition*>& partitions) {
  if (node->asking) return;
  if (lane_->now < node->not_before) return lane_->WakeAt(node->not_before);
  node->not_before = lane_->now + lane_->settings.retry_backoff_ms;
  lane_->WakeAt(node->not_before);
  if (lane_->transport->broker_state(Side::kTarget, node_id) != BrokerState::kUp)
    return leaders_->Refresh(Side::kTarget);
  int16_t version = lane_->transport->api_version(Side::kTarget, node_id, kApiFetch,
                                                  kFetchVersionMin, kFetchVersionMax);
  FetchRequest request{};
  request.bytes_min = 0;
  request.bytes_max = kRequestBytes;
  request.isolation_level = 0;  // other producers' open transactions must not hide our batches
  Outstanding out{node_id, {}};
  for (Partition* p : partitions) {
    request.partitions.push_back({p->remote_topic, p->partition, p->leader_epochs[kTarget],
                                  p->scan_offset, kPartitionBytes});
    out.ids.push_back(p->id);
  }
  EncodedRequest encoded;
  EncodeFetch(request, version, &encoded);
  uint64_t tag = next_tag_++;
  Status status = lane_->transport->Send({Side::kTarget, node_id, kApiFetch, version,
                                          std::move(encoded.pieces),
                                          static_cast<int>(lane_->settings.request_timeout_ms),
                                          tag});
  if (!status.ok()) return;
  for (Partition* p : partitions) p->scanning = true;
  node->asking = true;
  node->not_before = 0;
  outstanding_.emplace(tag, std::move(out));
}

void Resume::OnReply(const Reply& reply) {
  auto found = outstanding_.find(reply.tag);
  Outstanding asked = std::move(found->second);
  outstanding_.erase(found);
  Node& node = nodes_[asked.node];
  node.asking = false;
  for (uint32_t id : asked.ids)
    if (Partition* p = lane_->Find(id)) p->scanning = false;

  FetchResponse response;
  int32_t error = reply.error;
  if (error == 0) {
    Status parsed = reply.body ? ParseFetch(reply.body->data(), reply.body->size(),
                                            reply.api_version, &response)
                               : Status::Error(kErrorResponseMalformed, "empty");
    error = parsed.ok() ? response.error : parsed.code;
  }
  if (error != 0) {
    lane_->counters.request_errors++;
    lane_->errors[error]++;
    leaders_->Refresh(Side::kTarget);
    node.not_before = lane_->now + lane_->settings.retry_backoff_ms;
    return;
  }
  for (const FetchedPartition& fetched : response.partitions) {
    for (uint32_t id : asked.ids) {
      Partition* p = lane_->Find(id);
      if (p == nullptr || p->partition != fetched.partition || p->remote_topic != fetched.topic)
        continue;
      if (p->state == PartitionState::kResuming && !p->stopping) OnPartition(p, fetched);
    }
  }
}

void Resume::OnPartition(Partition* p, const FetchedPartition& fetched) {
  if (fetched.error != 0) {
    std::string where = "reading target " + p->remote_topic + "-" +
                        std::to_string(p->partition) + " from offset " +
                        std::to_string(p->scan_offset);
    ErrorClass error = ClassifyError(fetched.error);
    if (fetched.error == kOffsetOutOfRange) return lane_->Fault(p, kErrorTargetOutOfRange, where);
    if (!error.retriable) return lane_->Fault(p, fetched.error, where);
    lane_->NoteRetry(p, fetched.error, where);
    if (error.refreshes_metadata) leaders_->Refresh(Side::kTarget);
    p->backoff_until = lane_->now + lane_->BackoffMs(p->attempts++);
    return;
  }
  Scan(p, fetched);
  if (p->state == PartitionState::kResuming && p->scan_offset >= fetched.high_watermark) Finish(p);
}

void Resume::Scan(Partition* p, const FetchedPartition& fetched) {
  BatchWalker walker(fetched.records, fetched.records_size);
  RecordBatchView batch;
  BatchWalker::Step step;
  while ((step = walker.Next(&batch)) == BatchWalker::Step::kBatch) {
    if (batch.last_offset() < p->scan_offset) continue;
    p->scan_offset = batch.last_offset() + 1;
    if (batch.is_legacy() || batch.producer_id() != lane_->producer_id || batch.is_control())
      continue;
    p->seam.records_found += batch.record_count();
    p->seam.downstream_next = p->scan_offset;
    p->seam.batch_records = batch.record_count();
    p->seam.batch_max_timestamp = batch.max_timestamp();
    p->seam.batch_payload_crc = PayloadCrc(batch);
    p->seam.batch_codec = static_cast<uint8_t>(batch.codec());
  }
  if (step == BatchWalker::Step::kMalformed)
    lane_->Fault(p, kErrorBatchMalformed,
                 "on the target, at offset " + std::to_string(p->scan_offset));
}

void Resume::Finish(Partition* p) {
  int64_t found = p->seam.records_found;
  p->attempts = 0;
  p->ResetToProgress();
  p->seam.records_left = found;
  p->seam.records_found = found;
  lane_->SetState(p, PartitionState::kRunning, 0, "");
}

}  // namespace longhaul
