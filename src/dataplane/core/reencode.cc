// Makes two passes over the inflated records, without a list of them in memory: the first validates
// every length, the second writes. A batch that becomes too large is cut between records until its
// parts fit; a copy of the cursor marks a place in the records.
#include "core/reencode.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "contract/contract.generated.h"
#include "core/batch_encoder.h"
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

// Writes the range as one batch, however large it becomes. *fits: the batch is within bytes_max.
Status EncodeRange(const RecordRange& range, Codec codec, size_t bytes_max,
                   const CompressionCodecs& codecs, EncodedBatch* out, bool* fits) {
  *out = EncodedBatch{};
  RecordCursor cursor = range.start;
  BatchEncoder encoder(out);
  for (RecordSlice record; static_cast<size_t>(out->records) < range.records;) {
    cursor.Next(&record);
    encoder.Add(record, record.offset);
  }
  if (Status status = encoder.Finish(codec, codecs); !status.ok()) return status;
  *fits = out->bytes.size() <= bytes_max;
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
