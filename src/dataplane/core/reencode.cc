// Makes two passes over the inflated records, without a list of them in memory: the first validates
// every length, the second writes. A batch that becomes too large is cut between records until its
// parts fit; a copy of the cursor marks a place in the records.
#include "core/reencode.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "contract/contract.generated.h"
#include "core/crc32c.h"
#include "core/decoded_batch.h"
#include "core/record_batch.h"
#include "core/record_cursor.h"

namespace longhaul {
namespace {

using Step = RecordCursor::Step;

// `records` records from `start` on. All of them have been validated.
struct RecordRange {
  RecordCursor start;
  size_t records;
};

// --- writing ---

// Appends to a vector whose size is kept larger than what is written.
class RecordWriter {
 public:
  explicit RecordWriter(std::vector<uint8_t>* out) : out_(out) {}

  void Write(const RecordSlice& record, int64_t timestamp_delta, int32_t offset_delta) {
    const size_t head = 1 + VarintSize(timestamp_delta) + VarintSize(offset_delta);
    const size_t length = head + BodySize(record);
    uint8_t* at = Reserve(kVarintSizeMax + length);
    at = WriteVarint(at, static_cast<int64_t>(length));
    *at++ = record.attributes;
    at = WriteVarint(at, timestamp_delta);
    at = WriteVarint(at, offset_delta);
    at = record.is_legacy ? WriteLegacyBody(at, record) : WriteBytes(at, record.body);
    used_ = static_cast<size_t>(at - out_->data());
  }

  void Start(size_t used) {
    used_ = used;
    Reserve(0);
  }
  void Finish() { out_->resize(used_); }

 private:
  static size_t NullableSize(ByteSpan bytes, bool present) {
    return present ? VarintSize(static_cast<int64_t>(bytes.length)) + bytes.length : 1;
  }
  static size_t BodySize(const RecordSlice& record) {
    if (!record.is_legacy) return record.body.length;
    constexpr size_t kNoHeaders = 1;
    return NullableSize(record.key, record.has_key) + NullableSize(record.value, record.has_value) +
           kNoHeaders;
  }
  static uint8_t* WriteBytes(uint8_t* at, ByteSpan bytes) {
    if (bytes.length > 0) std::memcpy(at, bytes.data, bytes.length);
    return at + bytes.length;
  }
  static uint8_t* WriteNullable(uint8_t* at, ByteSpan bytes, bool present) {
    if (!present) return WriteVarint(at, -1);
    return WriteBytes(WriteVarint(at, static_cast<int64_t>(bytes.length)), bytes);
  }
  static uint8_t* WriteLegacyBody(uint8_t* at, const RecordSlice& record) {
    at = WriteNullable(at, record.key, record.has_key);
    at = WriteNullable(at, record.value, record.has_value);
    return WriteVarint(at, 0);  // headers
  }

  uint8_t* Reserve(size_t bytes) {
    const size_t wanted = used_ + bytes;
    if (out_->size() < wanted) out_->resize(std::max(wanted, out_->size() * 2));
    return out_->data() + used_;
  }

