#include "core/batch_intake.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/resume.h"

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
    // From its first offset to its marker a producer has just this one transaction, so that the
    // next control batch of it is the abort marker: no need to read the marker's record.
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
    case BatchReason::kControl:
      return &counters->dropped_control;
    case BatchReason::kEmpty:
      return &counters->dropped_empty;
    case BatchReason::kAborted:
      return &counters->dropped_aborted;
    case BatchReason::kLooped:
      return &counters->dropped_looped;
    default:
      return &counters->dropped_stale;
  }
}

// The source offset of the record at `index` among those wanted; `decoded` has them unless the
// batch passes through as it is.
int64_t OffsetOf(const RecordBatchView& batch, const EncodedBatch& decoded, int64_t index) {
  for (const OffsetRun& run : decoded.runs) {
    if (index < run.length) return run.upstream + index;
    index -= run.length;
  }
  return decoded.runs.empty() ? batch.base_offset() + index : decoded.upstream_next;
}

}  // namespace

struct BatchIntake::Walk {
  Partition* p;
  BufferRef buffer;
  AbortedProducers aborted;
  // The base offset is outside the CRC. A batch begins at the high watermark at the latest, or
  // where the one before it ends: a broker reads its watermark before its log, which may grow in
  // between, and what it reads beyond has no gaps yet.
  int64_t base_offset_max;
};

void BatchIntake::Take(Partition* p, const FetchedPartition& fetched, const BufferRef& buffer) {
  Walk walk{p, buffer, AbortedProducers(fetched.aborted),
            std::max(fetched.high_watermark, p->fetch_offset)};
  BatchWalker walker(fetched.records, fetched.records_size);
  RecordBatchView batch;
  for (;;) {
    switch (walker.Next(&batch)) {
      case BatchWalker::Step::kEnd:
        return;
      case BatchWalker::Step::kMalformed:
        Malformed(p, "no batch after offset " + std::to_string(p->fetch_offset - 1));
        return;
      case BatchWalker::Step::kBatch:
        if (!TakeBatch(&walk, batch)) return;
    }
  }
}

bool BatchIntake::TakeBatch(Walk* walk, const RecordBatchView& batch) {
  Partition* p = walk->p;
  if (batch.base_offset() > walk->base_offset_max) {
    Malformed(p, "a batch at offset " + std::to_string(batch.base_offset()) +
                     ", but the log ends at " + std::to_string(walk->base_offset_max));
    return false;
  }
  walk->base_offset_max = std::max(walk->base_offset_max, batch.last_offset() + 1);
  BatchContext context;
  context.wanted_offset = p->fetch_offset;
  context.aborted = walk->aborted.Holds(batch);
  context.batch_bytes_max = p->batch_bytes_max;
  context.keep_producer_timestamps = lane_->settings.keep_producer_timestamps != 0;
  BatchClass verdict = Classify(batch, context);
  if (p->seam.records_left > 0 && p->seam.batch_gone && HasGap(*p, batch)) {
    SeamMismatch(p, "the target has deleted what it got, and the source has gaps before offset " +
                        std::to_string(batch.last_offset() + 1));
    return false;
  }
  if (p->seam.records_left > 0 && verdict.action != BatchAction::kDrop) {
    Held held = SkipHeld(p, batch, verdict.action);
    if (held != Held::kFirstOnes) return held == Held::kAll;
    return TakeReencoded(walk, batch, BatchReason::kMidBatch);
  }
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
  p->fetch_epoch = batch.leader_epoch();
  // Progress passes over a dropped batch together with the batch before it, or at once when all
  // before it is acked. While a resume is skipping, progress waits for the seam.
  if (!p->queue.empty()) {
    p->queue.back().upstream_next = next;
    p->queue.back().leader_epoch = p->fetch_epoch;
  } else if (p->seam.records_left == 0) {
    p->progress.upstream = next;
    p->progress.leader_epoch = p->fetch_epoch;
    lane_->events->MadeProgress(*p);
  }
}

bool BatchIntake::PassThrough(Walk* walk, const RecordBatchView& batch) {
  Partition* p = walk->p;
  QueuedBatch queued;
  queued.data = const_cast<uint8_t*>(batch.data());
  queued.size = static_cast<int32_t>(batch.size());
  queued.records = batch.record_count();
  queued.max_timestamp = batch.max_timestamp();
  queued.buffer = walk->buffer;
  Enqueue(p, std::move(queued), batch.last_offset() + 1, batch.leader_epoch());
  return true;
}

