#include "core/batch_intake.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "core/aborted_producers.h"
#include "core/reencode_job.h"
#include "core/resume.h"

namespace longhaul {
namespace {

int64_t* LeftOutCounter(PartitionCounters* counters, BatchReason reason) {
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

// Does the batch hold a record that the target refused? Nothing from that record on is sent.
bool HoldsRefused(const Partition& p, const BatchSpan& span) {
  const int64_t offset = p.source.refused.skip.next - 1;
  return p.source.refused.code != 0 && p.source.offset <= offset && offset <= span.last_offset;
}

}  // namespace

struct BatchIntake::Walk {
  Partition* p;
  HeldRef buffer;
  AbortedProducers aborted;
  // The CRC does not cover the base offset, so it is checked against this bound: a batch begins at
  // the high watermark at the latest, or where the batch before it ends. A broker reads its
  // watermark before its log, which may grow in between; but batches above the watermark have no
  // gaps yet.
  int64_t base_offset_max;
};

void BatchIntake::Store(Partition* p, const FetchedPartition& fetched, const HeldRef& buffer) {
  Walk walk{p, buffer, AbortedProducers(fetched.aborted),
            std::max(fetched.high_watermark, p->source.offset)};
  BatchWalker walker(fetched.records, fetched.records_size);
  RecordBatchView batch;
  for (;;) {
    switch (walker.Next(&batch)) {
      case BatchWalker::Step::kEnd:
        return;
      case BatchWalker::Step::kMalformed:
        return Malformed(p, "no batch after source offset " +
                                std::to_string(p->source.offset - 1));
      case BatchWalker::Step::kBatch:
        BatchSpan span(batch);
        walker.ExtendLegacyRun(kLegacyRunBytes, walk.base_offset_max, &span.size,
                               &span.last_offset);
        if (!StoreBatch(&walk, span)) return;
    }
  }
}

bool BatchIntake::StoreBatch(Walk* walk, const BatchSpan& span) {
  Partition* p = walk->p;
  const RecordBatchView& batch = span.first;
  if (batch.base_offset() > walk->base_offset_max) {
    Malformed(p, "a batch at source offset " + std::to_string(batch.base_offset()) +
                     ", but the log ends at " + std::to_string(walk->base_offset_max));
    return false;
  }
  walk->base_offset_max = std::max(walk->base_offset_max, span.last_offset + 1);
  BatchContext context;
  context.wanted_offset = p->source.offset;
  context.aborted = walk->aborted.Holds(batch);
  context.looped =
      lane_->producers.Judge(batch.producer_id()) == ProducerVerdict::kLeaveOut;
  context.batch_bytes_max = p->delivery.batch_bytes_max;
  context.keep_producer_timestamps = lane_->settings.keep_producer_timestamps != 0;
  context.codec_refused = !lane_->target_codecs.Accepts(batch.codec());
  BatchClass verdict = Classify(batch, context);
  // The first entry of a run may be stale although the others are not.
  if (verdict.reason == BatchReason::kStale && span.last_offset >= context.wanted_offset)
    verdict = {BatchAction::kReencode, BatchReason::kOldMagic};
  if (verdict.action != BatchAction::kDrop && !IsJudged(*walk, batch)) return false;
  if (p->phase == PartitionPhase::kSkipping) {
    // The target has never received a batch that is left out, so only a gap before it counts.
    const bool is_uncountable = verdict.reason == BatchReason::kLooped
                                    ? HasGapBefore(*p, batch)
                                    : IsUncountable(*p, batch);
    if (is_uncountable) {
      GiveUpSeam(lane_, p, "the target has deleted what it received, and the source has gaps "
                           "before offset " + std::to_string(span.last_offset + 1));
      return false;
    }
    if (verdict.action != BatchAction::kDrop)
      return Skip(walk, span, verdict.action == BatchAction::kPassThrough);
  }
  switch (verdict.action) {
    case BatchAction::kDrop:
      LeaveOut(p, batch, verdict.reason);
      return true;
    case BatchAction::kPassThrough:
      return HoldsRefused(*p, span) ? StoreReencoded(walk, span, BatchReason::kMidBatch)
                                    : PassThrough(walk, batch);
    case BatchAction::kReencode:
      return StoreReencoded(walk, span, verdict.reason);
  }
  return false;
}

// False: the producer may be an inbound flow. The partition asks, and fetches the batch again when
// it has the answer.
bool BatchIntake::IsJudged(const Walk& walk, const RecordBatchView& batch) {
  if (lane_->producers.Judge(batch.producer_id()) != ProducerVerdict::kUnknown) return true;
  Partition* p = walk.p;
  ProducerKnowledge& known = p->producers;
  const int32_t epoch = p->leaders.source.epoch;
  if (std::exchange(known.known_epoch, epoch) != epoch) known.known_until = 0;
  if (batch.base_offset() < known.known_until) {
    lane_->producers.AddOther(batch.producer_id());
    return true;
  }
  known.question = lane_->producers.Ask(p->id);
  known.producer_id = batch.producer_id();
  known.asked_at = lane_->now;
  known.asked_until = walk.base_offset_max;
  lane_->events->AskProducers(known.question);
  lane_->WakeAt(lane_->now + kQuestionMs);
  return false;
}

void BatchIntake::ShowQuestions() {
  for (const auto& [id, question] : lane_->producers.waiting()) {
    Partition* p = lane_->Find(id);
    const int64_t due = p->producers.asked_at + kQuestionMs;
    if (due > lane_->now) {
      lane_->WakeAt(due);
    } else {
      lane_->moves.SetObstacle(
          p, Side::kSource, kErrorProducerUnknown,
          "the batch at source offset " + std::to_string(p->source.offset) +
              " is of producer " + std::to_string(p->producers.producer_id) +
              ", which may be an inbound flow");
    }
  }
}

bool BatchIntake::Skip(Walk* walk, const BatchSpan& batch, bool passes_through) {
  Partition* p = walk->p;
  const SkippedPart part = SkipOnTarget(lane_, p, batch, passes_through);
  if (!part.status.ok()) {
    if (!Damaged(p, part.status))
      lane_->moves.EndSource(p, {part.status.code, part.status.detail, {}});
    return false;
  }
  if (!part.matches) {
    GiveUpSeam(lane_, p, "the last record on the target is not the one before source offset " +
                             std::to_string(batch.last_offset + 1));
    return false;
  }
  // If the batch was split when it was sent, the target may hold only some of its parts.
  return part.is_whole || StoreReencoded(walk, batch, BatchReason::kMidBatch);
}

void BatchIntake::LeaveOut(Partition* p, const RecordBatchView& batch, BatchReason reason) {
  ++*LeftOutCounter(&p->counters, reason);
  if (reason == BatchReason::kLooped) p->counters.looped_records += batch.record_count();
  const int64_t next = batch.last_offset() + 1;
  if (next <= p->source.offset) return;
  p->source.offset = next;
  p->source.epoch = batch.leader_epoch();
  if (!p->intake.empty())
    p->intake.ExtendBack(next, p->source.epoch);
  else
    PassBehindQueue(p, next, p->source.epoch);
}

// Progress passes a batch that is left out together with the batch before it, or at once if all
// batches before it are acknowledged. While a resume skips, progress does not change before the
// seam.
void BatchIntake::PassBehindQueue(Partition* p, int64_t next, int32_t leader_epoch) {
  if (!p->queue.empty()) {
    p->queue.ExtendBack(next, leader_epoch);
  } else if (p->phase != PartitionPhase::kSkipping) {
    p->progress.upstream = next;
    p->progress.leader_epoch = leader_epoch;
    lane_->events->MadeProgress(*p);
  }
}

bool BatchIntake::PassThrough(Walk* walk, const RecordBatchView& batch) {
  QueuedBatch queued;
  queued.data = const_cast<uint8_t*>(batch.data());
  queued.size = static_cast<int32_t>(batch.size());
  queued.records = batch.record_count();
  queued.upstream_first = batch.base_offset();
  queued.upstream_next = batch.last_offset() + 1;
  queued.leader_epoch = batch.leader_epoch();
  queued.max_timestamp = batch.max_timestamp();
  queued.buffer = walk->buffer;
  Accept(walk->p, {std::move(queued), nullptr});
  return true;
}

bool BatchIntake::StoreReencoded(Walk* walk, const BatchSpan& span, BatchReason reason) {
  Partition* p = walk->p;
  const RecordBatchView& batch = span.first;
  ReencodeLimits limits{static_cast<size_t>(lane_->settings.decoded_bytes_max),
                        p->delivery.batch_bytes_max,
                        lane_->settings.keep_producer_timestamps != 0,
                        lane_->target_codecs.For(batch.codec())};
  if (HoldsRefused(*p, span)) limits.offset_end = p->source.refused.skip.next - 1;
  auto job =
      std::make_shared<ReencodeJob>(p->id, walk->buffer, span, p->source.offset, limits);
  QueuedBatch queued;
  queued.data = const_cast<uint8_t*>(batch.data());
  queued.size = static_cast<int32_t>(span.size);
  queued.upstream_first = p->source.offset;
  queued.upstream_next = std::max(job->next(), p->source.offset);
  queued.leader_epoch = job->leader_epoch;
  queued.max_timestamp = batch.max_timestamp();
  queued.reason = reason;
  queued.buffer = walk->buffer;
  Accept(p, {std::move(queued), job});
  lane_->encode_jobs.Add(job);
  return (!job->is_done || Continue(p)) && !job->ends_intake();
}

bool BatchIntake::Continue(Partition* p) {
  while (!p->intake.empty() && p->intake.front().is_ready()) {
    IntakeBatch next = p->intake.PopFront();
    if (next.job == nullptr)
      Enqueue(p, std::move(next.batch));
    else if (!StoreEncoded(p, next))
      return false;
  }
  lane_->FetchChanged(*p);
  if (p->phase == PartitionPhase::kEnding && p->has_nothing_to_send())
    lane_->moves.Fail(p, p->source.ending);
  return true;
}

bool BatchIntake::StoreEncoded(Partition* p, const IntakeBatch& taken) {
  ReencodeJob& job = *taken.job;
  const Status& status = job.status;
  SkipPoint skip{job.next(), job.next() - job.wanted_offset, job.leader_epoch};
  int64_t next = taken.batch.upstream_next;
  if (!status.ok() && !job.encoded.empty()) {  // one record is too large: those before it are not
    skip = {job.encoded.back().upstream_next, 1, job.leader_epoch};
    next = job.encoded.back().upstream_first;
    job.encoded.pop_back();
  } else if (status.ok() && job.encoded.empty() && !job.ends_intake()) {
    ++p->counters.dropped_empty;
    PassBehindQueue(p, next, taken.batch.leader_epoch);
    return true;
  }
  for (size_t i = 0; i < job.encoded.size(); i++) {
    EncodedBatch& piece = job.encoded[i];
    const bool is_last = i + 1 == job.encoded.size();
    QueuedBatch queued;
    queued.buffer = job.held[i];
    queued.data = queued.buffer->data();
    queued.size = static_cast<int32_t>(queued.buffer->size());
    queued.records = piece.records;
    queued.upstream_first = piece.upstream_first;
    queued.upstream_next = is_last ? std::max(next, piece.upstream_next) : piece.upstream_next;
    queued.leader_epoch = is_last ? taken.batch.leader_epoch : job.leader_epoch;
    queued.max_timestamp = piece.max_timestamp;
    queued.reason = taken.batch.reason;
    if (piece.runs.size() > 1) queued.runs = std::move(piece.runs);
    Enqueue(p, std::move(queued));
  }
  if (status.ok() && !job.ends_intake()) return true;
  EndAt(p, status.ok() ? p->source.refused : Fault{status.code, status.detail, skip});
  return false;
}

// The source cannot be mirrored beyond the queue. If the source had ended already, it was behind
// the batches that are dropped here.
void BatchIntake::EndAt(Partition* p, Fault fault) {
  p->DropIntake();
  lane_->FetchChanged(*p);
  if (p->phase != PartitionPhase::kEnding) {
    if (!Damaged(p, {fault.code, fault.detail})) lane_->moves.EndSource(p, std::move(fault));
    return;
  }
  p->source.ending = std::move(fault);
  if (p->queue.empty()) lane_->moves.Fail(p, p->source.ending);
}

void BatchIntake::Malformed(Partition* p, const std::string& what) {
  const Status status = Status::Error(kErrorBatchMalformed, what);
  if (!Damaged(p, status)) lane_->moves.EndSource(p, {status.code, status.detail, {}});
}

// True: the bytes may have been damaged in transit, and are fetched again. Damage on the disk of
// the source appears in each Fetch from the same offset.
bool BatchIntake::Damaged(Partition* p, const Status& status) {
  const bool is_damage =
      status.code == kErrorBatchCrcMismatch || status.code == kErrorBatchMalformed;
  if (!is_damage) return false;
  SourcePosition& source = p->source;
  if (std::exchange(source.damaged_at, source.offset) != source.offset) source.refetches = 0;
  if (++source.refetches > kRefetchesMax) return false;
  lane_->moves.CountObstacle(p, Side::kSource, status.code, status.detail);
  p->source.not_before = lane_->now + lane_->settings.retry_backoff_ms;
  return true;
}

void BatchIntake::Accept(Partition* p, IntakeBatch batch) {
  p->source.offset = batch.batch.upstream_next;
  p->source.epoch = batch.batch.leader_epoch;
  if (batch.job == nullptr && p->intake.empty())
    Enqueue(p, std::move(batch.batch));
  else
    p->intake.Push(std::move(batch));
}

void BatchIntake::Enqueue(Partition* p, QueuedBatch batch) {
  batch.sequence = p->queue.next_sequence();
  // Without a producer id the target gets no sequences, and they only count what was sent.
  const int32_t sequence = lane_->is_idempotent() ? batch.sequence : -1;
  PatchHeader(batch.data, static_cast<size_t>(batch.size), lane_->producer_id,
              lane_->producer_epoch, sequence);
  p->queue.Push(std::move(batch));
}

}  // namespace longhaul
