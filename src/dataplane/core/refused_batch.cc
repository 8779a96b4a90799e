#include "core/refused_batch.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/record_batch.h"

namespace longhaul {
namespace {

// Retriable codes that mean that the broker did not append. After any other code the batch may be
// in the log: a leader that resigns, or whose followers are late, has appended it.
bool SaysNotAppended(int32_t code) {
  constexpr int32_t kCodes[] = {
      kafka_error::kUnknownTopicOrPartition, kafka_error::kUnknownTopicId,
      kafka_error::kLeaderNotAvailable,
      kafka_error::kNotEnoughReplicas, kafka_error::kThrottlingQuotaExceeded};
  return std::find(std::begin(kCodes), std::end(kCodes), code) != std::end(kCodes);
}

}  // namespace

void RefusedBatch::Note(Partition* p, uint64_t ordinal, Obstacle refusal, int32_t record) {
  lane_->moves.Move(p, PartitionEvent::kBatchRefused);
  Delivery& delivery = p->delivery;
  if (delivery.refusal.code != 0 && ordinal >= delivery.refused_ordinal) return;
  delivery.refusal = std::move(refusal);
  delivery.refused_ordinal = ordinal;
  delivery.refused_record = record;
}

void RefusedBatch::Settle(Partition* p) {
  // A moving partition scans its new leader, whatever the former leader refused.
  if (p->phase == PartitionPhase::kMoving) return;
  const Obstacle refusal = std::exchange(p->delivery.refusal, {});
  const std::string where = p->target_name() + " refused the batch before source offset " +
                            std::to_string(p->queue.front().upstream_next) +
                            (refusal.detail.empty() ? "" : ": " + refusal.detail);
  bool overtaken = false;
  for (size_t i = 0; i < p->queue.sent(); i++) overtaken |= p->queue[i].acked;
  p->queue.RecallSent();
  if (p->phase == PartitionPhase::kStopping) {
    lane_->errors[refusal.code]++;
    p->delivery.unacknowledged = {refusal.code, where};
    return p->ResetToProgress();
  }
  if (refusal.code == kafka_error::kDuplicateSequenceNumber) return ScanDoubted(p, where);
  // A later batch was acknowledged. Either the refused batch is on the target, too, and only its
  // answer was lost; or the broker had forgotten the producer, and records are missing. The scan
  // decides.
  if (overtaken) return ScanThenRetry(p, refusal.code, where);
  if (refusal.code == kafka_error::kInvalidTimestamp ||
      refusal.code == kafka_error::kInvalidRecord)
    return RefuseRecord(p, refusal, where);
  Handle(p, refusal.code, where);
}

void RefusedBatch::Handle(Partition* p, int32_t code, const std::string& where) {
  switch (code) {
    case kafka_error::kOutOfOrderSequenceNumber:
    case kafka_error::kUnknownProducerId:
      if (++p->delivery.scans_in_vain > kScansInVainMax)
        return lane_->moves.Fail(p, {code, where, {}});
      return ScanThenRetry(p, code, where);
    case kafka_error::kMessageTooLarge:
    case kafka_error::kRecordListTooLarge:
      lane_->errors[code]++;
      return Split(p, where);
    case kafka_error::kCorruptMessage:
      return FetchAgain(p, code, where);
    case kafka_error::kUnsupportedCompressionType:
      return RefuseCodec(p, code, where);
    default:
      if (!ClassifyError(code).retriable && code != kErrorResponseMalformed)
        return lane_->moves.Fail(p, {code, WithNeed(code, where, "WRITE"), {}});
      return SaysNotAppended(code) ? Retry(p, code, where) : ScanThenRetry(p, code, where);
  }
}

void RefusedBatch::Split(Partition* p, const std::string& where) {
  const QueuedBatch& front = p->queue.front();
  if (front.reason == BatchReason::kMerged) {
    // The limit of the topic may be far below batch.size. Half the size finds it within few steps.
    p->delivery.merged_bytes_max = front.size / 2;
    p->ResetToProgress();
    return lane_->moves.Move(p, PartitionEvent::kBatchDropped);
  }
  if (front.records == 1) {
    const std::string what = where + ": one record of " + std::to_string(front.size) + " bytes";
    return lane_->moves.Fail(p, {kErrorRecordTooLarge, what, p->BehindFront(1)});
  }
  // The broker refuses only batches above the topic's limit, so this bound is never below the
  // limit. The intake splits until the parts fit.
  p->delivery.batch_bytes_max = front.size - 1;
  p->ResetToProgress();
  lane_->moves.Move(p, PartitionEvent::kBatchDropped);
}

// The batch is fetched again and re-encoded. So are the batches after it, and queued batches of
// other partitions: their brokers refuse them, too, or the outbox does not send them.
void RefusedBatch::RefuseCodec(Partition* p, int32_t code, const std::string& where) {
  TargetCodecs& codecs = lane_->target_codecs;
  const Codec codec = RecordBatchView(p->queue.front().data).codec();
  const std::string what = where + ": its codec is " + CodecName(codec);
  if (codecs.Accepts(codec)) {
    if (!codecs.Refuse(codec))
      return lane_->moves.Fail(p, {code, what + ", and no other codec is left to try", {}});
    lane_->events->Log(kLogShown, p->name() + ": " + what + "; such batches are re-encoded in " +
                                      CodecName(codecs.For(codec)));
  }
  lane_->errors[code]++;
  p->ResetToProgress();
  lane_->moves.Move(p, PartitionEvent::kBatchDropped);
}

// KIP-467: a broker names the records that it refuses, and appends no record of their batch. The
// records before the first refused one are mirrored, so that a skip leaves out only that record.
// Brokers before 2.4 name no records.
void RefusedBatch::RefuseRecord(Partition* p, const Obstacle& refusal, const std::string& where) {
  const QueuedBatch& front = p->queue.front();
  const int32_t index = p->delivery.refused_record;
  if (index < 0 && front.reason == BatchReason::kMerged) {
    // The broker names no record. Without the merge, a skip leaves out one batch of the source.
    lane_->errors[refusal.code]++;
    p->delivery.merges_from = front.upstream_next;
    p->ResetToProgress();
    return lane_->moves.Move(p, PartitionEvent::kBatchDropped);
  }
  if (index < 0 || index >= front.records)
    return lane_->moves.Fail(p, {refusal.code, where, p->BehindFront(front.records)});
  const int64_t offset = UpstreamOffset(front, index);
  Fault fault{kErrorRecordRefused,
              p->target_name() + " refused the record at source offset " + std::to_string(offset) +
                  ": " + refusal.detail,
              {offset + 1, 1, front.leader_epoch}};
  if (index == 0) return lane_->moves.Fail(p, std::move(fault));
  lane_->errors[refusal.code]++;
  p->source.refused = std::move(fault);
  p->ResetToProgress();
  lane_->moves.Move(p, PartitionEvent::kBatchDropped);
}

// The bytes were damaged in transit, and another Fetch returns correct ones; or they are damaged on
// disk.
void RefusedBatch::FetchAgain(Partition* p, int32_t code, const std::string& where) {
  if (++p->delivery.refetches > kRefetchesMax)
    return lane_->moves.Fail(p, {code, where, p->BehindFront(p->queue.front().records)});
  p->ResetToProgress();
  Retry(p, code, where);
}

void RefusedBatch::Delay(Partition* p, int32_t code, const std::string& where) {
  lane_->moves.CountObstacle(p, Side::kTarget, code, where);
  p->counters.retries++;
  p->DropUnsentBehind(static_cast<size_t>(lane_->settings.partition_batches_in_flight));
  p->delivery.dedup_proven_until = 0;
  p->delivery.backoff_until = lane_->now + lane_->BackoffMs(p->delivery.attempts++);
  if (ClassifyError(code).refreshes_metadata) leaders_->Refresh(Side::kTarget);
}

void RefusedBatch::Retry(Partition* p, int32_t code, const std::string& where) {
  Delay(p, code, where);
  lane_->moves.Move(p, PartitionEvent::kBatchRetried);
}

void RefusedBatch::ScanThenRetry(Partition* p, int32_t code, const std::string& where) {
  Delay(p, code, where);
  lane_->BeginScan(p, PartitionEvent::kBatchDoubted);
  p->scan.not_before = p->delivery.backoff_until;
}

// Nothing failed, but an acknowledgement is doubtful. On a topic with append times that happens
// once, for the first acknowledgement.
void RefusedBatch::ScanDoubted(Partition* p, const std::string& where) {
  if (++p->delivery.scans_in_vain > kScansInVainMax)
    return lane_->moves.Fail(p, {kafka_error::kDuplicateSequenceNumber, where, {}});
  lane_->BeginScan(p, PartitionEvent::kBatchDoubted);
}

}  // namespace longhaul
