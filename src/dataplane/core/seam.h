// The seam: the joint between what the target holds and where the source goes on. Invariant (E): at
// the seam the last batch on the target and the last records skipped on the source must be the
// same, or the source is not what it was (compacted, truncated) and the skip is not believed.
//
// Batches that passed through have the same bytes on both sides, and their headers tell. A batch
// that was re-encoded, merged, split or compressed anew by the target has not: then the last
// records are compared. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "core/decoded_batch.h"
#include "core/record_batch.h"
#include "core/record_digest.h"

namespace longhaul {

// So many records at most are compared. One would do; more of them tell apart logs that repeat
// themselves.
constexpr int64_t kTailRecords = 8;

// The last batch of a producer id on the target, as a scan remembers it.
class TargetBatch {
 public:
  TargetBatch() = default;
  explicit TargetBatch(const RecordBatchView& batch);

  // Reads its last records. Without them only the header can be compared: that is so for a batch
  // that cannot be inflated here.
  void ReadTail(const RecordBatchView& batch, size_t decoded_bytes_max,
                const CompressionCodecs& codecs);

  // Is it `source`, a whole batch that passed through? Reads headers only.
  bool HasBytesOf(const RecordBatchView& source) const;
  // Does it end with the same records?
  bool EndsWith(const std::vector<PlacedDigest>& source_tail) const {
    return SameTail(tail_, source_tail, !has_append_time_);
  }
  bool has_tail() const { return !tail_.empty(); }

 private:
  int64_t span_ = 0;  // offsets that it covers
  int32_t records_ = 0;
  int64_t base_timestamp_ = -1;
  int64_t max_timestamp_ = -1;
  uint32_t payload_crc_ = 0;
  Codec codec_ = Codec::kNone;
  bool has_append_time_ = false;
  std::vector<PlacedDigest> tail_;
};

// The last of `records` records from `begin` on; they have been checked.
std::vector<PlacedDigest> TailOf(const RecordCursor& begin, int64_t records);

}  // namespace longhaul
