// Where what the target holds of ours ends, as a look at it finds out (invariants D, E).
#pragma once

#include <cstdint>

#include "record_batch.h"

namespace longhaul {

// What a resume found on the target (invariants D, E): how many records to skip on the source, and
// what the last batch of them looks like.
struct Seam {
  int64_t records_found = 0;    // on the target, behind the recorded progress
  int64_t records_left = 0;     // of those, still to be skipped on the source
  int64_t source_ended_at = 0;  // when the source was first seen to end before the last of them
  int64_t downstream_next = 0;
  int32_t sequence_next = 0;
  int64_t offsets_missing = 0;  // target offsets since our last batch that no batch covers
  int64_t offsets_trimmed = 0;  // of those, before the target's log start
  int64_t records_late = 0;     // sent by who is gone, put behind what they should be before
  bool checks_last = false;     // whether our last record is where progress says has to be seen yet
  int64_t log_end = -1;         // of the leader when the look began, -1: not known yet
  bool at_watermark = false;    // all has been read that the leader shows
  bool asks_broker = false;     // for what it remembers of us
  bool asked_broker = false;    // because all of ours may have been trimmed
  bool batch_gone = false;      // it told, and there is no batch of ours to compare any more
  int32_t batch_records = 0;
  int64_t batch_base_timestamp = -1;
  int64_t batch_max_timestamp = -1;
  uint32_t batch_payload_crc = 0;
  uint8_t batch_codec = 0;
  bool batch_has_append_time = false;
  bool batch_thinned = false;  // by the target's log cleaner: its payload says nothing any more

  // `batch` is ours and the last one so far, in front of target offset `next`; `recorded` is the
  // sequence that progress speaks of.
  void Reach(const RecordBatchView& batch, int64_t next, int32_t recorded);
  // Only the leader's memory of our last sequence tells; all is in front of target offset `next`.
  void Reach(int32_t last_sequence, int64_t next, int32_t recorded);
};

// Invariant (E): is this, of the source, the last batch that the target holds?
bool IsAtSeam(const Seam& seam, const RecordBatchView& batch);

}  // namespace longhaul
