#include "core/seam.h"

#include <algorithm>

namespace longhaul {

TargetBatch::TargetBatch(const RecordBatchView& batch)
    : span_(int64_t{batch.last_offset_delta()} + 1),
      records_(batch.record_count()),
      base_timestamp_(batch.base_timestamp()),
      max_timestamp_(batch.max_timestamp()),
      payload_crc_(PayloadCrc(batch)),
      codec_(batch.codec()),
      has_append_time_(batch.has_log_append_time()) {}

void TargetBatch::ReadTail(const RecordBatchView& batch, size_t decoded_bytes_max,
                           const CompressionCodecs& codecs) {
  tail_.clear();
  DecodedBatch decoded;
  // Producer timestamps, because the append times of the target do not depend on the source.
  if (!DecodedBatch::Open(BatchSpan(batch), decoded_bytes_max, true, codecs, &decoded).ok()) return;
  RecordCursor reader = decoded.begin();
  for (RecordSlice record; reader.Next(&record) == RecordCursor::Step::kRecord;) {
    const int64_t from_end = batch.last_offset() - record.offset;
    if (from_end < kTailRecords) tail_.push_back({from_end, DigestOf(record)});
  }
}

bool TargetBatch::HasBytesOf(const RecordBatchView& source) const {
  const bool is_thinned = span_ != records_;
  if (is_thinned || source.is_legacy() || source.record_count() != records_) return false;
  if (source.base_timestamp() != base_timestamp_ || source.codec() != codec_) return false;
  if (!has_append_time_ && source.max_timestamp() != max_timestamp_) return false;
  return PayloadCrc(source) == payload_crc_;
}

std::vector<PlacedDigest> TailOf(const RecordCursor& begin, int64_t records) {
  std::vector<PlacedDigest> tail;
  RecordCursor reader = begin;
  RecordSlice record;
  for (int64_t left = records; left > 0 && reader.Next(&record) == RecordCursor::Step::kRecord;
       left--)
    if (left <= kTailRecords) tail.push_back({left - 1, DigestOf(record)});
  return tail;
}

}  // namespace longhaul
