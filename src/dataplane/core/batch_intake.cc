#include "core/batch_intake.h"

#include <map>
#include <utility>

namespace longhaul {
namespace {

// Which producers are inside an aborted transaction at the batch being looked at. The broker lists
// (producer id, first offset) of each aborted transaction that overlaps the response (KIP-98).
class AbortedProducers {
 public:
  explicit AbortedProducers(const std::vector<AbortedTransaction>& aborted) {
    for (const AbortedTransaction& t : aborted) starts_.emplace(t.first_offset, t.producer_id);
  }
  bool Holds(const RecordBatchView& batch) {
    if (starts_.empty() && inside_.empty()) return false;
    while (!starts_.empty() && starts_.begin()->first <= batch.last_offset()) {
      inside_.insert({starts_.begin()->second, true});
      starts_.erase(starts_.begin());
    }
    auto it = inside_.find(batch.producer_id());
    if (it == inside_.end() || !batch.is_transactional()) return false;
    // From its first offset to its marker a producer has just this one transaction, so that the next
    // control batch of it is the abort marker: no need to read the marker's record.
    if (batch.is_control()) {
      inside_.erase(it);
      return false;
    }
    return true;
  }

 private:
  std::multimap<int64_t, int64_t> starts_;  // first offset -> producer id
  std::map<int64_t, bool> inside_;
};

int64_t* DropCounter(PartitionCounters* counters, BatchReason reason) {
  switch (reason) {
    case BatchReason::kControl: return &counters->dropped_control;
    case BatchReason::kEmpty: return &counters->dropped_empty;
    case BatchReason::kAborted: return &counters->dropped_aborted;
    case BatchReason::kLooped: return &counters->dropped_looped;
    default: return &counters->dropped_stale;
  }
}

}  // namespace

struct BatchIntake::Walk {
  Partition* p;
  BufferRef buffer;
  AbortedProducers aborted;
};

void BatchIntake::Take(Partition* p, const FetchedPartition& fetched, const BufferRef& buffer) {
  Walk walk{p, buffer, AbortedProducers(fetched.aborted)};
  BatchWalker walker(fetched.records, fetched.records_size);
  RecordBatchView batch;
  for (;;) {
    switch (walker.Next(&batch)) {
      case BatchWalker::Step::kEnd:
        return;
      case BatchWalker::Step::kMalformed:
        lane_->Fault(p, kErrorBatchMalformed,
                     "after offset " + std::to_string(p->fetch_offset - 1));
        return;
      case BatchWalker::Step::kBatch:
        if (!TakeBatch(&walk, batch)) return;
    }
  }
}

bool BatchIntake::TakeBatch(Walk* walk, const RecordBatchView& batch) {
  Partition* p = walk->p;
  BatchContext context;
  context.wanted_offset = p->fetch_offset;
  context.aborted = walk->aborted.Holds(batch);
  context.batch_bytes_max = p->batch_bytes_max;
  context.keep_producer_timestamps = lane_->settings.keep_producer_timestamps != 0;
  BatchClass verdict = Classify(batch, context);
  switch (verdict.action) {
    case BatchAction::kDrop:
      Drop(p, batch, verdict.reason);
      return true;
    case BatchAction::kPassThrough:
      return PassThrough(walk, batch);
    case BatchAction::kReencode:
      return TakeReencoded(walk, batch, verdict.reason);
  }
  return false;
}

void BatchIntake::Drop(Partition* p, const RecordBatchView& batch, BatchReason reason) {
  ++*DropCounter(&p->counters, reason);
  int64_t next = batch.last_offset() + 1;
  if (next <= p->fetch_offset) return;
  p->fetch_offset = next;
  // Progress passes over a dropped batch together with the batch before it, or at once when all
  // before it is acked. While a resume is skipping, progress waits for the seam.
  if (!p->queue.empty()) {
    p->queue.back().upstream_next = next;
  } else if (p->seam.records_left == 0) {
    p->progress.upstream = next;
    lane_->events->MadeProgress(*p);
  }
}

bool BatchIntake::PassThrough(Walk* walk, const RecordBatchView& batch) {
  Partition* p = walk->p;
  int64_t next = batch.last_offset() + 1;
  Resumed resumed = CheckResumed(p, batch, batch.record_count(), next);
  if (resumed != Resumed::kNo) return resumed == Resumed::kHeld;
  QueuedBatch queued;
  queued.data = const_cast<uint8_t*>(batch.data());
  queued.size = static_cast<int32_t>(batch.size());
  queued.records = batch.record_count();
  queued.max_timestamp = batch.max_timestamp();
  queued.buffer = walk->buffer;
  Enqueue(p, std::move(queued), next);
  return true;
}

bool BatchIntake::TakeReencoded(Walk* walk, const RecordBatchView& batch, BatchReason reason) {
  Partition* p = walk->p;
  ReencodeLimits limits{static_cast<size_t>(lane_->settings.decoded_bytes_max),
                        p->batch_bytes_max, lane_->settings.keep_producer_timestamps != 0};
  std::vector<EncodedBatch> encoded;
  int64_t batch_next = batch.last_offset() + 1;
  Status status = Reencode(batch.data(), batch.size(), p->fetch_offset, limits, *lane_->codecs,
                           &encoded);
  if (!status.ok()) {
    lane_->Fault(p, status.code, status.detail);
    return false;
  }
  if (encoded.empty()) {
    Drop(p, batch, BatchReason::kEmpty);
    return true;
  }
  for (size_t i = 0; i < encoded.size(); i++) {
    EncodedBatch& piece = encoded[i];
    int64_t next = i + 1 == encoded.size() ? std::max(batch_next, piece.upstream_next)
                                           : piece.upstream_next;
    BufferRef buffer = lane_->Hold(std::make_shared<OwnedBuffer>(std::move(piece.bytes)));
    RecordBatchView view(buffer->data());
    Resumed resumed = CheckResumed(p, view, piece.records, next);
    if (resumed == Resumed::kSeamMismatch) return false;
    if (resumed == Resumed::kHeld) continue;
    QueuedBatch queued;
    queued.data = buffer->data();
    queued.size = static_cast<int32_t>(buffer->size());
    queued.records = piece.records;
    queued.max_timestamp = piece.max_timestamp;
    queued.reason = static_cast<size_t>(reason);
    queued.buffer = std::move(buffer);
    Enqueue(p, std::move(queued), next);
  }
  return true;
}

void BatchIntake::Enqueue(Partition* p, QueuedBatch batch, int64_t upstream_next) {
  batch.sequence = p->next_sequence;
  batch.upstream_next = upstream_next;
  PatchHeader(batch.data, static_cast<size_t>(batch.size), lane_->producer_id,
              lane_->producer_epoch, batch.sequence);
  p->next_sequence = SequenceAfter(p->next_sequence, batch.records);
  p->fetch_offset = upstream_next;
  p->queued_bytes += batch.size;
  p->queue.push_back(std::move(batch));
}

BatchIntake::Resumed BatchIntake::CheckResumed(Partition* p, const RecordBatchView& batch,
                                               int32_t records, int64_t upstream_next) {
  Seam& seam = p->seam;
  if (seam.records_left == 0) return Resumed::kNo;
  if (records > seam.records_left) {
    SeamMismatch(p, "the target ends inside the source batch before offset " +
                        std::to_string(upstream_next));
    return Resumed::kSeamMismatch;
  }
  seam.records_left -= records;
  p->fetch_offset = upstream_next;
  p->next_sequence = SequenceAfter(p->next_sequence, records);
  if (seam.records_left > 0) return Resumed::kHeld;

  // The last batch on the target and this one must be the same. A target that compresses anew
  // (compression.type) changes the payload: then count and time have to do.
  bool same = records == seam.batch_records && batch.max_timestamp() == seam.batch_max_timestamp;
  if (same && static_cast<uint8_t>(batch.codec()) == seam.batch_codec)
    same = PayloadCrc(batch) == seam.batch_payload_crc;
  if (!same) {
    SeamMismatch(p, "the last batch on the target is not the one before source offset " +
                        std::to_string(upstream_next));
    return Resumed::kSeamMismatch;
  }
  p->counters.resumed_records += seam.records_found;
  p->progress = {upstream_next, seam.downstream_next, p->next_sequence};
  lane_->events->MadeProgress(*p);
  return Resumed::kHeld;
}

// Invariant (E): the source is not what it was when the target got its records (compacted or
// truncated in between). Never lose: go on from the recorded offset; the sequence still counts what
// the target has.
void BatchIntake::SeamMismatch(Partition* p, const std::string& what) {
  p->counters.doubled_records += p->seam.records_found;
  lane_->events->Log(4, p->topic + "-" + std::to_string(p->partition) + ": " + what + ": up to " +
                            std::to_string(p->seam.records_found) +
                            " records are mirrored twice, from source offset " +
                            std::to_string(p->progress.upstream));
  p->progress.sequence = SequenceAfter(p->progress.sequence, p->seam.records_found);
  p->progress.downstream = p->seam.downstream_next;
  p->ResetToProgress();
  lane_->events->MadeProgress(*p);
}

}  // namespace longhaul
