#include "core/resume.h"

#include <algorithm>
#include <utility>

#include "core/seam.h"

namespace longhaul {
namespace {

size_t DecodedBytesMax(const LaneContext& lane) {
  return static_cast<size_t>(lane.settings.decoded_bytes_max);
}

// Is this batch of the queue the end of the last batch on the target?
bool IsLastOnTarget(const LaneContext& lane, const TargetFindings& findings,
                    const QueuedBatch& queued) {
  if (findings.last_batch_trimmed) return true;
  const RecordBatchView batch(queued.data);
  if (findings.last_batch.HasBytesOf(batch)) return true;
  DecodedBatch decoded;
  return DecodedBatch::Open(BatchSpan(batch), DecodedBytesMax(lane), true, *lane.codecs, &decoded)
             .ok() &&
         findings.last_batch.EndsWith(TailOf(decoded.begin(), decoded.records()));
}

// The queue begins at the recorded progress. So if this lane sent the records found, they are at
// the front of the queue.
QueueMatch MatchQueue(const LaneContext& lane, const Partition& p) {
  const TargetFindings& findings = p.scan.findings;
  QueueMatch match;
  int64_t left = findings.records_found;
  while (match.batches < p.queue.size() && p.queue[match.batches].records <= left)
    left -= p.queue[match.batches++].records;
  if (left > 0 || p.queue.empty()) return {};
  if (match.batches > 0) {
    const QueuedBatch& last = p.queue[match.batches - 1];
    if (!IsLastOnTarget(lane, findings, last)) return {};
    match.upstream_next = last.upstream_next;
    match.leader_epoch = last.leader_epoch;
  }
  match.is_exact = true;
  return match;
}

// Counts records that are on the target twice, or may become so. Each is counted once, because
// progress passes them.
void CountDoubled(LaneContext* lane, Partition* p, int64_t duplicates, int64_t uncertain) {
  if (duplicates > 0)
    lane->events->Log(kLogShown,
                      p->name() + ": " + std::to_string(duplicates) + " records of a previous " +
                          "owner's delayed request are on the target twice");
  if (uncertain > 0)
    lane->events->Log(kLogShown, p->name() + ": the target has deleted its records from offset " +
                                     std::to_string(p->progress.downstream) + " on: up to " +
                                     std::to_string(uncertain) +
                                     " records are mirrored twice, from source offset " +
                                     std::to_string(p->progress.upstream));
  p->counters.doubled_records += duplicates + uncertain;
}

// Call it before progress passes the records found, up to `upstream_next`. If there were too many
// runs, one span with gaps covers all of them.
void ReportPlaced(LaneContext* lane, Partition* p, int64_t upstream_next) {
  const TargetFindings& findings = p->scan.findings;
  if (findings.placed_overflows) {
    const Progress& from = p->progress;
    p->scan.spans.Clear();
    p->scan.spans.Add({from.upstream, from.downstream, upstream_next - from.upstream,
                       findings.downstream_next - from.downstream, findings.records_found});
  }
  for (const OffsetSpan& span : p->scan.spans.Take()) lane->events->Placed(*p, span);
}

// For `held` records of a source batch: they are contiguous on the source, or `records` reads them.
void PlaceSkipped(Partition* p, int64_t held, int64_t upstream, RecordCursor* records) {
  ScanState& scan = p->scan;
  const int64_t index = scan.findings.records_found - p->source.records_to_skip;
  if (records == nullptr) return Place(scan.findings, index, upstream, held, &scan.spans);
  RecordSlice record;
  for (int64_t i = 0; i < held; i++) {
    records->Next(&record);
    Place(scan.findings, index + i, record.offset, 1, &scan.spans);
  }
}

void PassSeam(LaneContext* lane, Partition* p) {
  const TargetFindings& findings = p->scan.findings;
  p->counters.resumed_records += findings.records_found;
  ReportPlaced(lane, p, p->source.offset);
  p->progress = {p->source.offset, findings.downstream_next, p->queue.next_sequence(),
                 p->source.epoch};
  p->source.end_marks.Pass(p->progress.upstream);
  lane->events->MadeProgress(*p);
  lane->moves.Move(p, PartitionEvent::kSeamPassed);
}

}  // namespace

void FinishScan(LaneContext* lane, Partition* p) {
  const TargetFindings& findings = p->scan.findings;
  const ResumePlan plan = PlanResume(findings, p->progress, MatchQueue(*lane, *p));
  CountDoubled(lane, p, findings.duplicate_records, plan.records_uncertain);
  p->scan.doubted_offset = -1;
  if (findings.records_found > 0) p->delivery.scans_in_vain = p->delivery.attempts = 0;
  if (plan.keeps_queue) {
    int64_t found = 0;
    for (size_t i = 0; i < plan.batches_in_queue; found += p->queue[i++].records)
      ForEachRun(p->queue[i], [&](int64_t upstream, int64_t index, int64_t length) {
        Place(findings, found + index, upstream, length, &p->scan.spans);
      });
    ReportPlaced(lane, p, plan.progress.upstream);
  }
  if (std::exchange(p->progress, plan.progress) != plan.progress) lane->events->MadeProgress(*p);
  p->source.end_marks.Pass(p->progress.upstream);
  if (plan.keeps_queue) {
    for (size_t i = 0; i < plan.batches_in_queue; i++) {
      lane->CountMirrored(p, p->queue.front());
      p->queue.PopFront();
    }
  } else {
    p->ResetToProgress();
    p->source.records_to_skip = plan.records_to_skip;
    p->source.ended_at = 0;
  }
  const bool retries = plan.records_to_skip == 0 && p->delivery.attempts > 0;
  // If batches are queued, the next acknowledgement clears the obstacle.
  if (!retries && p->queue.empty()) lane->moves.ClearObstacle(p, Side::kTarget);
  lane->moves.Move(p, plan.records_to_skip > 0 ? PartitionEvent::kRecordsHeld
                      : retries                ? PartitionEvent::kRetryHeld
                                               : PartitionEvent::kNothingHeld);
}

bool IsUncountable(const Partition& p, const RecordBatchView& batch) {
  if (!p.scan.findings.last_batch_trimmed || batch.last_offset() < p.source.offset) return false;
  return batch.is_legacy() || HasGapBefore(p, batch) ||
         batch.record_count() != int64_t{batch.last_offset_delta()} + 1;
}

bool HasGapBefore(const Partition& p, const RecordBatchView& batch) {
  return p.scan.findings.last_batch_trimmed && batch.base_offset() > p.source.offset;
}

SkippedPart SkipOnTarget(LaneContext* lane, Partition* p, const BatchSpan& batch,
                         bool passes_through) {
  const TargetFindings& findings = p->scan.findings;
  SourcePosition& source = p->source;
  SkippedPart part;
  DecodedBatch decoded;
  const auto open = [&] {
    part.status = DecodedBatch::Open(batch, DecodedBytesMax(*lane),
                                     lane->settings.keep_producer_timestamps != 0, *lane->codecs,
                                     &decoded);
    return part.status.ok();
  };
  RecordCursor wanted = decoded.begin();
  int64_t records = batch.first.record_count();
  if (!passes_through) {
    if (!open()) return part;
    records = decoded.SkipTo(source.offset, &wanted);
  }
  const int64_t held = std::min(records, source.records_to_skip);
  const bool ends_here = held == source.records_to_skip;
  part.is_whole = held == records;
  if (ends_here && held > 0 && !findings.last_batch_trimmed) {
    const bool same_bytes =
        passes_through && part.is_whole && findings.last_batch.HasBytesOf(batch.first);
    if (!same_bytes) {
      if (passes_through && !open()) return part;
      if (passes_through) (void)decoded.SkipTo(source.offset, &wanted);
      part.matches = findings.last_batch.EndsWith(TailOf(wanted, held));
      if (!part.matches) return part;
    }
  }
  RecordCursor placed = wanted;
  PlaceSkipped(p, held, batch.first.base_offset(), passes_through ? nullptr : &placed);
  source.records_to_skip -= held;
  p->queue.SkipRecords(held);
  source.epoch = batch.first.leader_epoch();
  if (part.is_whole) {
    source.offset = batch.last_offset + 1;
  } else if (passes_through) {
    source.offset = batch.first.base_offset() + held;
  } else {
    RecordSlice record;
    for (int64_t i = 0; i <= held; i++) wanted.Next(&record);
    source.offset = record.offset;
  }
  if (ends_here) PassSeam(lane, p);
  return part;
}

void CheckSourceEnd(LaneContext* lane, Partition* p, bool ended) {
  if (p->phase != PartitionPhase::kSkipping) return;
  int64_t& ended_at = p->source.ended_at;
  if (!ended) {
    ended_at = 0;
  } else if (ended_at == 0) {
    ended_at = lane->now;
  } else if (lane->now - ended_at >= kSourceEndGraceMs) {
    GiveUpSeam(lane, p, "the target holds " + std::to_string(p->source.records_to_skip) +
                            " records more than the source before offset " +
                            std::to_string(p->source.offset));
  }
}

void GiveUpSeam(LaneContext* lane, Partition* p, const std::string& why) {
  const TargetFindings& findings = p->scan.findings;
  p->counters.doubled_records += findings.records_found;
  lane->events->Log(kLogShown, p->name() + ": " + why + ": up to " +
                                   std::to_string(findings.records_found) +
                                   " records are mirrored twice, from source offset " +
                                   std::to_string(p->progress.upstream));
  p->progress.sequence = findings.sequence_next;
  p->progress.downstream = findings.downstream_next;
  p->ResetToProgress();
  lane->events->MadeProgress(*p);
  lane->moves.Move(p, PartitionEvent::kSeamPassed);
}

}  // namespace longhaul