bool BatchIntake::TakeReencoded(Walk* walk, const RecordBatchView& batch, BatchReason reason) {
  Partition* p = walk->p;
  ReencodeLimits limits{static_cast<size_t>(lane_->settings.decoded_bytes_max), p->batch_bytes_max,
                        lane_->settings.keep_producer_timestamps != 0, 0};
  std::vector<EncodedBatch> encoded;
  int64_t batch_next = batch.last_offset() + 1;
  Status status =
      Reencode(batch.data(), batch.size(), p->fetch_offset, limits, *lane_->codecs, &encoded);
  if (Refetch(p, status)) return false;
  Unmirrorable what{batch_next, batch_next - p->fetch_offset, batch.leader_epoch()};
  if (!status.ok() && !encoded.empty()) {  // one record is too large: those before it are good
    what = {encoded.back().upstream_next, 1, batch.leader_epoch()};
    batch_next = encoded.back().upstream_first;
    encoded.pop_back();
  } else if (status.ok() && encoded.empty()) {
    Drop(p, batch, BatchReason::kEmpty);
    return true;
  }
  for (size_t i = 0; i < encoded.size(); i++) {
    EncodedBatch& piece = encoded[i];
    int64_t next =
        i + 1 == encoded.size() ? std::max(batch_next, piece.upstream_next) : piece.upstream_next;
    BufferRef buffer = lane_->Hold(std::make_shared<OwnedBuffer>(std::move(piece.bytes)));
    QueuedBatch queued;
    queued.data = buffer->data();
    queued.size = static_cast<int32_t>(buffer->size());
    queued.records = piece.records;
    queued.max_timestamp = piece.max_timestamp;
    queued.reason = static_cast<size_t>(reason);
    queued.buffer = std::move(buffer);
    Enqueue(p, std::move(queued), next, batch.leader_epoch());
  }
  if (!status.ok()) lane_->FaultAfterQueue(p, status.code, status.detail, what);
  return status.ok();
}

void BatchIntake::Malformed(Partition* p, std::string what) {
  Status status = Status::Error(kErrorBatchMalformed, std::move(what));
  if (!Refetch(p, status)) lane_->FaultAfterQueue(p, status.code, status.detail);
}

// Either the bytes were hurt on the way, then a new Fetch brings good ones, or on the disk.
bool BatchIntake::Refetch(Partition* p, const Status& status) {
  const bool is_damage =
      status.code == kErrorBatchCrcMismatch || status.code == kErrorBatchMalformed;
  if (!is_damage || ++p->refetches > kRefetchesMax) return false;
  lane_->NoteRetry(p, status.code, status.detail);
  p->fetch_not_before = lane_->now + lane_->settings.retry_backoff_ms;
  return true;
}

void BatchIntake::Enqueue(Partition* p, QueuedBatch batch, int64_t upstream_next,
                          int32_t leader_epoch) {
  batch.sequence = p->next_sequence;
  batch.upstream_next = upstream_next;
  batch.leader_epoch = leader_epoch;
  PatchHeader(batch.data, static_cast<size_t>(batch.size), lane_->producer_id,
              lane_->producer_epoch, batch.sequence);
  p->next_sequence = SequenceAfter(p->next_sequence, batch.records);
  p->fetch_offset = upstream_next;
  p->fetch_epoch = leader_epoch;
  p->queued_bytes += batch.size;
  p->queue.push_back(std::move(batch));
}

Status BatchIntake::EncodePart(const RecordBatchView& batch, int64_t first, int64_t records_max,
                               EncodedBatch* out) const {
  ReencodeLimits limits{static_cast<size_t>(lane_->settings.decoded_bytes_max), 0,
                        lane_->settings.keep_producer_timestamps != 0,
                        static_cast<size_t>(records_max)};
  std::vector<EncodedBatch> encoded;
  Status status = Reencode(batch.data(), batch.size(), first, limits, *lane_->codecs, &encoded);
  if (!encoded.empty()) *out = std::move(encoded.front());
  return status;
}

