#include "core/target_scan.h"

#include <algorithm>
#include <utility>

#include "core/resume.h"

namespace longhaul {

void TargetScan::Tick() {
  std::map<int32_t, Partitions> to_read, to_ask;
  for (uint32_t id : lane_->moves.CopyOf(WorkList::kScans)) {
    Partition* p = lane_->Find(id);
    if (p->scan.unanswered > 0 || !TryBegin(p)) continue;
    const bool asks = p->phase == PartitionPhase::kAsking;
    Partitions& ready = (asks ? to_ask : to_read)[p->leaders.target.node];
    if (lane_->now < p->scan.not_before) {
      lane_->WakeAt(p->scan.not_before);
    } else if (ready.size() < kPartitionsMax) {
      ready.push_back(p);
    }
  }
  int16_t version = -1;
  for (auto& [node_id, partitions] : to_read)
    if (CanAsk(node_id, &nodes_[node_id], partitions, &version))
      AskForBatches(node_id, version, partitions);
  for (auto& [node_id, partitions] : to_ask)
    if (CanAsk(node_id, &nodes_[node_id], partitions, &version))
      AskForProducer(node_id, partitions);
}

// False: the partition has to wait for a leader, or for answers to its batches in flight.
//
// The scan does not wait for answers of the former leader, which may hang. Its batches in flight
// are harmless. A batch that the former leader appends now reaches no other replica, because
// followers have the new epoch: the former leader cannot acknowledge the batch for all in-sync
// replicas, and truncates it when it follows the new leader. A batch that the former leader
// appended before is in the log of the new leader now, or never will be: the scan of that log
// decides (B, F). If the former leader leads again with another epoch, it may still append a batch
// that is in flight to it: the scan waits for its answers, because a broker answers the requests of
// one connection in order.
bool TargetScan::TryBegin(Partition* p) {
  if (p->phase != PartitionPhase::kStarting && p->phase != PartitionPhase::kMoving) return true;
  if (p->leaders.target.node < 0) return false;
  if (p->awaits_leader()) return false;
  if (p->phase == PartitionPhase::kStarting && p->leaders.source.node < 0) return false;
  p->queue.RecallSent();
  lane_->BeginScan(p, PartitionEvent::kScanBegins);
  return true;
}

bool TargetScan::CanAsk(int32_t node_id, Node* node, const Partitions& partitions,
                        int16_t* fetch_version) {
  if (partitions.empty() || node->unanswered > 0) return false;
  if (lane_->now < node->not_before) {
    lane_->WakeAt(node->not_before);
    return false;
  }
  node->not_before = lane_->now + lane_->settings.retry_backoff_ms;
  lane_->WakeAt(node->not_before);
  const Reach reach = lane_->AskReach(Side::kTarget, node_id, kFetchByNameApi, fetch_version);
  if (reach == Reach::kReady) return true;
  leaders_->RefreshEachSecond(Side::kTarget);
  const std::string what = DescribeReach(Side::kTarget, node_id, kFetchByNameApi, reach);
  for (Partition* p : partitions) {
    if (reach == Reach::kDown)
      lane_->moves.SetObstacle(p, Side::kTarget, kafka_error::kNetworkException, what);
    if (reach == Reach::kUnsupported)
      lane_->moves.Fail(p, {kErrorBrokerUnsupported, what, {}});
  }
  return false;
}

void TargetScan::AskForBatches(int32_t node_id, int16_t version, const Partitions& partitions) {
  const int64_t bytes = std::min(kRequestBytes, lane_->memory.scan_room());
  if (bytes <= 0) return;  // another broker's answer frees memory, and each answer ticks
  for (Partition* p : partitions) p->scan.question = ++questions_;
  AskForEnds(node_id, partitions);  // first, so that this end is not after the end of the Fetch
  FetchRequest request{};
  request.bytes_min = 0;
  request.bytes_max = static_cast<int32_t>(bytes);
  request.isolation_level = 0;  // other producers' open transactions must not hide our batches
  for (Partition* p : partitions) {
    const TargetFindings& findings = p->scan.findings;
    request.partitions.push_back(
        {p->remote_topic, {}, p->number, p->leaders.target.epoch,
         findings.scan_offset - (findings.must_verify_last_record ? 1 : 0), -1,
         static_cast<int32_t>(std::min(kPartitionBytes, bytes))});
  }
  EncodedRequest encoded;
  EncodeFetch(request, version, &encoded);
  Send(node_id, kFetchByNameApi.key, version, bytes, std::move(encoded), partitions);
}

// Once for each scan: if other producers write, the end may be ahead of the high watermark at any
// time. A new leader, which may lack some of the log, starts another scan.
void TargetScan::AskForEnds(int32_t node_id, const Partitions& partitions) {
  const bool can_tell = lane_->transport->api_version(Side::kTarget, node_id, kListOffsetsApi.key,
                                                      kListOffsetsApi.min,
                                                      kListOffsetsApi.max) >= 0;
  Partitions unknown;
  std::vector<NamedPartition> named;
  for (Partition* p : partitions) {
    if (p->scan.findings.log_end >= 0) continue;
    if (!can_tell) p->scan.findings.log_end = 0;
    unknown.push_back(p);
    named.push_back({p->remote_topic, p->number});
  }
  if (unknown.empty() || !can_tell) return;
  EncodedRequest encoded;
  EncodeListEnds(named, &encoded);
  Send(node_id, kListOffsetsApi.key, kListOffsetsApi.max, 0, std::move(encoded), unknown);
}

void TargetScan::AskForProducer(int32_t node_id, const Partitions& partitions) {
  const bool can_tell = lane_->transport->api_version(
                            Side::kTarget, node_id, kDescribeProducersApi.key,
                            kDescribeProducersApi.min, kDescribeProducersApi.max) >= 0;
  if (!can_tell) {
    for (Partition* p : partitions) {
      p->scan.findings.log_end = 0;  // the leader cannot return the end, so do not wait for it
      Take(p, TakeLeaderMemory(-1, p->progress, &p->scan.findings));
    }
    return;
  }
  std::vector<NamedPartition> named;
  named.reserve(partitions.size());
  for (Partition* p : partitions) {
    p->scan.question = ++questions_;
    named.push_back({p->remote_topic, p->number});
  }
  EncodedRequest encoded;
  EncodeDescribeProducers(named, &encoded);
  Send(node_id, kDescribeProducersApi.key, kDescribeProducersApi.max, 0, std::move(encoded),
       partitions);
}

void TargetScan::Send(int32_t node_id, int16_t api_key, int16_t version, int64_t reserved,
                      EncodedRequest request, const Partitions& partitions) {
  const uint64_t tag = next_tag_++;
  const Status status = lane_->Send(
      {Side::kTarget, node_id, api_key, version, std::move(request.pieces),
       static_cast<int>(lane_->settings.request_timeout_ms), tag, request.is_flexible});
  if (!status.ok()) return;
  const Patience patience = lane_->watch.PatienceFor(0, false);
  lane_->watch.Sent(Side::kTarget, {node_id}, patience, lane_->now);
  Outstanding out{node_id, api_key, reserved, patience, {}};
  for (Partition* p : partitions) {
    out.asked.push_back({p->id, p->scan.question});
    p->scan.unanswered++;
  }
  Node& node = nodes_[node_id];
  node.unanswered++;
  node.not_before = 0;
  lane_->memory.ReserveScan(reserved);
  outstanding_.emplace(tag, std::move(out));
}

Partition* TargetScan::Waiting(const Asked& asked) const {
  Partition* p = lane_->Find(asked.id);
  return p != nullptr && p->scan.question == asked.question && p->scan.unanswered > 0 ? p
                                                                                      : nullptr;
}

void TargetScan::OnReply(const Reply& reply) {
  auto found = outstanding_.find(reply.tag);
  Outstanding out = std::move(found->second);
  outstanding_.erase(found);
  lane_->memory.EndScan(out.reserved);
  lane_->watch.Answered(Side::kTarget, {out.node}, out.patience, lane_->now);
  Node& node = nodes_[out.node];
  node.unanswered--;
  std::erase_if(out.asked, [this](const Asked& asked) { return Waiting(asked) == nullptr; });
  for (const Asked& asked : out.asked) lane_->Find(asked.id)->scan.unanswered--;

  FetchResponse response;
  std::vector<ListedEnd> ends;
  std::vector<DescribedProducer> producers;
  HeldRef held;
  int32_t error = reply.error;
  if (error == 0 && reply.body == nullptr) error = kErrorResponseMalformed;
  if (error == 0) {
    held = lane_->memory.Hold(reply.body);
    uint8_t* data = held->data();
    const auto size = static_cast<size_t>(held->size());
    const Status parsed =
        out.api_key == kListOffsetsApi.key ? ParseListEnds(data, size, &ends)
        : out.api_key == kDescribeProducersApi.key
            ? ParseDescribeProducers(data, size, lane_->producer_id, &producers)
            : ParseFetch(data, size, reply.api_version, &response);
    error = parsed.ok() ? response.error : parsed.code;
  }
  if (error != 0) {
    lane_->counters.request_errors++;
    lane_->errors[error]++;
    leaders_->RefreshEachSecond(Side::kTarget);
    node.not_before = lane_->now + lane_->settings.retry_backoff_ms;
    return;
  }
  Match(out, response.partitions, &TargetScan::OnBatches);
  Match(out, ends, &TargetScan::OnEnd);
  Match(out, producers, &TargetScan::OnProducer);
}

template <typename Answer>
void TargetScan::Match(const Outstanding& out, const std::vector<Answer>& answers,
                       void (TargetScan::*take)(Partition*, const Answer&)) {
  for (const Answer& answer : answers) {
    for (const Asked& asked : out.asked) {
      Partition* p = lane_->Find(asked.id);
      if (p == nullptr || p->number != answer.partition || p->remote_topic != answer.topic)
        continue;
      if (p->phase == PartitionPhase::kScanning || p->phase == PartitionPhase::kAsking)
        (this->*take)(p, answer);
    }
  }
}

void TargetScan::OnReadError(Partition* p, int32_t code) {
  TargetFindings& findings = p->scan.findings;
  const std::string where = WithNeed(
      code, "reading " + p->target_name() + " from offset " + std::to_string(findings.scan_offset),
      "READ");
  // The record before the recorded offset may have been deleted.
  if (code == kafka_error::kOffsetOutOfRange &&
      std::exchange(findings.must_verify_last_record, false))
    return;
  if (code == kafka_error::kOffsetOutOfRange) code = kErrorTargetOutOfRange;
  if (!ClassifyError(code).retriable) return lane_->moves.Fail(p, {code, where, {}});
  Retry(p, code, where);
}

void TargetScan::OnBatches(Partition* p, const FetchedPartition& fetched) {
  if (fetched.error != 0) return OnReadError(p, fetched.error);
  if (!Read(p, fetched)) return;
  TargetFindings& findings = p->scan.findings;
  // The record before the recorded offset was deleted, or is after the high watermark, where only
  // the end of the log shows whether it exists.
  if (findings.must_verify_last_record &&
      (fetched.high_watermark >= findings.scan_offset || findings.log_end == 0)) {
    findings.must_verify_last_record = false;
    return;
  }
  findings.at_watermark = findings.scan_offset >= fetched.high_watermark;
  if (p->scan.unanswered == 0) Take(p, NextStep(findings));
}

// False: the partition has faulted.
bool TargetScan::Read(Partition* p, const FetchedPartition& fetched) {
  BatchWalker walker(fetched.records, fetched.records_size);
  RecordBatchView batch, last;
  bool has_last = false;
  BatchWalker::Step step;
  while ((step = walker.Next(&batch)) == BatchWalker::Step::kBatch) {
    BatchFinding finding;
    if (!ReadBatch(p, batch, &finding)) return false;
    if (finding.is_last) last = batch, has_last = true;
  }
  if (step == BatchWalker::Step::kMalformed) {
    lane_->moves.Fail(p, {kErrorBatchMalformed,
                          p->target_name() + " holds no batch at offset " +
                              std::to_string(p->scan.findings.scan_offset),
                          {}});
    return false;
  }
  if (has_last)
    p->scan.findings.last_batch.ReadTail(
        last, static_cast<size_t>(lane_->settings.decoded_bytes_max), *lane_->codecs);
  return true;
}

bool TargetScan::ReadBatch(Partition* p, const RecordBatchView& batch, BatchFinding* finding) {
  TargetFindings& findings = p->scan.findings;
  const int64_t last = findings.scan_offset - 1;
  if (IsOverwritten(batch, lane_->producer_id, &findings)) {
    lane_->moves.Fail(p, {kErrorTargetOverwritten,
                          p->target_name() + " holds a record of another producer at offset " +
                              std::to_string(last),
                          {}});
    return false;
  }
  if (batch.last_offset() < findings.scan_offset) return true;
  if (batch.base_offset() == p->scan.doubted_offset)
    p->scan.is_log_append_time =
        batch.has_log_append_time() || batch.max_timestamp() != p->scan.doubted_time;
  *finding = AddBatch(batch, lane_->producer_id, p->progress.sequence, &findings);
  if (finding->records_lacking == 0) return true;
  lane_->moves.Fail(p, {kafka_error::kOutOfOrderSequenceNumber,
                        p->target_name() + " lacks " + std::to_string(finding->records_lacking) +
                            " records before offset " + std::to_string(batch.base_offset()) +
                            " and holds those behind them",
                        {}});
  return false;
}

// After a retriable error the Fetch fails, too. After any other error the scan does not wait for
// the end.
void TargetScan::OnEnd(Partition* p, const ListedEnd& listed) {
  if (listed.error == 0)
    p->scan.findings.log_end = listed.offset;
  else if (!ClassifyError(listed.error).retriable)
    p->scan.findings.log_end = 0;
  if (p->scan.unanswered == 0) Take(p, NextStep(p->scan.findings));
}

void TargetScan::OnProducer(Partition* p, const DescribedProducer& described) {
  if (described.error != 0 && ClassifyError(described.error).retriable)
    return Retry(p, described.error, "asking for the producer's last sequence in " +
                                         p->target_name());
  const int32_t last_sequence = described.error == 0 ? described.last_sequence : -1;
  Take(p, TakeLeaderMemory(last_sequence, p->progress, &p->scan.findings));
}

void TargetScan::Retry(Partition* p, int32_t code, const std::string& where) {
  lane_->moves.CountObstacle(p, Side::kTarget, code, where);
  if (ClassifyError(code).refreshes_metadata) leaders_->Refresh(Side::kTarget);
  p->scan.not_before = lane_->now + lane_->BackoffMs(p->scan.attempts++);
}

void TargetScan::Take(Partition* p, ScanStep step) {
  const bool was_asking = p->phase == PartitionPhase::kAsking;
  switch (step) {
    case ScanStep::kRead:
      break;
    case ScanStep::kWaitForFollowers:
      WaitForFollowers(p);
      break;
    case ScanStep::kAskLeader:
      if (!was_asking) lane_->moves.Move(p, PartitionEvent::kLeaderAsked);
      return;
    case ScanStep::kTruncated:
      return lane_->moves.Fail(p, {kErrorTargetOutOfRange,
                                   p->target_name() + " ends at offset " +
                                       std::to_string(p->scan.findings.log_end),
                                   {}});
    case ScanStep::kDone:
      return FinishScan(lane_, p);
  }
  if (was_asking) lane_->moves.Move(p, PartitionEvent::kLeaderTold);
}

void TargetScan::WaitForFollowers(Partition* p) {
  const TargetFindings& findings = p->scan.findings;
  p->scan.not_before = lane_->now + kFollowersPollMs;
  if (p->phase == PartitionPhase::kAsking || ++p->scan.attempts <= kQuietAttempts) return;
  if (findings.log_end < 0)
    lane_->moves.SetObstacle(
        p, Side::kTarget, kafka_error::kRequestTimedOut,
        "the leader of " + p->target_name() + " does not tell where its log ends");
  else if (p->obstacles.target.code == 0)
    lane_->moves.SetObstacle(p, Side::kTarget, kafka_error::kNotEnoughReplicasAfterAppend,
                             p->target_name() + " holds records up to offset " +
                                 std::to_string(findings.log_end) + " that its followers lack");
  if (!findings.must_verify_last_record) lane_->moves.Move(p, PartitionEvent::kLeaderAsked);
}

}  // namespace longhaul
