// What is done to bytes off the network, for fuzz_test (seeded mutations in every test run) and
// fuzz_entry (libFuzzer). Correct means: no sanitizer complaint, no abort, bounded output, and
// whatever comes out is a batch that a broker accepts.
#pragma once

#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "contract/contract.generated.h"
#include "core/batch_merge.h"
#include "core/codecs.h"
#include "core/crc32c.h"
#include "core/record_batch.h"
#include "core/reencode.h"
#include "kafka/codecs.h"

namespace longhaul::test {

constexpr size_t kFuzzDecodedMax = 1 << 18;

// Not doctest's: libFuzzer needs the process to die.
inline void FuzzRequire(bool holds, const char* what) {
  if (holds) return;
  (void)std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

// Copied to the exact size, so that reading one byte too far is seen.
class ExactBytes {
 public:
  ExactBytes(const uint8_t* data, size_t length) : bytes_(new uint8_t[length]), length_(length) {
    if (length > 0) std::memcpy(bytes_.get(), data, length);
  }
  uint8_t* data() { return bytes_.get(); }
  size_t size() const { return length_; }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  size_t length_;
};

// Without this hardly a mutation would get past the checksum.
inline void FuzzSeal(uint8_t* batch, size_t size) {
  if (RecordBatchView(batch).is_legacy()) {
    StoreU32(batch + kLegacyCrcOffset,
             static_cast<uint32_t>(crc32_z(0, batch + kMagicOffset, size - kMagicOffset)));
  } else {
    StoreU32(batch + kCrcOffset, Crc32c(batch + kAttributesOffset, size - kAttributesOffset));
  }
}

inline void FuzzReencode(const uint8_t* data, size_t size, const ReencodeLimits& limits,
                         int64_t wanted_offset) {
  static const KafkaCodecs codecs;
  std::vector<EncodedBatch> out;
  const Status status = Reencode(data, size, wanted_offset, limits, codecs, &out);
  FuzzRequire(status.ok() || !status.detail.empty(), "error without a detail");
  if (status.code == kErrorRecordTooLarge) {
    // Comes with what stands before that record and, without bytes, the record itself.
    FuzzRequire(!out.empty() && out.back().bytes.empty(), "too large a record not marked");
    out.pop_back();
  } else {
    FuzzRequire(status.ok() || out.empty(), "error with output");
  }
  int64_t next = wanted_offset;
  for (const EncodedBatch& batch : out) {
    const RecordBatchView view(batch.bytes.data());
    FuzzRequire(view.size() == batch.bytes.size() && CrcMatches(view), "encoded CRC");
    FuzzRequire(limits.batch_bytes_max == 0 ||
                    batch.bytes.size() <= static_cast<size_t>(limits.batch_bytes_max),
                "encoded size");
    const BatchClass passes{BatchAction::kPassThrough, BatchReason::kNone};
    FuzzRequire(Classify(view, {}) == passes, "encoded header");
    FuzzRequire(batch.upstream_first >= next && batch.upstream_next > batch.upstream_first,
                "encoded order");
    next = batch.upstream_next;
  }
}

inline void FuzzMerge(const RecordBatchView& batch, size_t bytes_max) {
  static const KafkaCodecs codecs;
  if (batch.is_legacy() || batch.is_control() || batch.record_count() == 0) return;
  const std::vector<MergePart> parts(3, {batch, 0});
  EncodedBatch out;
  const size_t merged = MergeBatches(parts, {bytes_max, kFuzzDecodedMax, 3}, codecs, &out);
  if (merged == 0) return;
  const RecordBatchView view(out.bytes.data());
  FuzzRequire(view.size() == out.bytes.size() && CrcMatches(view), "merged CRC");
  FuzzRequire(out.records == static_cast<int64_t>(merged) * batch.record_count(), "merged records");
  const BatchClass passes{BatchAction::kPassThrough, BatchReason::kNone};
  FuzzRequire(Classify(view, {}) == passes, "merged header");
}

inline void FuzzBatch(const RecordBatchView& batch, uint8_t choice) {
  BatchContext context;
  context.wanted_offset = batch.last_offset() - choice % 4;
  context.batch_bytes_max = choice % 3 == 0 ? 0 : 200 + choice * 4;
  context.keep_producer_timestamps = choice % 2 == 0;
  (void)Classify(batch, context);

  ExactBytes copy(batch.data(), batch.size());
  const ReencodeLimits limits{kFuzzDecodedMax, context.batch_bytes_max,
                              context.keep_producer_timestamps};
  FuzzReencode(copy.data(), copy.size(), limits, context.wanted_offset);
  FuzzSeal(copy.data(), copy.size());
  FuzzReencode(copy.data(), copy.size(), limits, context.wanted_offset);
  if (batch.is_legacy()) return;
  const uint32_t payload = PayloadCrc(RecordBatchView(copy.data()));
  FuzzMerge(RecordBatchView(copy.data()), size_t{200} * (1 + choice));
  PatchHeader(copy.data(), copy.size(), choice, 0, 1);
  FuzzRequire(CrcMatches(RecordBatchView(copy.data())), "patched CRC");
  FuzzRequire(PayloadCrc(RecordBatchView(copy.data())) == payload, "payload CRC");
}

inline void FuzzWalk(const uint8_t* data, size_t length) {
  ExactBytes bytes(data, length);
  BatchWalker walker(bytes.data(), bytes.size());
  RecordBatchView batch;
  size_t walked = 0;
  while (walker.Next(&batch) == BatchWalker::Step::kBatch) {
    walked += batch.size();
    FuzzRequire(walked <= length, "walker left its bytes");
    // The limits to try come from the bytes themselves, so that a crash can be had again from them.
    FuzzBatch(batch, static_cast<uint8_t>(Crc32c(data, length)));
  }
  FuzzRequire(walked + walker.left() == length, "walker lost bytes");
}

inline void FuzzCodec(Codec codec, const uint8_t* data, size_t length) {
  static const KafkaCodecs codecs;
  ExactBytes bytes(data, length);
  std::vector<uint8_t> out;
  const Status status = codecs.Decompress(codec, bytes.data(), length, kFuzzDecodedMax, &out);
  FuzzRequire(!status.ok() || out.size() <= kFuzzDecodedMax, "more than the bound");
  FuzzRequire(out.capacity() <= 4 * kFuzzDecodedMax + length, "memory over the bound");
}

}  // namespace longhaul::test
