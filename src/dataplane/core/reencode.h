// Re-encodes a batch that the target would not accept into one or more batches that it accepts.
// Records keep key, value, headers, null-ness, timestamp and order; offsets become contiguous.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "core/batch_encoder.h"
#include "core/codecs.h"
#include "core/record_batch.h"
#include "core/status.h"

namespace longhaul {

constexpr int64_t kNoOffsetEnd = std::numeric_limits<int64_t>::max();

struct ReencodeLimits {
  size_t decoded_bytes_max = 0;
  int32_t batch_bytes_max = 0;  // max.message.bytes of the target topic; 0 = no bound
  bool keep_producer_timestamps = false;
  std::optional<Codec> codec = {};  // none: the batch keeps its own
  int64_t offset_end = kNoOffsetEnd;  // records from this source offset on are left out
};

// Re-encodes one batch of any magic, leaving out records below wanted_offset. For magic 0 and 1,
// `size` may cover several consecutive uncompressed entries: they become one batch.
//
// The source CRC is checked first: the new batches have a new checksum, so nobody could detect a
// damaged payload later. *out is empty if no record is left, and after an error. Only after
// RECORD_TOO_LARGE it holds the batches before the large record and, as the last entry and without
// bytes, the record itself. Memory: a small multiple of decoded_bytes_max, whatever the bytes are.
Status Reencode(const uint8_t* batch, size_t size, int64_t wanted_offset,
                const ReencodeLimits& limits, const CompressionCodecs& codecs,
                std::vector<EncodedBatch>* out);

}  // namespace longhaul
