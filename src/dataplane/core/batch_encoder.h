// Writes records of any magic as one new batch of magic 2, which the re-encode or the merge of
// batches sends. Does not bound its size.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/codecs.h"
#include "core/record_batch.h"
#include "core/record_cursor.h"
#include "core/status.h"
#include "core/varint.h"

namespace longhaul {

// Contiguous upstream offsets inside one encoded batch.
struct OffsetRun {
  int64_t upstream = 0;
  int64_t length = 0;

  bool operator==(const OffsetRun&) const = default;
};

struct EncodedBatch {
  std::vector<uint8_t> bytes;  // magic 2, baseOffset 0, leader epoch -1, no producer, valid CRC
  int32_t records = 0;
  int64_t upstream_first = 0;
  int64_t upstream_next = 0;  // progress once it is acked; in the last one after trailing gaps
  int64_t max_timestamp = -1;
  std::vector<OffsetRun> runs;  // ascending, lengths add up to `records`
};

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
  size_t used() const { return used_; }

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

// Add() all records, of which there must be one at least, then Finish(). `*out` must be empty.
class BatchEncoder {
 public:
  explicit BatchEncoder(EncodedBatch* out);
  // `upstream`: the source offset of the record, above that of the record before.
  void Add(const RecordSlice& record, int64_t upstream);
  Status Finish(Codec codec, const CompressionCodecs& codecs);
  size_t decoded_size() const { return writer_.used(); }

 private:
  EncodedBatch* out_;
  RecordWriter writer_;
  int64_t base_timestamp_ = 0;
};

}  // namespace longhaul
