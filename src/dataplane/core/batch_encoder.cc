// DefaultRecordBatch.java is the reference for the layout.
#include "core/batch_encoder.h"

#include <algorithm>

#include "core/crc32c.h"

namespace longhaul {
namespace {

void AddToRuns(int64_t offset, std::vector<OffsetRun>* runs) {
  if (!runs->empty() && runs->back().upstream + runs->back().length == offset) {
    ++runs->back().length;
  } else {
    runs->push_back({offset, 1});
  }
}

void WriteHeader(uint8_t* header, size_t size, Codec codec, int64_t base_timestamp,
                 const EncodedBatch& batch) {
  StoreI64(header, 0);
  StoreI32(header + kLengthOffset, static_cast<int32_t>(size - kLogOverhead));
  StoreI32(header + kLeaderEpochOffset, -1);
  header[kMagicOffset] = 2;
  StoreU16(header + kAttributesOffset, static_cast<uint16_t>(codec));
  StoreI32(header + kLastOffsetDeltaOffset, batch.records - 1);
  StoreI64(header + kBaseTimestampOffset, base_timestamp);
  StoreI64(header + kMaxTimestampOffset, batch.max_timestamp);
  StoreI64(header + kProducerIdOffset, -1);
  StoreI16(header + kProducerEpochOffset, -1);
  StoreI32(header + kBaseSequenceOffset, -1);
  StoreI32(header + kRecordCountOffset, batch.records);
  StoreU32(header + kCrcOffset, Crc32c(header + kAttributesOffset, size - kAttributesOffset));
}

// Timestamps can have any value; the difference may wrap here, and wraps back in every reader.
int64_t WrappingDifference(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

}  // namespace

BatchEncoder::BatchEncoder(EncodedBatch* out) : out_(out), writer_(&out->bytes) {
  writer_.Start(kRecordBatchHeaderSize);
}

void BatchEncoder::Add(const RecordSlice& record, int64_t upstream) {
  if (out_->records == 0) {
    out_->upstream_first = upstream;
    base_timestamp_ = out_->max_timestamp = record.timestamp;
  }
  writer_.Write(record, WrappingDifference(record.timestamp, base_timestamp_), out_->records);
  ++out_->records;
  AddToRuns(upstream, &out_->runs);
  out_->max_timestamp = std::max(out_->max_timestamp, record.timestamp);
  out_->upstream_next = upstream + 1;
}

Status BatchEncoder::Finish(Codec codec, const CompressionCodecs& codecs) {
  writer_.Finish();
  std::vector<uint8_t>& bytes = out_->bytes;
  if (codec != Codec::kNone) {
    std::vector<uint8_t> packed;
    Status status = codecs.Compress(codec, bytes.data() + kRecordBatchHeaderSize,
                                    bytes.size() - kRecordBatchHeaderSize, &packed);
    if (!status.ok()) return status;
    bytes.resize(kRecordBatchHeaderSize);
    bytes.insert(bytes.end(), packed.begin(), packed.end());
  }
  WriteHeader(bytes.data(), bytes.size(), codec, base_timestamp_, *out_);
  return Status::Ok();
}

}  // namespace longhaul
