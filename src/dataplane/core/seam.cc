#include "seam.h"

#include "sequence.h"

namespace longhaul {

void Seam::Reach(const RecordBatchView& batch, int64_t next, int32_t recorded) {
  const int64_t span = int64_t{batch.last_offset_delta()} + 1;
  sequence_next = SequenceAfter(batch.base_sequence(), span);
  records_found = SequenceDistance(recorded, sequence_next);
  downstream_next = next;
  offsets_missing = offsets_trimmed = 0;
  batch_records = batch.record_count();
  batch_thinned = batch.record_count() != span;
  batch_base_timestamp = batch.base_timestamp();
  batch_max_timestamp = batch.max_timestamp();
  batch_payload_crc = PayloadCrc(batch);
  batch_codec = static_cast<uint8_t>(batch.codec());
  batch_has_append_time = batch.has_log_append_time();
}

void Seam::Reach(int32_t last_sequence, int64_t next, int32_t recorded) {
  sequence_next = SequenceAfter(last_sequence, 1);
  records_found = SequenceDistance(recorded, sequence_next);
  downstream_next = next;
  offsets_missing = offsets_trimmed = 0;
  batch_gone = true;
}

bool IsAtSeam(const Seam& seam, const RecordBatchView& batch) {
  if (seam.batch_thinned || batch.record_count() != seam.batch_records) return false;
  if (batch.base_timestamp() != seam.batch_base_timestamp) return false;
  if (static_cast<uint8_t>(batch.codec()) == seam.batch_codec)
    return PayloadCrc(batch) == seam.batch_payload_crc;
  // The target compresses anew (compression.type): count and times have to do.
  return seam.batch_has_append_time || batch.max_timestamp() == seam.batch_max_timestamp;
}

}  // namespace longhaul
