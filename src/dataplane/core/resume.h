// Puts the verdict of a resume (resume_verdict.h) into effect. What the target holds is popped from
// the queue, if the queue begins with it, or skipped on the source: so many records, by headers, up
// to the seam, where the last record on the target must be the last one skipped (invariant E).
#pragma once

#include <cstdint>
#include <string>

#include "core/decoded_batch.h"
#include "core/lane_context.h"
#include "core/record_batch.h"

namespace longhaul {

// The scan of the partition has ended: pops, skips or goes on.
void FinishScan(LaneContext* lane, Partition* p);

// A source that shows less than the target holds may have a new leader, which waits for its
// followers.
constexpr int64_t kSourceEndGraceMs = 10'000;

// How much of a source batch was skipped. An error: its bytes cannot be read.
struct SkippedPart {
  Status status = Status::Ok();
  bool matches = true;         // false: the source is not what it was (GiveUpSeam)
  bool is_whole = true;        // false: the records from source.offset on are to be mirrored
};
// The target holds the next records_to_skip records of the source; skips those in `batch`.
// `passes_through`: the header counts the wanted records. Phase skipping.
SkippedPart SkipOnTarget(LaneContext* lane, Partition* p, const BatchSpan& batch,
                         bool passes_through);

// The source has a gap before the end of `batch`, and no batch of the target to compare with. The
// skip counts source records; if the source was compacted since, the count would run past what the
// target received, and records would be lost. So any gap ends the skip.
bool IsUncountable(const Partition& p, const RecordBatchView& batch);
// Of those gaps, one between the batch before and `batch`.
bool HasGapBefore(const Partition& p, const RecordBatchView& batch);

// Everything that the source has is read, `ended`, or not.
void CheckSourceEnd(LaneContext* lane, Partition* p, bool ended);

// The source was compacted or truncated since the target received its records. Nothing may be lost:
// the mirror goes on at the recorded source offset, and counts what it may double. The sequence
// still counts the records that the target holds.
void GiveUpSeam(LaneContext* lane, Partition* p, const std::string& why);

}  // namespace longhaul
