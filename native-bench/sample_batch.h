// Batches for benchmarks: JSON-like records, the same bytes on every machine and in every run.
#pragma once

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "core/codecs.h"
#include "core/crc32c.h"
#include "core/record_batch.h"
#include "core/varint.h"
#include "kafka/codecs.h"

namespace longhaul::bench {

struct SampleOptions {
  size_t payload_bytes = 65'536;
  size_t value_bytes = 200;
  Codec codec = Codec::kNone;
  bool thinned = false;  // as after compaction: every third record is missing
};

inline void AppendSampleRecord(size_t number, size_t value_bytes, int32_t offset_delta,
                               std::vector<uint8_t>* out) {
  std::vector<uint8_t> value;
  for (size_t field = 0; value.size() < value_bytes; ++field) {
    char text[64];
    const uint64_t id = uint64_t{number} * 2654435761u + field;
    const int length = std::snprintf(text, sizeof(text), "{\"field%zu\":%" PRIu64 ",", field, id);
    value.insert(value.end(), text, text + length);
  }
  value.resize(value_bytes);
  uint8_t head[40];
  uint8_t* at = head;
  *at++ = 0;                                                // attributes
  at = WriteVarint(at, static_cast<int64_t>(number % 50));  // timestamp delta
  at = WriteVarint(at, offset_delta);
  at = WriteVarint(at, -1);  // no key
  at = WriteVarint(at, static_cast<int64_t>(value.size()));
  uint8_t length[kVarintSizeMax];
  const auto body = static_cast<int64_t>(at - head) + static_cast<int64_t>(value.size()) + 1;
  out->insert(out->end(), length, WriteVarint(length, body));
  out->insert(out->end(), head, at);
  out->insert(out->end(), value.begin(), value.end());
  out->push_back(0);  // no headers
}

inline std::vector<uint8_t> SampleBatch(const SampleOptions& options) {
  std::vector<uint8_t> payload;
  int32_t records = 0;
  int32_t delta = -1;
  while (payload.size() < options.payload_bytes) {
    ++delta;
    if (options.thinned && delta % 3 == 2) continue;
    AppendSampleRecord(static_cast<size_t>(delta), options.value_bytes, delta, &payload);
    ++records;
  }
  std::vector<uint8_t> packed;
  if (!KafkaCodecs().Compress(options.codec, payload.data(), payload.size(), &packed).ok()) {
    std::abort();
  }
  std::vector<uint8_t> batch(kRecordBatchHeaderSize, 0);
  batch.insert(batch.end(), packed.begin(), packed.end());
  StoreI64(batch.data(), 1'000'000);
  StoreI32(&batch[kLengthOffset], static_cast<int32_t>(batch.size() - kLogOverhead));
  batch[kMagicOffset] = 2;
  StoreU16(&batch[kAttributesOffset], static_cast<uint16_t>(options.codec));
  StoreI32(&batch[kLastOffsetDeltaOffset], delta);
  StoreI64(&batch[kBaseTimestampOffset], 1'700'000'000'000);
  StoreI64(&batch[kMaxTimestampOffset], 1'700'000'000'049);
  StoreI64(&batch[kProducerIdOffset], 4711);
  StoreI32(&batch[kRecordCountOffset], records);
  StoreU32(&batch[kCrcOffset],
           Crc32c(batch.data() + kAttributesOffset, batch.size() - kAttributesOffset));
  return batch;
}

}  // namespace longhaul::bench
