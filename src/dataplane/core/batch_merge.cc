#include "core/batch_merge.h"

#include <algorithm>

#include "core/decoded_batch.h"

namespace longhaul {
namespace {

// How many of the parts fit by their headers alone.
size_t CountFitting(const std::vector<MergePart>& parts, const MergeLimits& limits) {
  size_t bytes = kRecordBatchHeaderSize;
  size_t count = 0;
  for (const MergePart& part : parts) {
    bytes += part.batch.size() - kRecordBatchHeaderSize;
    if (bytes > limits.bytes_max || count == limits.batches_max) break;
    if (part.batch.codec() != parts.front().batch.codec()) break;
    ++count;
  }
  return count;
}

}  // namespace

size_t MergeBatches(const std::vector<MergePart>& parts, const MergeLimits& limits,
                    const CompressionCodecs& codecs, EncodedBatch* out) {
  *out = EncodedBatch{};
  const size_t fitting = CountFitting(parts, limits);
  if (fitting < 2) return 0;
  BatchEncoder encoder(out);
  size_t merged = 0;
  for (; merged < fitting && encoder.decoded_size() < limits.decoded_bytes_max; ++merged) {
    const MergePart& part = parts[merged];
    // The outbox has already set the type of the timestamps to that of the producer.
    constexpr bool kKeepsTimestamps = true;
    DecodedBatch decoded;
    if (!DecodedBatch::Open(BatchSpan(part.batch),
                            limits.decoded_bytes_max - encoder.decoded_size(), kKeepsTimestamps,
                            codecs, &decoded)
             .ok())
      break;
    RecordCursor reader = decoded.begin();
    int64_t upstream = part.upstream_first;
    for (RecordSlice record; reader.Next(&record) == RecordCursor::Step::kRecord;)
      encoder.Add(record, upstream++);
  }
  if (merged < 2) return 0;
  const Codec codec = parts.front().batch.codec();
  return encoder.Finish(codec, codecs).ok() ? merged : 0;
}

}  // namespace longhaul
