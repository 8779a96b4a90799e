// Reads the records of one inflated batch in order, without copying them. A cursor is a value: a
// copy of it marks a place to return to, so a batch can be split without a list of its records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/record_batch.h"
#include "core/status.h"
#include "core/varint.h"

namespace longhaul {

// Points into the inflated bytes. Timestamps and offsets are those that a consumer of the source
// sees.
struct RecordSlice {
  int64_t offset = 0;
  int64_t timestamp = -1;
  uint8_t attributes = 0;

  // Magic 2: everything from the key length to the last header, as stored.
  // Magic 0 and 1 (is_legacy): key and value; a negative length is null.
  bool is_legacy = false;
  ByteSpan body;
  ByteSpan key;
  ByteSpan value;
  bool has_key = false;
  bool has_value = false;
};

class RecordCursor {
 public:
  enum class Step : uint8_t { kRecord, kEnd, kMalformed };

  // `records` are the inflated bytes behind the header of `batch`, which is of magic 2.
  static RecordCursor OverRecords(const RecordBatchView& batch, ByteSpan records,
                                  bool keep_producer_timestamps);

  // Consecutive entries of magic 0 and 1 with their own offsets.
  static RecordCursor OverLegacyEntries(ByteSpan messages);

  // The inflated content of a compressed entry of magic 0 or 1.
  static RecordCursor OverWrapped(const RecordBatchView& wrapper, ByteSpan messages,
                                  bool keep_producer_timestamps);

  // The compressed bytes of such an entry.
  static Status OpenWrapper(const RecordBatchView& wrapper, ByteSpan* out);

  Step Next(RecordSlice* out) { return is_legacy_ ? NextMessage(out) : NextRecord(out); }

  // Why the last step was kMalformed.
  Status error() const;

 private:
  RecordCursor(ByteSpan rest, bool is_legacy) : rest_(rest), is_legacy_(is_legacy) {}

  Step NextRecord(RecordSlice* out);
  Step NextMessage(RecordSlice* out);
  Step Malformed(const char* problem);

  ByteSpan rest_;
  bool is_legacy_;
  int64_t base_offset_ = 0;           // added to stored offsets
  int64_t base_timestamp_ = 0;        // added to stored timestamps, magic 2 only
  bool has_fixed_timestamp_ = false;  // LogAppendTime: every record has fixed_timestamp_
  int64_t fixed_timestamp_ = 0;
  int64_t last_offset_ = -1;  // offsets must ascend
  int64_t offset_max_ = 0;
  int32_t left_ = 0;  // records left by the count of the header, magic 2 only
  const char* problem_ = nullptr;
};

}  // namespace longhaul
