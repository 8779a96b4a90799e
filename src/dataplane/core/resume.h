// Carries out the plan of a resume (resume_verdict.h). The records that the target holds are popped
// from the queue, if the queue begins with them. Otherwise as many records are skipped on the
// source, by headers, up to the seam, where the last record on the target must be the last one
// skipped (invariant E).
#pragma once

#include <cstdint>
#include <string>

#include "core/decoded_batch.h"
#include "core/lane_context.h"
#include "core/record_batch.h"

namespace longhaul {

// Call when the scan of the partition has ended: pops, skips, or produces.
void FinishScan(LaneContext* lane, Partition* p);

// A source that shows fewer records than the target holds may have a new leader, which waits for
// its followers.
constexpr int64_t kSourceEndGraceMs = 10'000;

// Which part of a source batch was skipped. An error in `status`: the batch cannot be read.
struct SkippedPart {
  Status status = Status::Ok();
  bool matches = true;         // false: the source has changed (GiveUpSeam)
  bool is_whole = true;        // false: the records from source.offset on are to be mirrored
};
// In phase skipping the target holds the next records_to_skip records of the source: skips those in
// `batch`. `passes_through`: the header of the batch counts its wanted records.
SkippedPart SkipOnTarget(LaneContext* lane, Partition* p, const BatchSpan& batch,
                         bool passes_through);

// The source has a gap before the end of `batch`, and no batch of the target to compare with. The
// skip counts source records; if the source was compacted since, the count would run past what the
// target received, and records would be lost. So any gap ends the skip.
bool IsUncountable(const Partition& p, const RecordBatchView& batch);
// Whether one of those gaps is between the batch before and `batch`.
bool HasGapBefore(const Partition& p, const RecordBatchView& batch);

// `ended`: all records of the source have been read.
void CheckSourceEnd(LaneContext* lane, Partition* p, bool ended);

// The source was compacted or truncated since the target received its records. No record may be
// lost: the mirror continues at the recorded source offset, and counts the records that may be on
// the target twice. The sequence still includes the records that the target holds.
void GiveUpSeam(LaneContext* lane, Partition* p, const std::string& why);

}  // namespace longhaul
