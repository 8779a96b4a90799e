// Deterministic sequences (invariant B): the sequence of a batch is the number of records that its
// flow has appended to the target partition before it, mod 2^31. Every owner computes the same
// sequence.
#pragma once

#include <cstdint>

namespace longhaul {

// Kafka wraps from 2^31-1 to 0 (DefaultRecordBatch.incrementSequence).
inline int32_t SequenceAfter(int32_t sequence, int64_t records) {
  return static_cast<int32_t>((static_cast<int64_t>(sequence) + records) & 0x7fffffff);
}

// Records from `earlier` to `later`, for a distance below 2^31.
inline int32_t SequenceDistance(int32_t earlier, int32_t later) {
  return static_cast<int32_t>((static_cast<int64_t>(later) - earlier) & 0x7fffffff);
}

}  // namespace longhaul
