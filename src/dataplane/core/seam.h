// The seam: the joint between the last records on the target and the next records of the source.
// Invariant (E): at the seam the last records on the target and the last records skipped on the
// source must be the same. If they are not, the source has changed (compacted, truncated), and the
// count of skipped records is not trusted.
//
// Batches that passed through have the same bytes on both sides, so their headers are compared. A
// batch that was re-encoded, merged, split, or recompressed by the target does not: then the last
// records are compared. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "core/decoded_batch.h"
#include "core/record_batch.h"
#include "core/record_digest.h"

namespace longhaul {

// At most this many records are compared. One would be enough, but several can distinguish places
// of a log whose records repeat.
constexpr int64_t kTailRecords = 8;

// What a scan keeps of the last batch of a producer id on the target.
class TargetBatch {
 public:
  TargetBatch() = default;
  explicit TargetBatch(const RecordBatchView& batch);

  // Reads its last records. If the batch cannot be inflated, only its header can be compared.
  void ReadTail(const RecordBatchView& batch, size_t decoded_bytes_max,
                const CompressionCodecs& codecs);

  // Is it the batch `source`, passed through as a whole? Reads headers only.
  bool HasBytesOf(const RecordBatchView& source) const;
  // Does it end with the same records as `source_tail`?
  bool EndsWith(const std::vector<PlacedDigest>& source_tail) const {
    return SameTail(tail_, source_tail, !has_append_time_);
  }
  bool has_tail() const { return !tail_.empty(); }

 private:
  int64_t span_ = 0;  // number of offsets that it covers
  int32_t records_ = 0;
  int64_t base_timestamp_ = -1;
  int64_t max_timestamp_ = -1;
  uint32_t payload_crc_ = 0;
  Codec codec_ = Codec::kNone;
  bool has_append_time_ = false;
  std::vector<PlacedDigest> tail_;
};

// The last of the `records` records from `begin` on, which have been checked.
std::vector<PlacedDigest> TailOf(const RecordCursor& begin, int64_t records);

}  // namespace longhaul
