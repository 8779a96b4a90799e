// Headers: the walk over hostile bytes, the classification table, and the CRC patched by linearity
// against the CRC recomputed.
#include "core/record_batch.h"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "contract/contract.generated.h"
#include "core/crc32c.h"
#include "random.h"

namespace longhaul {
namespace {

using test::Random;
using Step = BatchWalker::Step;
using Bytes = std::vector<uint8_t>;

void SealCrc(Bytes& batch) {
  StoreU32(batch.data() + kCrcOffset,
           Crc32c(batch.data() + kAttributesOffset, batch.size() - kAttributesOffset));
}

// A batch that passes through: ten records at offset 100, with an arbitrary payload.
Bytes MakeBatch(size_t payload = 40) {
  Bytes batch(kRecordBatchHeaderSize + payload, 0x5a);
  StoreI64(batch.data(), 100);
  StoreI32(batch.data() + kLengthOffset, static_cast<int32_t>(batch.size() - kLogOverhead));
  StoreI32(batch.data() + kLeaderEpochOffset, 7);
  batch[kMagicOffset] = 2;
  StoreU16(batch.data() + kAttributesOffset, static_cast<uint16_t>(Codec::kLz4));
  StoreI32(batch.data() + kLastOffsetDeltaOffset, 9);
  StoreI64(batch.data() + kBaseTimestampOffset, 1'700'000'000'000);
  StoreI64(batch.data() + kMaxTimestampOffset, 1'700'000'000'009);
  StoreI64(batch.data() + kProducerIdOffset, 4711);
  StoreI16(batch.data() + kProducerEpochOffset, 3);
  StoreI32(batch.data() + kBaseSequenceOffset, 12);
  StoreI32(batch.data() + kRecordCountOffset, 10);
  SealCrc(batch);
  return batch;
}

Bytes MakeLegacy(int8_t magic, int64_t offset, uint8_t attributes, size_t value = 5) {
  const size_t header = magic == 0 ? kLegacyHeaderSizeV0 : kLegacyHeaderSizeV1;
  Bytes entry(header + 8 + value, 0);
  StoreI64(entry.data(), offset);
  StoreI32(entry.data() + kLengthOffset, static_cast<int32_t>(entry.size() - kLogOverhead));
  entry[kMagicOffset] = static_cast<uint8_t>(magic);
  entry[kLegacyAttributesOffset] = attributes;
  if (magic == 1) StoreI64(entry.data() + kLegacyTimestampOffset, 1234);
  StoreI32(entry.data() + header, -1);
  StoreI32(entry.data() + header + 4, static_cast<int32_t>(value));
  return entry;
}

Bytes Join(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

TEST_CASE("a view reads every field of a magic 2 header") {
  const Bytes bytes = MakeBatch();
  const RecordBatchView batch(bytes.data());
  CHECK(batch.base_offset() == 100);
  CHECK(batch.size() == bytes.size());
  CHECK(batch.leader_epoch() == 7);
  CHECK(batch.magic() == 2);
  CHECK(batch.codec() == Codec::kLz4);
  CHECK(batch.last_offset_delta() == 9);
  CHECK(batch.last_offset() == 109);
  CHECK(batch.base_timestamp() == 1'700'000'000'000);
  CHECK(batch.max_timestamp() == 1'700'000'000'009);
  CHECK(batch.producer_id() == 4711);
  CHECK(batch.producer_epoch() == 3);
  CHECK(batch.base_sequence() == 12);
  CHECK(batch.record_count() == 10);
  CHECK_FALSE(batch.is_transactional());
  CHECK_FALSE(batch.is_control());
  CHECK_FALSE(batch.has_log_append_time());
  CHECK_FALSE(batch.has_delete_horizon());
  CHECK(CrcMatches(batch));
}

TEST_CASE("a view of magic 0 and 1 returns the fields that these have") {
  const Bytes plain = MakeLegacy(1, 55, 0x08);
  const RecordBatchView batch(plain.data());
  CHECK(batch.base_offset() == 55);
  CHECK(batch.last_offset() == 55);
  CHECK(batch.record_count() == 1);
  CHECK(batch.has_log_append_time());
  CHECK(batch.max_timestamp() == 1234);
  CHECK(batch.producer_id() == -1);
  CHECK_FALSE(batch.is_control());

  const Bytes wrapper = MakeLegacy(0, 60, static_cast<uint8_t>(Codec::kGzip) | 0x38);
  const RecordBatchView old(wrapper.data());
  CHECK(old.record_count() == -1);
  CHECK(old.codec() == Codec::kGzip);
  CHECK(old.max_timestamp() == -1);
  CHECK_FALSE(old.is_control());  // the bits above the codec had no meaning
  CHECK_FALSE(old.is_transactional());
  CHECK_FALSE(old.has_log_append_time());
}

TEST_CASE("the walker returns batches of every magic and stops at a truncated one") {
  const Bytes whole =
      Join({MakeBatch(), MakeLegacy(0, 110, 0), MakeLegacy(1, 111, 0), MakeBatch()});
  const size_t last = MakeBatch().size();
  for (size_t cut = 0; cut <= last; ++cut) {
    BatchWalker walker(whole.data(), whole.size() - cut);
    RecordBatchView batch;
    CHECK(walker.Next(&batch) == Step::kBatch);
    CHECK(walker.Next(&batch) == Step::kBatch);
    CHECK(batch.magic() == 0);
    CHECK(walker.Next(&batch) == Step::kBatch);
    CHECK(batch.magic() == 1);
    if (cut == 0) CHECK(walker.Next(&batch) == Step::kBatch);
    CHECK(walker.Next(&batch) == Step::kEnd);
    CHECK(walker.left() == (cut == 0 ? 0 : last - cut));
  }
}

// Each message of an old segment without compression is an entry of its own. Regression: each entry
// became a batch of one record, and a partition sent five of them in a round trip.
TEST_CASE("uncompressed messages of old segments are one run, within its bounds") {
  constexpr int64_t kFirst = 100;
  constexpr int64_t kCount = 50;
  std::vector<Bytes> parts;
  for (int64_t i = 0; i < kCount; ++i) parts.push_back(MakeLegacy(1, kFirst + i, 0));
  const size_t message = parts.front().size();
  const uint8_t gzip = static_cast<uint8_t>(Codec::kGzip);
  SUBCASE("before a wrapper") { parts.push_back(MakeLegacy(1, kFirst + kCount, gzip)); }
  SUBCASE("before a batch of magic 2") { parts.push_back(MakeBatch()); }
  SUBCASE("before an offset that goes back") { parts.push_back(MakeLegacy(1, kFirst, 0)); }
  const Bytes all = Join(parts);
  const auto run = [&](size_t bytes_max, int64_t base_offset_max) {
    BatchWalker walker(all.data(), all.size());
    RecordBatchView entry;
    REQUIRE(walker.Next(&entry) == Step::kBatch);
    size_t size = entry.size();
    int64_t last_offset = entry.last_offset();
    walker.ExtendLegacyRun(bytes_max, base_offset_max, &size, &last_offset);
    CHECK(size == static_cast<size_t>(last_offset - kFirst + 1) * message);
    CHECK(walker.left() == all.size() - size);
    return last_offset - kFirst + 1;
  };
  CHECK(run(all.size(), kFirst + kCount) == kCount);
  CHECK(run(10 * message, kFirst + kCount) == 10);
  CHECK(run(10 * message - 1, kFirst + kCount) == 9);
  CHECK(run(1, kFirst + kCount) == 1);
  CHECK(run(all.size(), kFirst) == 1);
}

TEST_CASE("the walker ends at a first batch that was truncated anywhere") {
  const Bytes bytes = MakeBatch(1000);
  RecordBatchView batch;
  for (const size_t size : {size_t{0}, kLogOverhead - 1, kLogOverhead, size_t{200}}) {
    BatchWalker cut(bytes.data(), size);
    CHECK(cut.Next(&batch) == Step::kEnd);
    CHECK(cut.left() == size);
  }
}

TEST_CASE("the walker refuses impossible headers") {
  struct Case {
    const char* name;
    void (*damage)(Bytes&);
  };
  const Case cases[] = {
      {"negative length", [](Bytes& b) { StoreI32(b.data() + kLengthOffset, -1); }},
      {"smallest length",
       [](Bytes& b) { StoreI32(b.data() + kLengthOffset, std::numeric_limits<int32_t>::min()); }},
      {"length 0", [](Bytes& b) { StoreI32(b.data() + kLengthOffset, 0); }},
      {"length below a header", [](Bytes& b) { StoreI32(b.data() + kLengthOffset, 48); }},
      {"magic 3", [](Bytes& b) { b[kMagicOffset] = 3; }},
      {"negative magic", [](Bytes& b) { b[kMagicOffset] = 0xff; }},
      {"negative offset", [](Bytes& b) { StoreI64(b.data(), -1); }},
      {"offset at the end", [](Bytes& b) { StoreI64(b.data(), INT64_MAX); }},
      {"last offset overflows", [](Bytes& b) { StoreI64(b.data(), INT64_MAX - 9); }},
      {"negative delta", [](Bytes& b) { StoreI32(b.data() + kLastOffsetDeltaOffset, -1); }},
      {"negative count", [](Bytes& b) { StoreI32(b.data() + kRecordCountOffset, -1); }},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    Bytes bytes = Join({MakeBatch(), MakeBatch()});
    Bytes second = MakeBatch();
    row.damage(second);
    std::copy(second.begin(), second.end(), bytes.begin() + static_cast<ptrdiff_t>(second.size()));
    BatchWalker walker(bytes.data(), bytes.size());
    RecordBatchView batch;
    CHECK(walker.Next(&batch) == Step::kBatch);
    CHECK(walker.Next(&batch) == Step::kMalformed);
    CHECK(walker.Next(&batch) == Step::kMalformed);
  }
}

TEST_CASE("a length of 2^31-1 is a truncated batch, not an overflow") {
  Bytes bytes = MakeBatch();
  StoreI32(bytes.data() + kLengthOffset, INT32_MAX);
  BatchWalker walker(bytes.data(), bytes.size());
  RecordBatchView batch;
  CHECK(walker.Next(&batch) == Step::kEnd);
  CHECK(walker.left() == bytes.size());
}

TEST_CASE("classification table") {
  struct Case {
    const char* name;
    void (*change)(Bytes&, BatchContext&);
    BatchAction action;
    BatchReason reason;
  };
  const auto set_attributes = [](Bytes& b, uint16_t bits) {
    StoreU16(b.data() + kAttributesOffset, bits);
  };
  static const auto attributes = set_attributes;
  const Case cases[] = {
      {"plain", [](Bytes&, BatchContext&) {}, BatchAction::kPassThrough, BatchReason::kNone},
      {"idempotent and transactional", [](Bytes& b, BatchContext&) { attributes(b, 0x13); },
       BatchAction::kPassThrough, BatchReason::kNone},
      {"delete horizon", [](Bytes& b, BatchContext&) { attributes(b, 0x40); },
       BatchAction::kPassThrough, BatchReason::kNone},
      {"an unknown codec", [](Bytes& b, BatchContext&) { attributes(b, 0x07); },
       BatchAction::kPassThrough, BatchReason::kNone},
      {"control", [](Bytes& b, BatchContext&) { attributes(b, 0x30); }, BatchAction::kDrop,
       BatchReason::kControl},
      {"empty", [](Bytes& b, BatchContext&) { StoreI32(b.data() + kRecordCountOffset, 0); },
       BatchAction::kDrop, BatchReason::kEmpty},
      {"aborted", [](Bytes& b, BatchContext& c) { attributes(b, 0x10), c.aborted = true; },
       BatchAction::kDrop, BatchReason::kAborted},
      {"looped", [](Bytes&, BatchContext& c) { c.looped = true; }, BatchAction::kDrop,
       BatchReason::kLooped},
      {"ends before the wanted offset", [](Bytes&, BatchContext& c) { c.wanted_offset = 110; },
       BatchAction::kDrop, BatchReason::kStale},
      {"ends at the wanted offset", [](Bytes&, BatchContext& c) { c.wanted_offset = 109; },
       BatchAction::kReencode, BatchReason::kMidBatch},
      {"begins at the wanted offset", [](Bytes&, BatchContext& c) { c.wanted_offset = 100; },
       BatchAction::kPassThrough, BatchReason::kNone},
      {"thinned by compaction",
       [](Bytes& b, BatchContext&) { StoreI32(b.data() + kRecordCountOffset, 9); },
       BatchAction::kReencode, BatchReason::kCompacted},
      {"more records than offsets",
       [](Bytes& b, BatchContext&) { StoreI32(b.data() + kRecordCountOffset, 11); },
       BatchAction::kReencode, BatchReason::kCompacted},
      {"largest delta",
       [](Bytes& b, BatchContext&) { StoreI32(b.data() + kLastOffsetDeltaOffset, INT32_MAX); },
       BatchAction::kReencode, BatchReason::kCompacted},
      {"log append time", [](Bytes& b, BatchContext&) { attributes(b, 0x08); },
       BatchAction::kReencode, BatchReason::kLogAppendTime},
      {"log append time, producer's kept",
       [](Bytes& b, BatchContext& c) { attributes(b, 0x08), c.keep_producer_timestamps = true; },
       BatchAction::kPassThrough, BatchReason::kNone},
      {"one byte too large",
       [](Bytes& b, BatchContext& c) { c.batch_bytes_max = static_cast<int32_t>(b.size()) - 1; },
       BatchAction::kReencode, BatchReason::kTooLarge},
      {"as large as allowed",
       [](Bytes& b, BatchContext& c) { c.batch_bytes_max = static_cast<int32_t>(b.size()); },
       BatchAction::kPassThrough, BatchReason::kNone},
      {"magic 0", [](Bytes& b, BatchContext&) { b = MakeLegacy(0, 100, 0); },
       BatchAction::kReencode, BatchReason::kOldMagic},
      {"magic 1 wrapper that ends behind the wanted offset",
       [](Bytes& b, BatchContext& c) { b = MakeLegacy(1, 109, 2), c.wanted_offset = 105; },
       BatchAction::kReencode, BatchReason::kOldMagic},
      {"magic 1 before the wanted offset",
       [](Bytes& b, BatchContext& c) { b = MakeLegacy(1, 109, 2), c.wanted_offset = 110; },
       BatchAction::kDrop, BatchReason::kStale},
      {"dropping wins over re-encoding",
       [](Bytes& b, BatchContext& c) { attributes(b, 0x18), c.aborted = true; }, BatchAction::kDrop,
       BatchReason::kAborted},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    Bytes bytes = MakeBatch();
    BatchContext context;
    row.change(bytes, context);
    const BatchClass found = Classify(RecordBatchView(bytes.data()), context);
    CHECK(found.action == row.action);
    CHECK(found.reason == row.reason);
  }
}

TEST_CASE("reasons number as in the contract") {
  CHECK(static_cast<size_t>(BatchReason::kMerged) + 1 == kBatchReasonCount);
}

TEST_CASE("a patched header has the recomputed CRC, for any header and length") {
  Random random("patch");
  for (int round = 0; round < 2000; ++round) {
    const size_t payload =
        round < 200 ? static_cast<size_t>(round) : random.Length(300'000 - kRecordBatchHeaderSize);
    Bytes batch = random.Bytes(kRecordBatchHeaderSize + payload);
    StoreI32(batch.data() + kLengthOffset, static_cast<int32_t>(batch.size() - kLogOverhead));
    batch[kMagicOffset] = 2;
    SealCrc(batch);
    const Bytes before = batch;

    const auto producer_id = static_cast<int64_t>(random.Next());
    const auto epoch = static_cast<int16_t>(random.Next());
    const auto sequence = static_cast<int32_t>(random.Next());
    PatchHeader(batch.data(), batch.size(), producer_id, epoch, sequence);

    const RecordBatchView view(batch.data());
    CAPTURE(payload);
    CHECK(CrcMatches(view));
    CHECK(view.base_offset() == 0);
    CHECK(view.leader_epoch() == -1);
    CHECK(view.producer_id() == producer_id);
    CHECK(view.producer_epoch() == epoch);
    CHECK(view.base_sequence() == sequence);
    CHECK_FALSE(view.is_transactional());
    CHECK_FALSE(view.has_log_append_time());
    CHECK_FALSE(view.has_delete_horizon());
    // All other fields unchanged: the other attribute bits, timestamps, counts, payload.
    CHECK((view.attributes() | 0x58) == (LoadU16(before.data() + kAttributesOffset) | 0x58));
    CHECK(std::memcmp(batch.data() + kLastOffsetDeltaOffset, before.data() + kLastOffsetDeltaOffset,
                      kProducerIdOffset - kLastOffsetDeltaOffset) == 0);
    CHECK(std::memcmp(batch.data() + kRecordCountOffset, before.data() + kRecordCountOffset,
                      batch.size() - kRecordCountOffset) == 0);
  }
}

TEST_CASE("a damaged payload is still detected after the patch") {
  Random random("patch damage");
  for (int round = 0; round < 200; ++round) {
    Bytes batch = MakeBatch(1 + random.Length(5000));
    const size_t at = kRecordBatchHeaderSize + random.Below(batch.size() - kRecordBatchHeaderSize);
    batch[at] ^= static_cast<uint8_t>(1 + random.Below(255));
    PatchHeader(batch.data(), batch.size(), 1, 0, round);
    CHECK_FALSE(CrcMatches(RecordBatchView(batch.data())));
  }
}

TEST_CASE("the payload CRC is the same before and after the patch and needs no payload") {
  Random random("payload crc");
  for (int round = 0; round < 300; ++round) {
    Bytes batch = MakeBatch(random.Length(100'000));
    const uint32_t expected =
        Crc32cRaw(batch.data() + kRecordBatchHeaderSize, batch.size() - kRecordBatchHeaderSize);
    CHECK(PayloadCrc(RecordBatchView(batch.data())) == expected);
    PatchHeader(batch.data(), batch.size(), 99, 1, 5000);
    CHECK(PayloadCrc(RecordBatchView(batch.data())) == expected);
  }
}

}  // namespace
}  // namespace longhaul
