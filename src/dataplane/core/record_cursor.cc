// DefaultRecord.java and AbstractLegacyRecordBatch.java are the reference for what is accepted.
// This file is stricter where an error would pass silently: offsets must ascend, and no bytes may
// be left over.
#include "core/record_cursor.h"

#include <zlib.h>

#include <limits>

#include "contract/contract.generated.h"

namespace longhaul {
namespace {

int64_t WrappingAdd(int64_t a, int64_t b) {  // as in Java; hostile deltas must not overflow
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

int64_t WrappingSubtract(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

bool SkipBytes(ByteSpan& from, int32_t length) {
  return length < 0 || from.Skip(static_cast<size_t>(length));  // negative: null
}

bool SkipLengthAndBytes(ByteSpan& from) {
  int32_t length;
  return ReadVarint(from, &length) && SkipBytes(from, length);
}

// Key, value, headers; true if they fill the body exactly.
bool BodyIsWhole(ByteSpan body) {
  if (!SkipLengthAndBytes(body) || !SkipLengthAndBytes(body)) return false;
  int32_t headers;
  if (!ReadVarint(body, &headers) || headers < 0) return false;
  // A header has at least two bytes, so a count that is too large ends where the bytes end.
  for (int32_t header = 0; header < headers; ++header) {
    int32_t key_length;
    if (!ReadVarint(body, &key_length) || key_length < 0) return false;
    if (!SkipBytes(body, key_length) || !SkipLengthAndBytes(body)) return false;
  }
  return body.length == 0;
}

// A four-byte length and that many bytes; a negative length is null.
bool ReadNullable(ByteSpan& from, ByteSpan* out, bool* present) {
  if (from.length < sizeof(int32_t)) return false;
  const int32_t length = LoadI32(from.data);
  from.Skip(sizeof(int32_t));
  *present = length >= 0;
  *out = {from.data, length < 0 ? 0 : static_cast<size_t>(length)};
  return from.Skip(out->length);
}

constexpr size_t kLegacySizeMin = kLegacyHeaderSizeV0 + 2 * sizeof(int32_t);

// With magic 1, offsets inside a wrapper are relative to its first record, and the offset of the
// wrapper is that of the last record. Some producers leave the outer offset 0: the inner offsets
// are then absolute.
int64_t WrapperBaseOffset(const RecordBatchView& wrapper, ByteSpan messages) {
  if (wrapper.magic() != 1 || wrapper.base_offset() == 0) return 0;
  int64_t last = 0;
  while (messages.length >= kLegacySizeMin) {
    last = LoadI64(messages.data);
    const int32_t size = LoadI32(messages.data + kLengthOffset);
    if (size < 0 || !messages.Skip(kLogOverhead + static_cast<size_t>(size))) break;
  }
  return WrappingSubtract(wrapper.base_offset(), last);
}

constexpr const char* kCrcProblem = "message that does not match its CRC";

// Checks the message at the front of `from`, compressed or not, and finds its key and value.
// Returns the problem, or null.
const char* ReadMessage(ByteSpan from, RecordSlice* out) {
  if (from.length < kLegacySizeMin) return "message cut short";
  const RecordBatchView entry(from.data);
  if (entry.magic() != 0 && entry.magic() != 1) return "message of another magic inside";
  const size_t header = entry.magic() == 0 ? kLegacyHeaderSizeV0 : kLegacyHeaderSizeV1;
  const size_t size = entry.size();
  if (size > from.length) return "message longer than what holds it";
  if (size < header + 2 * sizeof(int32_t)) return "message too short";
  if (crc32_z(0, from.data + kMagicOffset, size - kMagicOffset) != entry.crc()) {
    return kCrcProblem;
  }
  ByteSpan body{from.data + header, size - header};
  if (!ReadNullable(body, &out->key, &out->has_key) ||
      !ReadNullable(body, &out->value, &out->has_value) || body.length != 0) {
    return "key and value do not fill the message";
  }
  out->is_legacy = true;
  out->attributes = 0;
  return nullptr;
}

Status StatusOf(const char* problem, int64_t offset) {
  const int32_t code = problem == kCrcProblem ? kErrorBatchCrcMismatch : kErrorBatchMalformed;
  return Status::Error(code, std::string(problem) + ", near offset " + std::to_string(offset));
}

}  // namespace

RecordCursor RecordCursor::OverRecords(const RecordBatchView& batch, ByteSpan records,
                                       bool keep_producer_timestamps) {
  RecordCursor cursor(records, false);
  cursor.base_offset_ = batch.base_offset();
  cursor.base_timestamp_ = batch.base_timestamp();
  cursor.has_fixed_timestamp_ = batch.has_log_append_time() && !keep_producer_timestamps;
  cursor.fixed_timestamp_ = batch.max_timestamp();
  cursor.last_offset_ = WrappingAdd(batch.base_offset(), -1);
  cursor.offset_max_ = batch.last_offset();
  cursor.left_ = batch.record_count();
  return cursor;
}

RecordCursor RecordCursor::OverLegacyEntries(ByteSpan messages) {
  RecordCursor cursor(messages, true);
  cursor.offset_max_ = std::numeric_limits<int64_t>::max() - 1;
  return cursor;
}

RecordCursor RecordCursor::OverWrapped(const RecordBatchView& wrapper, ByteSpan messages,
                                       bool keep_producer_timestamps) {
  RecordCursor cursor = OverLegacyEntries(messages);
  cursor.base_offset_ = WrapperBaseOffset(wrapper, messages);
  cursor.has_fixed_timestamp_ = wrapper.has_log_append_time() && !keep_producer_timestamps;
  cursor.fixed_timestamp_ = wrapper.max_timestamp();
  return cursor;
}

RecordCursor::Step RecordCursor::NextRecord(RecordSlice* out) {
  if (left_ <= 0) {
    if (left_ == 0 && rest_.length == 0) return Step::kEnd;
    return Malformed(left_ < 0 ? "negative record count" : "bytes after the last record");
  }
  int32_t length;
  if (!ReadVarint(rest_, &length)) return Malformed("record length cut short");
  if (length < 0 || static_cast<size_t>(length) > rest_.length) {
    return Malformed("record longer than the batch");
  }
  ByteSpan record{rest_.data, static_cast<size_t>(length)};
  rest_.Skip(record.length);

  int64_t timestamp_delta;
  int32_t offset_delta;
  out->is_legacy = false;
  out->attributes = record.length > 0 ? record.data[0] : uint8_t{0};
  if (!record.Skip(1) || !ReadVarlong(record, &timestamp_delta) ||
      !ReadVarint(record, &offset_delta)) {
    return Malformed("record cut short");
  }
  out->offset = WrappingAdd(base_offset_, offset_delta);
  if (out->offset <= last_offset_ || out->offset > offset_max_) {
    return Malformed("offset out of order");
  }
  if (!BodyIsWhole(record)) return Malformed("key, value and headers do not fill the record");
  out->timestamp =
      has_fixed_timestamp_ ? fixed_timestamp_ : WrappingAdd(base_timestamp_, timestamp_delta);
  out->body = record;
  last_offset_ = out->offset;
  --left_;
  return Step::kRecord;
}

RecordCursor::Step RecordCursor::NextMessage(RecordSlice* out) {
  if (rest_.length == 0) return Step::kEnd;
  if (const char* problem = ReadMessage(rest_, out)) return Malformed(problem);
  const RecordBatchView entry(rest_.data);
  // The format has only one level of nesting. Nested wrappers could inflate without limit.
  if (entry.codec() != Codec::kNone) return Malformed("compressed message inside");
  out->offset = WrappingAdd(base_offset_, entry.base_offset());
  if (out->offset <= last_offset_ || out->offset > offset_max_) {
    return Malformed("offset out of order");
  }
  // Magic 0 has no timestamp, not even inside a wrapper that has one.
  const bool takes_fixed = has_fixed_timestamp_ && entry.magic() == 1;
  out->timestamp = takes_fixed ? fixed_timestamp_ : entry.max_timestamp();
  last_offset_ = out->offset;
  rest_.Skip(entry.size());
  return Step::kRecord;
}

Status RecordCursor::OpenWrapper(const RecordBatchView& wrapper, ByteSpan* out) {
  RecordSlice message;
  const char* problem = ReadMessage({wrapper.data(), wrapper.size()}, &message);
  if (problem == nullptr && !message.has_value) problem = "compressed message of no value";
  if (problem == nullptr && wrapper.codec() == Codec::kZstd) problem = "zstd in an old message";
  if (problem != nullptr) return StatusOf(problem, wrapper.base_offset());
  *out = message.value;
  return Status::Ok();
}

RecordCursor::Step RecordCursor::Malformed(const char* problem) {
  problem_ = problem;
  return Step::kMalformed;
}

Status RecordCursor::error() const { return StatusOf(problem_, last_offset_); }

}  // namespace longhaul