  std::vector<uint8_t>* out_;
  size_t used_ = 0;
};

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

// Writes the range as one batch, however large it becomes. *fits: the batch is within bytes_max.
Status EncodeRange(const RecordRange& range, Codec codec, size_t bytes_max,
                   const CompressionCodecs& codecs, EncodedBatch* out, bool* fits) {
  *out = EncodedBatch{};
  RecordCursor cursor = range.start;
  RecordWriter writer(&out->bytes);
  writer.Start(kRecordBatchHeaderSize);
  int64_t base_timestamp = 0;
  for (RecordSlice record; static_cast<size_t>(out->records) < range.records; ++out->records) {
    cursor.Next(&record);
    if (out->records == 0) {
      out->upstream_first = record.offset;
      base_timestamp = out->max_timestamp = record.timestamp;
    }
    // Timestamps can have any value; the difference may wrap here, and wraps back in every reader.
    const auto delta = static_cast<int64_t>(static_cast<uint64_t>(record.timestamp) -
                                            static_cast<uint64_t>(base_timestamp));
    writer.Write(record, delta, out->records);
    AddToRuns(record.offset, &out->runs);
    out->max_timestamp = std::max(out->max_timestamp, record.timestamp);
    out->upstream_next = record.offset + 1;
  }
  writer.Finish();
  if (codec != Codec::kNone) {
    std::vector<uint8_t> packed;
    Status status = codecs.Compress(codec, out->bytes.data() + kRecordBatchHeaderSize,
                                    out->bytes.size() - kRecordBatchHeaderSize, &packed);
    if (!status.ok()) return status;
    out->bytes.resize(kRecordBatchHeaderSize);
    out->bytes.insert(out->bytes.end(), packed.begin(), packed.end());
  }
  *fits = out->bytes.size() <= bytes_max;
  if (*fits) WriteHeader(out->bytes.data(), out->bytes.size(), codec, base_timestamp, *out);
  return Status::Ok();
}

// A range is cut into at most this many parts at a time, so that the list of waiting ranges is
// bounded, however small the target's limit is.
constexpr size_t kPartsMax = 64;

// Cuts a range that needed `size` bytes into parts of equally many records that should fit, with an
// eighth of spare room for records of unequal size.
std::vector<RecordRange> Cut(const RecordRange& range, size_t size, size_t bytes_max) {
  const size_t needed = (size + size / 8) / bytes_max + 1;
  const size_t parts = std::min({std::max<size_t>(needed, 2), kPartsMax, range.records});
  std::vector<RecordRange> cut;
  RecordCursor cursor = range.start;
  RecordSlice passed;
  for (size_t part = 0, first = 0; part < parts; ++part) {
    const size_t next = range.records * (part + 1) / parts;
    cut.push_back({cursor, next - first});
    for (; first < next; ++first) cursor.Next(&passed);
  }
  return cut;
}

Status EncodeAll(const RecordRange& all, Codec codec, size_t bytes_max,
                 const CompressionCodecs& codecs, std::vector<EncodedBatch>* out) {
  std::vector<RecordRange> waiting{all};  // the next one last
  while (!waiting.empty()) {
    const RecordRange range = waiting.back();
    waiting.pop_back();
    EncodedBatch encoded;
    bool fits = false;
    Status status = EncodeRange(range, codec, bytes_max, codecs, &encoded, &fits);
    if (!status.ok()) return status;
    if (fits) {
      out->push_back(std::move(encoded));
      continue;
    }
    const size_t size = encoded.bytes.size();
    if (range.records == 1) {
      encoded.bytes.clear();
      out->push_back(std::move(encoded));
      return Status::Error(kErrorRecordTooLarge,
                           "the record at offset " + std::to_string(encoded.upstream_first) +
                               " needs " + std::to_string(size) + " bytes, the target topic " +
                               std::to_string(bytes_max));
    }
    const std::vector<RecordRange> parts = Cut(range, size, bytes_max);
    waiting.insert(waiting.end(), parts.rbegin(), parts.rend());
  }
  return Status::Ok();
}

// A batch length is an int32, so no larger batch can be written or read.
constexpr size_t kBytesMax = std::numeric_limits<int32_t>::max();

}  // namespace

Status Reencode(const uint8_t* bytes, size_t size, int64_t wanted_offset,
                const ReencodeLimits& limits, const CompressionCodecs& codecs,
                std::vector<EncodedBatch>* out) {
  out->clear();
  RecordBatchView batch;
  if (BatchWalker(bytes, size).Next(&batch) != BatchWalker::Step::kBatch) {
    return Status::Error(kErrorBatchMalformed, "not a whole batch");
  }
  if (batch.is_control() || batch.record_count() == 0) return Status::Ok();

  BatchSpan span(batch);
  span.size = size;
  DecodedBatch decoded;
  Status opened = DecodedBatch::Open(span, std::min(limits.decoded_bytes_max, kBytesMax),
                                     limits.keep_producer_timestamps, codecs, &decoded);
  if (!opened.ok()) return opened;
  RecordRange wanted{decoded.begin(), 0};
  const int64_t left = decoded.SkipTo(wanted_offset, &wanted.start);
  RecordCursor rest = wanted.start;
  const bool is_cut = limits.offset_end != kNoOffsetEnd;
  const int64_t cut = is_cut ? decoded.SkipTo(limits.offset_end, &rest) : 0;
  if (left <= cut) return Status::Ok();
  wanted.records = static_cast<size_t>(left - cut);

  const size_t bytes_max =
      limits.batch_bytes_max > 0 ? static_cast<size_t>(limits.batch_bytes_max) : kBytesMax;
  const Codec codec = limits.codec.value_or(batch.codec());
  if (Status status = EncodeAll(wanted, codec, bytes_max, codecs, out); !status.ok()) {
    if (status.code != kErrorRecordTooLarge) out->clear();
    return status;
  }
  if (cut == 0) {
    out->back().upstream_next = std::max(out->back().upstream_next, batch.last_offset() + 1);
  }
  return Status::Ok();
}

}  // namespace longhaul