// With nothing to compare, what has been thinned since would be counted past what the target got.
bool BatchIntake::HasGap(const Partition& p, const RecordBatchView& batch) {
  if (batch.last_offset() < p.fetch_offset) return false;
  return batch.is_legacy() || batch.base_offset() > p.fetch_offset ||
         batch.record_count() != int64_t{batch.last_offset_delta()} + 1;
}

BatchIntake::Held BatchIntake::SkipHeld(Partition* p, const RecordBatchView& batch,
                                        BatchAction action) {
  Seam& seam = p->seam;
  EncodedBatch decoded;
  int64_t records = batch.record_count();
  if (action == BatchAction::kReencode) {  // its header does not tell how many records are wanted
    Status status = EncodePart(batch, p->fetch_offset, 0, &decoded);
    if (!status.ok()) {
      if (!Refetch(p, status)) lane_->Fault(p, status.code, status.detail);
      return Held::kStop;
    }
    records = decoded.records;
  }
  const int64_t held = std::min(records, seam.records_left);
  const bool ends_here = held == seam.records_left;
  const int64_t next = batch.last_offset() + 1;
  bool holds = held == 0 || seam.batch_gone;
  if (ends_here && !holds) {
    if (Refetch(p, CompareSeam(*p, batch, decoded, held, &holds))) return Held::kStop;
    if (!holds) {
      SeamMismatch(p, "the last batch on the target is not the one before source offset " +
                          std::to_string(next));
      return Held::kStop;
    }
  }
  seam.records_left -= held;
  p->next_sequence = SequenceAfter(p->next_sequence, held);
  // A batch that was split when it was sent may be there in part.
  p->fetch_offset = held == records ? next : OffsetOf(batch, decoded, held);
  p->fetch_epoch = batch.leader_epoch();
  if (!ends_here) return Held::kAll;
  p->counters.resumed_records += seam.records_found;
  p->progress = {p->fetch_offset, seam.downstream_next, p->next_sequence, p->fetch_epoch};
  lane_->events->MadeProgress(*p);
  return held == records ? Held::kAll : Held::kFirstOnes;
}

// The first `held` wanted records of the source batch are on the target; there the last batch holds
// seam.batch_records of them. It is the whole source batch, or was encoded from a part of it, which
// is then encoded again to be compared.
Status BatchIntake::CompareSeam(const Partition& p, const RecordBatchView& batch,
                                const EncodedBatch& decoded, int64_t held, bool* holds) const {
  const int64_t first = held - p.seam.batch_records;
  *holds = first == 0 && decoded.records == 0 && IsAtSeam(p.seam, batch);
  if (first < 0 || *holds) return Status::Ok();
  EncodedBatch part;
  Status status = EncodePart(batch, OffsetOf(batch, decoded, first), p.seam.batch_records, &part);
  *holds = status.ok() && part.records > 0 &&
           IsAtSeam(p.seam, RecordBatchView(part.bytes.data()));
  return status;
}

void BatchIntake::CheckEnd(Partition* p, bool ended) {
  Seam& seam = p->seam;
  if (seam.records_left == 0) return;
  if (!ended) {
    seam.source_ended_at = 0;
  } else if (seam.source_ended_at == 0) {
    seam.source_ended_at = lane_->now;
  } else if (lane_->now - seam.source_ended_at >= kEndGraceMs) {
    SeamMismatch(p, "the target holds " + std::to_string(seam.records_left) +
                        " records more than the source before offset " +
                        std::to_string(p->fetch_offset));
  }
}

// Invariant (E): the source is not what it was when the target got its records (compacted or
// truncated in between). Never lose: go on from the recorded offset; the sequence still counts what
// the target has.
void BatchIntake::SeamMismatch(Partition* p, const std::string& what) {
  p->counters.doubled_records += p->seam.records_found;
  lane_->events->Log(kLogTold, p->topic + "-" + std::to_string(p->partition) + ": " + what +
                                   ": up to " + std::to_string(p->seam.records_found) +
                                   " records are mirrored twice, from source offset " +
                                   std::to_string(p->progress.upstream));
  p->progress.sequence = p->seam.sequence_next;
  p->progress.downstream = p->seam.downstream_next;
  p->ResetToProgress();
  lane_->events->MadeProgress(*p);
}

}  // namespace longhaul
