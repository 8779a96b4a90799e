#include "core/resume_verdict.h"

#include <algorithm>

#include "core/sequence.h"

namespace longhaul {
namespace {

// Sequences are equal, ahead or behind, mod 2^31. A distance of 2^30 or more means behind.
constexpr int32_t kBehind = 1 << 30;

void CountTo(int32_t sequence_next, int64_t downstream_next, int32_t recorded_sequence,
             TargetFindings* findings) {
  findings->sequence_next = sequence_next;
  findings->records_found = SequenceDistance(recorded_sequence, sequence_next);
  findings->downstream_next = downstream_next;
  findings->offsets_missing = findings->offsets_trimmed = 0;
}

void AddPlaced(int64_t index, int64_t downstream, int64_t length, TargetFindings* findings) {
  std::vector<PlacedRun>& placed = findings->placed;
  if (!placed.empty()) {
    PlacedRun& last = placed.back();
    if (last.index + last.length == index && last.downstream + last.length == downstream) {
      last.length += length;
      return;
    }
  }
  if (placed.size() < TargetFindings::kPlacedMax)
    placed.push_back({index, downstream, length});
  else
    findings->placed_overflows = true;
}

}  // namespace

void Place(const TargetFindings& findings, int64_t index, int64_t upstream, int64_t length,
           OffsetSpans* spans) {
  const auto& placed = findings.placed;
  auto run = std::partition_point(placed.begin(), placed.end(), [&](const PlacedRun& r) {
    return r.index + r.length <= index;
  });
  for (; run != placed.end() && run->index < index + length; ++run) {
    const int64_t first = std::max(index, run->index);
    const int64_t end = std::min(index + length, run->index + run->length);
    spans->Add(upstream + first - index, run->downstream + first - run->index, end - first);
  }
}

TargetFindings::TargetFindings(const Progress& recorded, int64_t log_start)
    : scan_offset(std::max(recorded.downstream, log_start)),
      sequence_next(recorded.sequence),
      // The target may have trimmed batches of this flow that progress does not count.
      offsets_missing(scan_offset - recorded.downstream),
      offsets_trimmed(offsets_missing),
      must_verify_last_record(recorded.sequence > 0 && offsets_trimmed == 0) {}

BatchFinding AddBatch(const RecordBatchView& batch, int64_t producer_id, int32_t recorded_sequence,
                      TargetFindings* findings) {
  TargetFindings& f = *findings;
  f.offsets_missing += std::max<int64_t>(0, batch.base_offset() - f.scan_offset);
  f.scan_offset = batch.last_offset() + 1;
  if (batch.is_legacy() || batch.producer_id() != producer_id || batch.is_control()) return {};
  // Without a producer id batches have no sequences. Then each offset that no batch of an id covers
  // counts as ours; where other producers without ids write, the seam finds the count wrong.
  const int32_t first = producer_id < 0 ? SequenceAfter(f.sequence_next, f.offsets_missing)
                                        : batch.base_sequence();
  const int32_t ahead = SequenceDistance(f.sequence_next, first);
  if (ahead >= kBehind) {
    f.duplicate_records += batch.record_count();
    f.downstream_next = f.scan_offset;
    return {};
  }
  // Deleted records leave offsets that no batch covers. Without such offsets the records were never
  // on the target.
  if (ahead > f.offsets_missing) return {false, ahead};
  const int64_t span = int64_t{batch.last_offset_delta()} + 1;
  CountTo(SequenceAfter(first, span), f.scan_offset, recorded_sequence, findings);
  AddPlaced(f.records_found - span, batch.base_offset(), span, findings);
  f.last_batch = TargetBatch(batch);
  return {true, 0};
}

bool IsOverwritten(const RecordBatchView& batch, int64_t producer_id, TargetFindings* findings) {
  const int64_t last = findings->scan_offset - 1;
  if (!findings->must_verify_last_record || batch.last_offset() < last) return false;
  findings->must_verify_last_record = false;
  return batch.base_offset() <= last && !batch.is_legacy() && batch.producer_id() != producer_id;
}

ScanStep NextStep(const TargetFindings& f) {
  if (f.must_verify_last_record && f.log_end > 0 && f.log_end < f.scan_offset)
    return ScanStep::kTruncated;
  // If other producers write, the log grows all the time: the scan ends at the offset where the log
  // ended when the scan began. No record after that offset is of this flow.
  const bool at_end =
      f.log_end == 0 ? f.at_watermark : f.log_end > 0 && f.scan_offset >= f.log_end;
  if (at_end && !f.must_verify_last_record)
    return f.offsets_trimmed > 0 && !f.leader_was_asked ? ScanStep::kAskLeader : ScanStep::kDone;
  return f.at_watermark ? ScanStep::kWaitForFollowers : ScanStep::kRead;
}

ScanStep TakeLeaderMemory(int32_t last_sequence, const Progress& recorded,
                          TargetFindings* findings) {
  TargetFindings& f = *findings;
  if (f.log_end < 0 || f.scan_offset < f.log_end) {
    // A leader that remembers the producer recognizes duplicates of the hidden batches, and some
    // faults of a broker appear only after a write; so the partition need not wait for followers.
    // But if records were trimmed, the last sequence must not be used to count them: it includes
    // the hidden records, which the leader may still lose.
    const bool recognizes = last_sequence >= 0 && f.offsets_trimmed == 0;
    return recognizes ? ScanStep::kDone : ScanStep::kWaitForFollowers;
  }
  f.leader_was_asked = true;
  // If the last sequence implies more records than were trimmed, it does not describe this log (for
  // example, the topic was recreated). Ignore it.
  const int32_t sequence_next = SequenceAfter(last_sequence, 1);
  const int32_t found = SequenceDistance(recorded.sequence, sequence_next);
  if (last_sequence >= 0 && found <= f.offsets_trimmed) {
    CountTo(sequence_next, recorded.downstream + f.offsets_trimmed, recorded.sequence, findings);
    f.last_batch_trimmed = true;
  }
  return ScanStep::kDone;
}

ResumePlan PlanResume(const TargetFindings& findings, const Progress& recorded,
                      const QueueMatch& queue) {
  ResumePlan plan{.progress = recorded, .records_uncertain = findings.offsets_trimmed};
  plan.keeps_queue = queue.is_exact;
  if (findings.records_found == 0) {
    // The next scan begins after the trimmed records and after the duplicates, so that neither is
    // counted again.
    plan.progress.downstream = std::max(findings.downstream_next,
                                        recorded.downstream + findings.offsets_trimmed);
    return plan;
  }
  if (!queue.is_exact) {
    plan.records_to_skip = findings.records_found;
    return plan;
  }
  plan.batches_in_queue = queue.batches;
  plan.progress = {queue.upstream_next, findings.downstream_next, findings.sequence_next,
                   queue.leader_epoch};
  return plan;
}

}  // namespace longhaul
