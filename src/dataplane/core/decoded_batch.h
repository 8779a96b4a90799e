// The records of one batch of any magic, inflated, with the CRC and every length checked. It
// returns cursors into memory that it owns or that the caller keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/codecs.h"
#include "core/record_batch.h"
#include "core/record_cursor.h"
#include "core/status.h"

namespace longhaul {

// Bytes that become one decoded batch: one batch of magic 2, one compressed wrapper, or a run of
// uncompressed entries of magic 0 and 1, each of which holds one record.
struct BatchSpan {
  RecordBatchView first;
  size_t size = 0;
  int64_t last_offset = 0;

  BatchSpan() = default;
  explicit BatchSpan(const RecordBatchView& batch)
      : first(batch), size(batch.size()), last_offset(batch.last_offset()) {}
};

class DecodedBatch {
 public:
  // Returns BATCH_DECODED_TOO_LARGE if the batch inflates to more than `bytes_max` bytes. The bytes
  // of `span` must outlive *out. Timestamps are those that a consumer of the source sees or, if
  // `keep_producer_timestamps`, those of the producer.
  static Status Open(const BatchSpan& span, size_t bytes_max, bool keep_producer_timestamps,
                     const CompressionCodecs& codecs, DecodedBatch* out);

  // Moves to the first record whose offset is not below `offset`, and returns how many follow.
  // The offset of the last of them is at most that of the batch.
  int64_t SkipTo(int64_t offset, RecordCursor* reader) const;
  RecordCursor begin() const { return begin_; }
  int64_t records() const { return records_; }

 private:
  std::vector<uint8_t> inflated_;
  RecordCursor begin_ = RecordCursor::OverLegacyEntries({});
  int64_t records_ = 0;
};

}  // namespace longhaul
