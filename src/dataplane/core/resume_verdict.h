// Decides, from the findings of a scan of the target, how a resume continues (invariants D, E).
// Pure: target_scan.h asks the brokers, batch_intake.h skips on the source.
//
// The records of a flow on the target are counted by sequence, not one by one: log cleaners and
// retention delete records, but the sequence of the last batch still implies how many records were
// appended before it.
//
//   target log:  | trimmed | ours | other's | ours | hidden |
//                ^ recorded downstream offset      ^ high watermark
//                          ^ scan begins                    ^ end of the log, leader only
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/offset_spans.h"
#include "core/progress.h"
#include "core/record_batch.h"
#include "core/seam.h"

namespace longhaul {

// Consecutive records of ours on the target; `index` counts from the recorded progress.
struct PlacedRun {
  int64_t index = 0;
  int64_t downstream = 0;
  int64_t length = 0;
};

// What a scan has found on the target, of the flow's producer id and behind the recorded progress.
struct TargetFindings {
  TargetFindings() = default;
  // `log_start`: where the target's log began when progress was read, if progress is older; -1.
  TargetFindings(const Progress& recorded, int64_t log_start);

  int64_t scan_offset = 0;      // the scan has read everything before it
  int64_t records_found = 0;    // records that progress does not count
  int64_t downstream_next = 0;  // target offset after the last of them
  int32_t sequence_next = 0;    // of the batch that would follow them
  int64_t offsets_missing = 0;  // since our last batch, target offsets that no batch covers
  int64_t offsets_trimmed = 0;  // of those, before the target's log start
  // Duplicates: records of a previous owner that were appended after records that follow them. A
  // request of that owner was delayed, and the broker had forgotten the producer when it came.
  int64_t duplicate_records = 0;
  // The record before the recorded offset is ours. If it is not, an unclean election took it, and
  // other producers have filled its place.
  bool must_verify_last_record = false;
  int64_t log_end = -1;       // of the leader when the scan began; -1: not yet known, 0: never
  bool at_watermark = false;  // the scan has reached the high watermark
  bool leader_was_asked = false;  // for the last sequence of the producer id
  bool last_batch_trimmed = false;  // found only by that last sequence: no batch to compare with
  TargetBatch last_batch;

  // Where the records found are. Records between two runs were deleted from the target.
  static constexpr size_t kPlacedMax = 4'096;
  std::vector<PlacedRun> placed;
  bool placed_overflows = false;  // there were more runs, which are not in `placed`
};

// Adds to `spans` where `length` records of the source, from `upstream` on, are on the target. The
// first of them is number `index` of the records found.
void Place(const TargetFindings& findings, int64_t index, int64_t upstream, int64_t length,
           OffsetSpans* spans);

// A batch of the target, in the order of the log, at or after the scan offset.
struct BatchFinding {
  bool is_last = false;  // the last batch of this flow so far: findings->last_batch
  // The sequence of the batch implies this many records before it that are missing and that no gap
  // explains: a broker that had forgotten the producer accepted the batch out of order. 0: none.
  int64_t records_lacking = 0;
};
BatchFinding AddBatch(const RecordBatchView& batch, int64_t producer_id, int32_t recorded_sequence,
                      TargetFindings* findings);

// Is the record before the recorded offset of another producer? Call it for each batch while
// must_verify_last_record is set; it clears that flag when the answer is known.
bool IsOverwritten(const RecordBatchView& batch, int64_t producer_id, TargetFindings* findings);

enum class ScanStep : uint8_t {
  kRead,            // read more of the target
  kWaitForFollowers,  // the log continues after the high watermark, where nobody can read
  kAskLeader,       // ask the leader for the last sequence of the producer id
  kTruncated,       // the log ends before the recorded offset
  kDone,
};
// After each answer, once none is awaited.
ScanStep NextStep(const TargetFindings& findings);
// Call with the last sequence that the leader has of the producer id; -1: it has none, or cannot
// return it. Returns kDone, kWaitForFollowers or kRead.
ScanStep TakeLeaderMemory(int32_t last_sequence, const Progress& recorded,
                          TargetFindings* findings);

// What to do with the records found, and with the queue, which begins at the recorded progress.
struct ResumePlan {
  Progress progress;             // the new progress
  size_t batches_in_queue = 0;   // batches at the front of the queue that are on the target
  int64_t records_to_skip = 0;   // on the source; progress does not change before the seam
  bool keeps_queue = false;      // otherwise its batches are fetched again
  int64_t records_uncertain = 0;  // trimmed from the target: they may be mirrored twice
};
struct QueueMatch {
  bool is_exact = false;  // the records found are whole batches at the front of the queue
  size_t batches = 0;
  int64_t upstream_next = 0;  // source offset after the last of them
  int32_t leader_epoch = -1;
};
ResumePlan PlanResume(const TargetFindings& findings, const Progress& recorded,
                      const QueueMatch& queue);

}  // namespace longhaul
