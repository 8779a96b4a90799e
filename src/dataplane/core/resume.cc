#include "core/resume.h"

#include <algorithm>
#include <utility>

#include "core/record_batch.h"

namespace longhaul {
namespace {

constexpr size_t kTarget = static_cast<size_t>(Side::kTarget);
constexpr size_t kSource = static_cast<size_t>(Side::kSource);
constexpr int32_t kOffsetOutOfRange = 1;
constexpr int32_t kRequestTimedOut = 7;
constexpr int32_t kNetworkException = 13;
constexpr int32_t kNotEnoughReplicasAfterAppend = 20;
constexpr int32_t kOutOfOrderSequence = 45;
constexpr int64_t kFollowersPollMs = 500;
constexpr int32_t kQuietAttempts = 4;  // followers are a moment behind wherever others write

}  // namespace

void Resume::Tick() {
  ByNode to_scan, to_describe;
  std::erase_if(lane_->resuming, [&](uint32_t id) {
    Partition* p = lane_->Find(id);
    if (p == nullptr || p->stopping) return true;
    const bool starting = p->state == PartitionState::kStarting;
    const bool looks_anew = p->look_first && p->running();
    if (!starting && !looks_anew && p->state != PartitionState::kResuming) return true;
    if (p->asking > 0 || p->outstanding > 0 || p->leaders[kTarget] < 0) return false;
    if (starting && p->leaders[kSource] < 0) return false;
    if (starting || p->look_first) {
      p->BeginResume();
      lane_->SetState(p, PartitionState::kResuming, 0, "");
    }
    auto& ready = (p->seam.asks_broker ? to_describe : to_scan)[p->leaders[kTarget]];
    if (lane_->now < p->backoff_until) {
      lane_->WakeAt(p->backoff_until);
    } else if (ready.size() < kPartitionsMax) {
      p->look = ++looks_;
      ready.push_back(p);
    }
    return false;
  });
  ForEachReady(&to_scan, &Resume::AskForBatches);
  ForEachReady(&to_describe, &Resume::AskForProducer);
}

void Resume::ForEachReady(ByNode* by_node,
                          void (Resume::*ask)(int32_t, int16_t, const std::vector<Partition*>&)) {
  for (auto& [node_id, partitions] : *by_node) {
    int16_t fetch_version = -1;
    if (!partitions.empty() && CanAsk(node_id, &nodes_[node_id], partitions, &fetch_version))
      (this->*ask)(node_id, fetch_version, partitions);
  }
}

bool Resume::CanAsk(int32_t node_id, Node* node, const std::vector<Partition*>& partitions,
                    int16_t* fetch_version) {
  if (node->asking > 0) return false;
  if (lane_->now < node->not_before) {
    lane_->WakeAt(node->not_before);
    return false;
  }
  node->not_before = lane_->now + lane_->settings.retry_backoff_ms;
  lane_->WakeAt(node->not_before);
  const Reach reach = lane_->TryReach(Side::kTarget, node_id, kApiFetch, kFetchVersionMin,
                                      kFetchVersionMax, fetch_version);
  if (reach == Reach::kReady) return true;
  leaders_->Refresh(Side::kTarget);
  const std::string broker = "target broker " + std::to_string(node_id);
  for (Partition* p : partitions) {
    if (reach == Reach::kDown) lane_->Show(p, kNetworkException, broker + " is not connected");
    if (reach == Reach::kUnsupported)
      lane_->Fault(p, kErrorBrokerUnsupported, broker + " speaks no Fetch v4 to v12");
  }
  return false;
}

void Resume::AskForBatches(int32_t node_id, int16_t version,
                           const std::vector<Partition*>& partitions) {
  AskForEnds(node_id, partitions);  // first: the end that it tells is not behind what is read
  FetchRequest request{};
  request.bytes_min = 0;
  request.bytes_max = kRequestBytes;
  request.isolation_level = 0;  // other producers' open transactions must not hide our batches
  for (Partition* p : partitions)
    request.partitions.push_back({p->remote_topic, p->partition, p->leader_epochs[kTarget],
                                  p->scan_offset - (p->seam.checks_last ? 1 : 0), -1,
                                  kPartitionBytes});
  EncodedRequest encoded;
  EncodeFetch(request, version, &encoded);
  Send(node_id, kApiFetch, version, std::move(encoded), partitions);
}

// Once a look: where others write, too, the end may be ahead of the high watermark whenever it is
// asked for. Another leader, who may lack some of it, begins another look (Leaders::LookFirst).
void Resume::AskForEnds(int32_t node_id, const std::vector<Partition*>& partitions) {
  const bool can_tell =
      lane_->transport->api_version(Side::kTarget, node_id, kApiListOffsets, kListOffsetsVersion,
                                    kListOffsetsVersion) >= 0;
  std::vector<Partition*> unknown;
  std::vector<NamedPartition> named;
  for (Partition* p : partitions) {
    if (p->seam.log_end >= 0) continue;
    if (!can_tell) p->seam.log_end = 0;
    unknown.push_back(p);
    named.push_back({p->remote_topic, p->partition});
  }
  if (unknown.empty() || !can_tell) return;
  EncodedRequest encoded;
  EncodeListEnds(named, &encoded);
  Send(node_id, kApiListOffsets, kListOffsetsVersion, std::move(encoded), unknown);
}

void Resume::AskForProducer(int32_t node_id, int16_t, const std::vector<Partition*>& partitions) {
  if (lane_->transport->api_version(Side::kTarget, node_id, kApiDescribeProducers,
                                    kDescribeProducersVersion, kDescribeProducersVersion) < 0) {
    for (Partition* p : partitions) p->seam.log_end = 0;  // it could not tell when to go on
    for (Partition* p : partitions) TakeProducer(p, -1);
    return;
  }
  std::vector<NamedPartition> named;
  named.reserve(partitions.size());
  for (Partition* p : partitions) named.push_back({p->remote_topic, p->partition});
  EncodedRequest encoded;
  EncodeDescribeProducers(named, &encoded);
  Send(node_id, kApiDescribeProducers, kDescribeProducersVersion, std::move(encoded), partitions);
}

void Resume::Send(int32_t node_id, int16_t api_key, int16_t version, EncodedRequest request,
                  const std::vector<Partition*>& partitions) {
  const uint64_t tag = next_tag_++;
  Status status = lane_->transport->Send({Side::kTarget, node_id, api_key, version,
                                          std::move(request.pieces),
                                          static_cast<int>(lane_->settings.request_timeout_ms), tag,
                                          request.is_flexible});
  if (!status.ok()) return;
  Outstanding out{node_id, api_key, {}};
  for (Partition* p : partitions) {
    out.asked.push_back({p->id, p->look});
    p->asking++;
  }
  Node& node = nodes_[node_id];
  node.asking++;
  node.not_before = 0;
  outstanding_.emplace(tag, std::move(out));
}

void Resume::OnReply(const Reply& reply) {
  auto found = outstanding_.find(reply.tag);
  Outstanding out = std::move(found->second);
  outstanding_.erase(found);
  Node& node = nodes_[out.node];
  node.asking--;
  for (const Asked& asked : out.asked)
    if (Partition* p = Waiting(asked)) p->asking--;

  FetchResponse response;
  std::vector<ListedEnd> ends;
  std::vector<DescribedProducer> producers;
  int32_t error = reply.error;
  if (error == 0 && reply.body == nullptr) error = kErrorResponseMalformed;
  if (error == 0) {
    uint8_t* data = reply.body->data();
    const size_t size = reply.body->size();
    const Status parsed =
        out.api_key == kApiListOffsets ? ParseListEnds(data, size, &ends)
        : out.api_key == kApiDescribeProducers
            ? ParseDescribeProducers(data, size, lane_->producer_id, &producers)
            : ParseFetch(data, size, reply.api_version, &response);
    error = parsed.ok() ? response.error : parsed.code;
  }
  if (error != 0) {
    lane_->counters.request_errors++;
    lane_->errors[error]++;
    leaders_->Refresh(Side::kTarget);
    node.not_before = lane_->now + lane_->settings.retry_backoff_ms;
    return;
  }
  Match(out, response.partitions, &Resume::OnPartition);
  Match(out, ends, &Resume::OnEnd);
  Match(out, producers, &Resume::OnProducer);
}

template <typename Answer>
void Resume::Match(const Outstanding& out, const std::vector<Answer>& answers,
                   void (Resume::*take)(Partition*, const Answer&)) {
  for (const Answer& answer : answers) {
    for (const Asked& asked : out.asked) {
      Partition* p = Waiting(asked);
      if (p == nullptr || p->partition != answer.partition || p->remote_topic != answer.topic)
        continue;
      if (p->state == PartitionState::kResuming && !p->stopping) (this->*take)(p, answer);
    }
  }
}

void Resume::OnPartition(Partition* p, const FetchedPartition& fetched) {
  if (fetched.error != 0) {
    const std::string where =
        "reading " + p->target_name() + " from offset " + std::to_string(p->scan_offset);
    if (fetched.error == kOffsetOutOfRange && std::exchange(p->seam.checks_last, false)) return;
    if (fetched.error == kOffsetOutOfRange) return lane_->Fault(p, kErrorTargetOutOfRange, where);
    if (!ClassifyError(fetched.error).retriable) return lane_->Fault(p, fetched.error, where);
    return Retry(p, fetched.error, where);
  }
  Scan(p, fetched);
  Seam& seam = p->seam;
  // It may be deleted, or behind the high watermark, where only the end of the log tells.
  if (seam.checks_last && (fetched.high_watermark >= p->scan_offset || seam.log_end == 0)) {
    seam.checks_last = false;
    return;
  }
  seam.at_watermark = p->scan_offset >= fetched.high_watermark;
  FinishAtEnd(p);
}

// An error that a retry mends is the Fetch's as well. With any other the end is not waited for.
void Resume::OnEnd(Partition* p, const ListedEnd& listed) {
  if (listed.error == 0)
    p->seam.log_end = listed.offset;
  else if (!ClassifyError(listed.error).retriable)
    p->seam.log_end = 0;
  FinishAtEnd(p);
}

// Where others write, too, there is always more: what came after the look began is none of ours.
void Resume::FinishAtEnd(Partition* p) {
  const Seam& seam = p->seam;
  if (p->state != PartitionState::kResuming || p->asking > 0) return;
  if (seam.checks_last && seam.log_end > 0 && seam.log_end < p->scan_offset)
    return lane_->Fault(p, kErrorTargetOutOfRange,
                        p->target_name() + " ends at offset " + std::to_string(seam.log_end));
  const bool at_end = seam.log_end == 0 ? seam.at_watermark
                                        : seam.log_end > 0 && p->scan_offset >= seam.log_end;
  if (at_end && !seam.checks_last) return Finish(p);
  if (!seam.at_watermark) return;  // the next tick asks for more
  p->backoff_until = lane_->now + kFollowersPollMs;
  if (++p->attempts <= kQuietAttempts) return;
  p->seam.asks_broker = !seam.checks_last;
  if (p->code != 0) return;
  if (seam.log_end < 0)
    return lane_->Show(p, kRequestTimedOut,
                       p->target_name() + ": its leader does not tell where its log ends");
  lane_->Show(p, kNotEnoughReplicasAfterAppend,
              p->target_name() + " holds records up to offset " + std::to_string(seam.log_end) +
                  " that its followers lack");
}

void Resume::Retry(Partition* p, int32_t code, const std::string& where) {
  lane_->NoteRetry(p, code, where);
  if (ClassifyError(code).refreshes_metadata) leaders_->Refresh(Side::kTarget);
  p->backoff_until = lane_->now + lane_->BackoffMs(p->attempts++);
  lane_->waiting.insert(p->id);
}

void Resume::OnProducer(Partition* p, const DescribedProducer& described) {
  if (described.error != 0 && ClassifyError(described.error).retriable)
    return Retry(p, described.error, "asking for our producer on " + p->target_name());
  TakeProducer(p, described.error == 0 ? described.last_sequence : -1);
}

// More than was trimmed cannot have been ours: what it says then is about something else.
void Resume::TakeProducer(Partition* p, int32_t last_sequence) {
  Seam& seam = p->seam;
  seam.asks_broker = false;
  if (seam.log_end < 0 || p->scan_offset < seam.log_end) {
    // It knows a repetition, and some faults it finds out about only when it is written to. But to
    // count what was trimmed by its memory would count what it may still lose.
    if (last_sequence >= 0 && seam.offsets_trimmed == 0) return Finish(p);
    p->backoff_until = lane_->now + kFollowersPollMs;
    return;
  }
  seam.asked_broker = true;
  const int32_t found =
      SequenceDistance(p->progress.sequence, SequenceAfter(last_sequence, 1));
  if (last_sequence >= 0 && found <= seam.offsets_trimmed)
    seam.Reach(last_sequence, p->progress.downstream + seam.offsets_trimmed, p->progress.sequence);
  Finish(p);
}

void Resume::Scan(Partition* p, const FetchedPartition& fetched) {
  BatchWalker walker(fetched.records, fetched.records_size);
  RecordBatchView batch;
  BatchWalker::Step step;
  while ((step = walker.Next(&batch)) == BatchWalker::Step::kBatch) {
    if (!IsLastOurs(p, batch)) return;
    if (batch.last_offset() >= p->scan_offset && !ScanBatch(p, batch)) return;
  }
  if (step == BatchWalker::Step::kMalformed)
    lane_->Fault(p, kErrorBatchMalformed,
                 "on the target, at offset " + std::to_string(p->scan_offset));
}

// The record before the recorded offset is our last one. After an unclean election others may have
// filled the place of what is gone, beyond that offset: nothing else tells then.
bool Resume::IsLastOurs(Partition* p, const RecordBatchView& batch) {
  const int64_t last = p->scan_offset - 1;
  if (!p->seam.checks_last || batch.last_offset() < last) return true;
  p->seam.checks_last = false;
  const bool is_foreign = batch.base_offset() <= last && !batch.is_legacy() &&
                          batch.producer_id() != lane_->producer_id;
  if (is_foreign)
    lane_->Fault(p, kErrorTargetOverwritten,
                 p->target_name() + " holds a record of another producer at offset " +
                     std::to_string(last));
  return !is_foreign;
}

bool Resume::ScanBatch(Partition* p, const RecordBatchView& batch) {
  Seam& seam = p->seam;
  seam.offsets_missing += std::max<int64_t>(0, batch.base_offset() - p->scan_offset);
  p->scan_offset = batch.last_offset() + 1;
  if (batch.base_offset() == p->foreign_offset)
    p->tells_append_time =
        batch.has_log_append_time() || batch.max_timestamp() != p->foreign_time;
  if (batch.is_legacy() || batch.producer_id() != lane_->producer_id || batch.is_control())
    return true;
  const int32_t missing = SequenceDistance(seam.sequence_next, batch.base_sequence());
  // Behind instead of ahead: it is there twice. A request was late on its way, and the broker had
  // forgotten our producer when it came.
  if (missing >= 1 << 30) {
    seam.records_late += batch.record_count();
    seam.downstream_next = p->scan_offset;
    return true;
  }
  // Records of ours that are not there any more leave offsets without a batch. If there are none,
  // they never were there, and a later batch is: a broker that had forgotten our producer took it.
  if (missing > seam.offsets_missing) {
    lane_->Fault(p, kOutOfOrderSequence,
                 "the target lacks " + std::to_string(missing) + " records before offset " +
                     std::to_string(batch.base_offset()) + " and holds those behind them");
    return false;
  }
  seam.Reach(batch, p->scan_offset, p->progress.sequence);
  return true;
}

// What is queued begins at the recorded progress, so the records found are at its front if they are
// what was sent from here.
bool Resume::TakeFromQueue(Partition* p) {
  int64_t left = p->seam.records_found;
  size_t held = 0;
  for (; held < p->queue.size() && p->queue[held].records <= left; held++)
    left -= p->queue[held].records;
  if (left > 0 || p->queue.empty()) return false;
  if (held == 0) return true;
  const QueuedBatch& last = p->queue[held - 1];
  if (!p->seam.batch_gone && !IsAtSeam(p->seam, RecordBatchView(last.data))) return false;
  p->progress = {last.upstream_next, p->seam.downstream_next, p->seam.sequence_next,
                 last.leader_epoch};
  for (; held > 0; held--) {
    lane_->CountMirrored(p, p->queue.front());
    p->PopFront();
  }
  lane_->events->MadeProgress(*p);
  return true;
}

// What is on the target twice, or may be soon; once, as progress passes over it.
void Resume::CountUncertain(Partition* p) {
  const int64_t late = p->seam.records_late;
  const int64_t trimmed = p->seam.offsets_trimmed;
  if (late + trimmed == 0) return;
  const std::string name = p->topic + "-" + std::to_string(p->partition) + ": ";
  if (late > 0)
    lane_->events->Log(kLogTold, name + std::to_string(late) +
                                     " records of a request that was late are on the target twice");
  if (trimmed > 0)
    lane_->events->Log(kLogTold, name + "the target has deleted what it held from offset " +
                                     std::to_string(p->progress.downstream) +
                                     " on: up to " + std::to_string(trimmed) +
                                     " records are mirrored twice, from source offset " +
                                     std::to_string(p->progress.upstream));
  p->counters.doubled_records += late + trimmed;
  if (p->seam.records_found > 0) return;  // progress follows at the seam
  p->progress.downstream = std::max(p->seam.downstream_next, p->progress.downstream + trimmed);
  lane_->events->MadeProgress(*p);
}

void Resume::Finish(Partition* p) {
  if (p->seam.offsets_trimmed > 0 && !p->seam.asked_broker) {
    p->seam.asks_broker = true;  // with the next tick
    return;
  }
  const int64_t found = p->seam.records_found;
  if (found > 0) p->resumes = 0;
  p->foreign_offset = -1;
  CountUncertain(p);
  if (!TakeFromQueue(p)) {
    p->ResetToProgress();
    p->seam.records_left = found;
  }
  lane_->SetState(p, PartitionState::kRunning, 0, "");
  lane_->waiting.insert(p->id);  // no reply is to come that would have what is queued sent
}

}  // namespace longhaul
