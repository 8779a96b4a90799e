#include "core/decoded_batch.h"

#include <string>
#include <utility>

#include "contract/contract.generated.h"

namespace longhaul {
namespace {

using Step = RecordCursor::Step;

Status Malformed(const RecordBatchView& batch, const char* problem) {
  return Status::Error(kErrorBatchMalformed, std::string(problem) + " in the batch at offset " +
                                                 std::to_string(batch.base_offset()));
}

// The bytes to inflate, or the records if they are not compressed.
Status FindRecords(const BatchSpan& span, ByteSpan* out) {
  const RecordBatchView& batch = span.first;
  const bool is_run = batch.size() < span.size;
  if (batch.is_legacy() && batch.codec() == Codec::kNone) {
    *out = {batch.data(), span.size};  // the reader checks the CRC of each entry
    return Status::Ok();
  }
  if (is_run) return Malformed(batch, "bytes left over");
  if (batch.is_legacy()) return RecordCursor::OpenWrapper(batch, out);
  if (!CrcMatches(batch)) {
    return Status::Error(kErrorBatchCrcMismatch, "the batch at source offset " +
                                                     std::to_string(batch.base_offset()) +
                                                     " does not match its CRC");
  }
  *out = {batch.data() + kRecordBatchHeaderSize, span.size - kRecordBatchHeaderSize};
  return Status::Ok();
}

}  // namespace

Status DecodedBatch::Open(const BatchSpan& span, size_t bytes_max, bool keep_producer_timestamps,
                          const CompressionCodecs& codecs, DecodedBatch* out) {
  const RecordBatchView& batch = span.first;
  ByteSpan bytes;
  if (Status status = FindRecords(span, &bytes); !status.ok()) return status;
  if (batch.codec() != Codec::kNone) {
    Status status =
        codecs.Decompress(batch.codec(), bytes.data, bytes.length, bytes_max, &out->inflated_);
    if (!status.ok()) return status;
    bytes = {out->inflated_.data(), out->inflated_.size()};
  }
  if (!batch.is_legacy())
    out->begin_ = RecordCursor::OverRecords(batch, bytes, keep_producer_timestamps);
  else if (batch.codec() == Codec::kNone)
    out->begin_ = RecordCursor::OverLegacyEntries(bytes);
  else
    out->begin_ = RecordCursor::OverWrapped(batch, bytes, keep_producer_timestamps);

  RecordCursor reader = out->begin_;
  out->records_ = 0;
  for (RecordSlice record;; ++out->records_) {
    const Step step = reader.Next(&record);
    if (step == Step::kMalformed) return reader.error();
    if (step == Step::kEnd) return Status::Ok();
  }
}

int64_t DecodedBatch::SkipTo(int64_t offset, RecordCursor* reader) const {
  *reader = begin_;
  RecordCursor ahead = begin_;
  int64_t left = records_;
  for (RecordSlice record; ahead.Next(&record) == Step::kRecord && record.offset < offset; --left)
    *reader = ahead;
  return left;
}

}  // namespace longhaul
