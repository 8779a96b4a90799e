// Re-encoding, compared record by record with the plain reader of batch_fixture.
#include "core/reencode.h"

#include <doctest/doctest.h>

#include <limits>

#include "batch_fixture.h"
#include "contract/contract.generated.h"

namespace longhaul {
namespace {

using test::BatchOptions;
using test::BuildBatch;
using test::BuildMessage;
using test::BuildWrapper;
using test::BuildWrapperAround;
using test::Bytes;
using test::kAllCodecs;
using test::Random;
using test::RandomRecords;
using test::TestRecord;

constexpr ReencodeLimits kNoLimits{.decoded_bytes_max = size_t{1} << 28};

Status Run(const Bytes& batch, int64_t wanted, const ReencodeLimits& limits,
           std::vector<EncodedBatch>* out) {
  return Reencode(batch.data(), batch.size(), wanted, limits, test::Codecs(), out);
}

// Reads back every encoded batch, with upstream offsets from its runs; checks what a broker checks.
std::vector<TestRecord> ReadAll(const std::vector<EncodedBatch>& batches, Codec codec) {
  std::vector<TestRecord> all;
  for (const EncodedBatch& batch : batches) {
    const RecordBatchView view(batch.bytes.data());
    CHECK(view.base_offset() == 0);
    CHECK(view.leader_epoch() == -1);
    CHECK(view.producer_id() == -1);
    CHECK(view.producer_epoch() == -1);
    CHECK(view.base_sequence() == -1);
    CHECK(view.attributes() == static_cast<uint16_t>(codec));
    CHECK(view.record_count() == view.last_offset_delta() + 1);
    CHECK(view.record_count() == batch.records);
    CHECK(view.max_timestamp() == batch.max_timestamp);
    std::vector<TestRecord> records = test::ReadBatch(batch.bytes);
    std::vector<int64_t> upstream;
    for (const OffsetRun& run : batch.runs) {
      CHECK(run.length > 0);
      for (int64_t i = 0; i < run.length; ++i) upstream.push_back(run.upstream + i);
    }
    REQUIRE(upstream.size() == records.size());
    CHECK(batch.upstream_first == upstream.front());
    CHECK(batch.upstream_next > upstream.back());
    for (size_t i = 0; i < records.size(); ++i) {
      CHECK(records[i].offset == static_cast<int64_t>(i));
      records[i].offset = upstream[i];
      all.push_back(records[i]);
    }
  }
  return all;
}

std::vector<TestRecord> From(std::vector<TestRecord> records, int64_t wanted) {
  std::erase_if(records, [&](const TestRecord& record) { return record.offset < wanted; });
  return records;
}

TEST_CASE("records survive re-encoding: every codec, with gaps, from any wanted offset") {
  Random random("reencode v2");
  for (const Codec codec : kAllCodecs) {
    for (int round = 0; round < 40; ++round) {
      CAPTURE(static_cast<int>(codec));
      const auto records = RandomRecords(random, 1 + random.Length(200), random.Between(0, 1 << 20),
                                         random.OneIn(2));
      BatchOptions options{.codec = codec, .more_attributes = 0x10};
      options.base_offset = std::max<int64_t>(0, records.front().offset - random.Between(0, 9));
      options.last_offset = records.back().offset + random.Between(0, 9);
      const Bytes batch = BuildBatch(records, options);
      const int64_t wanted = random.Between(records.front().offset - 5, *options.last_offset + 2);

      std::vector<EncodedBatch> out;
      const Status status = Run(batch, wanted, kNoLimits, &out);
      REQUIRE_MESSAGE(status.ok(), status.detail);
      const auto expected = From(records, wanted);
      CHECK(ReadAll(out, codec) == expected);
      CHECK(out.size() == (expected.empty() ? 0 : 1));
      if (!out.empty()) CHECK(out.back().upstream_next == *options.last_offset + 1);
    }
  }
}

TEST_CASE("runs show the gaps from compaction") {
  std::vector<TestRecord> records;
  for (const int64_t offset : {10, 11, 12, 15, 20, 21}) records.push_back({.offset = offset});
  std::vector<EncodedBatch> out;
  const Bytes batch = BuildBatch(records, {.base_offset = 8, .last_offset = 30});
  REQUIRE(Run(batch, 11, kNoLimits, &out).ok());
  REQUIRE(out.size() == 1);
  CHECK(out[0].runs == std::vector<OffsetRun>{{11, 2}, {15, 1}, {20, 2}});
  CHECK(out[0].upstream_first == 11);
  CHECK(out[0].upstream_next == 31);
  CHECK(out[0].records == 5);
}

TEST_CASE("a batch too large for the target is split in order, each part fitting") {
  Random random("reencode split");
  for (const Codec codec : kAllCodecs) {
    for (int round = 0; round < 20; ++round) {
      const auto records = RandomRecords(random, 2 + random.Below(300), 1000, true, 200);
      const Bytes batch =
          BuildBatch(records, {.codec = codec, .last_offset = records.back().offset + 3});
      ReencodeLimits limits = kNoLimits;
      limits.batch_bytes_max = static_cast<int32_t>(random.Between(700, 4000));
      CAPTURE(static_cast<int>(codec));
      CAPTURE(limits.batch_bytes_max);

      std::vector<EncodedBatch> out;
      const Status status = Run(batch, 0, limits, &out);
      REQUIRE_MESSAGE(status.ok(), status.detail);
      CHECK(ReadAll(out, codec) == records);
      for (size_t i = 0; i < out.size(); ++i) {
        CHECK(out[i].bytes.size() <= static_cast<size_t>(limits.batch_bytes_max));
        // A part that is acknowledged alone must not let the records of the next part be skipped.
        if (i + 1 < out.size()) CHECK(out[i].upstream_next <= out[i + 1].upstream_first);
      }
      CHECK(out.back().upstream_next == records.back().offset + 4);
    }
  }
}

TEST_CASE("a record that fits no batch is named with its offset and size") {
  std::vector<TestRecord> records(5);
  for (size_t i = 0; i < records.size(); ++i) records[i] = {.offset = 50 + static_cast<int64_t>(i)};
  records[3].value = std::string(2000, 'x');
  ReencodeLimits limits = kNoLimits;
  limits.batch_bytes_max = 1000;
  std::vector<EncodedBatch> out;
  const Status status = Run(BuildBatch(records, {}), 0, limits, &out);
  CHECK(status.code == kErrorRecordTooLarge);
  CHECK(status.detail.find("offset 53") != std::string::npos);
  CHECK(status.detail.find("2070 bytes") != std::string::npos);
  REQUIRE(out.size() >= 2);
  CHECK(out.front().upstream_first == 50);
  CHECK(out[out.size() - 2].upstream_next == 53);
  CHECK(out.back().bytes.empty());
  CHECK(out.back().upstream_first == 53);
  CHECK(out.back().upstream_next == 54);
}

TEST_CASE("LogAppendTime becomes the CreateTime of each record, unless producers' times are kept") {
  Random random("reencode lat");
  for (const Codec codec : kAllCodecs) {
    auto records = RandomRecords(random, 20, 7, false);
    constexpr int64_t kAppended = 1'800'000'000'000;
    const Bytes batch =
        BuildBatch(records, {.codec = codec, .more_attributes = 0x08, .max_timestamp = kAppended});
    std::vector<EncodedBatch> out;
    ReencodeLimits limits = kNoLimits;
    limits.keep_producer_timestamps = true;
    REQUIRE(Run(batch, 0, limits, &out).ok());
    CHECK(ReadAll(out, codec) == records);

    limits.keep_producer_timestamps = false;
    REQUIRE(Run(batch, 0, limits, &out).ok());
    for (TestRecord& record : records) record.timestamp = kAppended;
    CHECK(ReadAll(out, codec) == records);
    CHECK(out.back().max_timestamp == kAppended);
  }
}

TEST_CASE("with a delete horizon, timestamps are deltas to the field with the horizon (KIP-534)") {
  Random random("reencode horizon");
  const auto records = RandomRecords(random, 20, 7, true);
  const Bytes batch =
      BuildBatch(records, {.more_attributes = 0x40, .base_timestamp = 1'900'000'000'000});
  std::vector<EncodedBatch> out;
  REQUIRE(Run(batch, 0, kNoLimits, &out).ok());
  CHECK(ReadAll(out, Codec::kNone) == records);
}

TEST_CASE("timestamps at the ends of their range survive") {
  constexpr int64_t kLow = std::numeric_limits<int64_t>::min() / 2;
  constexpr int64_t kHigh = std::numeric_limits<int64_t>::max() / 2;
  std::vector<TestRecord> records;
  for (const int64_t timestamp : {kHigh, kLow, int64_t{-1}, int64_t{0}}) {
    records.push_back({.offset = static_cast<int64_t>(records.size()), .timestamp = timestamp});
  }
  std::vector<EncodedBatch> out;
  REQUIRE(Run(BuildBatch(records, {}), 0, kNoLimits, &out).ok());
  CHECK(ReadAll(out, Codec::kNone) == records);
}

// The parts of an old record that a reader sees: no headers; no timestamp in magic 0.
std::vector<TestRecord> AsOld(int8_t magic, std::vector<TestRecord> records) {
  for (TestRecord& record : records) {
    record.headers.clear();
    if (magic == 0) record.timestamp = -1;
  }
  return records;
}

TEST_CASE("magic 0 and 1 messages become magic 2, one by one or several together") {
  Random random("reencode legacy plain");
  for (int round = 0; round < 50; ++round) {
    std::vector<Bytes> messages;
    auto records = RandomRecords(random, 1 + random.Below(30), 400, true);
    for (TestRecord& record : records) {
      const int8_t magic = static_cast<int8_t>(random.Below(2));
      record = AsOld(magic, {record}).front();
      messages.push_back(BuildMessage(magic, record, random.OneIn(2) ? 0x08 : 0));
    }
    std::vector<EncodedBatch> out;
    const int64_t wanted = random.Between(395, records.back().offset + 1);
    REQUIRE(Run(test::Join(messages), wanted, kNoLimits, &out).ok());
    CHECK(ReadAll(out, Codec::kNone) == From(records, wanted));
  }
}

TEST_CASE("compressed magic 0 and 1 wrappers become magic 2 with the same codec") {
  Random random("reencode legacy wrapper");
  for (const Codec codec : {Codec::kGzip, Codec::kSnappy, Codec::kLz4}) {
    for (int round = 0; round < 60; ++round) {
      const auto magic = static_cast<int8_t>(random.Below(2));
      const auto records = AsOld(magic, RandomRecords(random, 1 + random.Below(60), 300, true));
      const Bytes batch = BuildWrapper(magic, records, {.codec = codec});
      CHECK(RecordBatchView(batch.data()).last_offset() == records.back().offset);
      const int64_t wanted = random.Between(295, records.back().offset + 1);
      std::vector<EncodedBatch> out;
      const Status status = Run(batch, wanted, kNoLimits, &out);
      REQUIRE_MESSAGE(status.ok(), status.detail);
      CHECK(ReadAll(out, codec) == From(records, wanted));
      if (!out.empty()) CHECK(out.back().upstream_next == records.back().offset + 1);
    }
  }
}

TEST_CASE("a wrapper's LogAppendTime is that of its records, unless producers' times are kept") {
  Random random("reencode legacy lat");
  auto records = AsOld(1, RandomRecords(random, 10, 300, false));
  const Bytes batch = BuildWrapper(1, records, {.log_append_time = true, .timestamp = 42});
  std::vector<EncodedBatch> out;
  ReencodeLimits limits = kNoLimits;
  limits.keep_producer_timestamps = true;
  REQUIRE(Run(batch, 0, limits, &out).ok());
  CHECK(ReadAll(out, Codec::kGzip) == records);
  limits.keep_producer_timestamps = false;
  REQUIRE(Run(batch, 0, limits, &out).ok());
  for (TestRecord& record : records) record.timestamp = 42;
  CHECK(ReadAll(out, Codec::kGzip) == records);
}

TEST_CASE("the inner offsets of a magic 1 wrapper of offset 0 are absolute") {
  Random random("reencode legacy zero");
  const auto records = AsOld(1, RandomRecords(random, 10, 0, false));
  std::vector<EncodedBatch> out;
  REQUIRE(Run(BuildWrapper(1, records, {.offset = 0}), 0, kNoLimits, &out).ok());
  CHECK(ReadAll(out, Codec::kGzip) == records);
}

TEST_CASE("a batch without records, or without wanted records, becomes no batch") {
  std::vector<EncodedBatch> out(1);
  Bytes empty = BuildBatch({{.offset = 5}}, {});
  empty.resize(kRecordBatchHeaderSize);
  StoreI32(empty.data() + kLengthOffset, kRecordBatchHeaderSize - kLogOverhead);
  StoreI32(empty.data() + kRecordCountOffset, 0);
  test::SealCrc(empty);
  CHECK(Run(empty, 0, kNoLimits, &out).ok());
  CHECK(out.empty());
  CHECK(Run(BuildBatch({{.offset = 5}}, {.last_offset = 90}), 6, kNoLimits, &out).ok());
  CHECK(out.empty());
  CHECK(Run(BuildBatch({{.offset = 5}}, {.more_attributes = 0x20}), 0, kNoLimits, &out).ok());
  CHECK(out.empty());  // control: markers are not records
}

TEST_CASE("damage is found before anything is written") {
  const std::vector<TestRecord> records{{.offset = 5, .value = "five"}, {.offset = 6}};
  struct Case {
    const char* name;
    Bytes bytes;
    int32_t code;
  };
  const auto damaged = [](Bytes bytes, size_t at, bool seal) {
    bytes[at] ^= 0xff;
    if (seal) test::SealCrc(bytes);
    return bytes;
  };
  const auto with = [](Bytes bytes, void (*change)(Bytes&)) {
    change(bytes);
    test::SealCrc(bytes);
    return bytes;
  };
  const auto with_records = [](const Bytes& payload) {
    Bytes bytes = BuildBatch({{.offset = 5}}, {});
    bytes.resize(kRecordBatchHeaderSize);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    StoreI32(&bytes[kLengthOffset], static_cast<int32_t>(bytes.size() - kLogOverhead));
    test::SealCrc(bytes);
    return bytes;
  };
  const Bytes plain = BuildBatch(records, {});
  const Bytes lz4 = BuildBatch(records, {.codec = Codec::kLz4});
  const Bytes message = BuildMessage(1, records[0]);
  const Bytes wrapper = BuildWrapper(1, records, {});
  std::vector<TestRecord> backwards{records[1], records[0]};
  const Case cases[] = {
      {"payload bit", damaged(plain, plain.size() - 1, false), kErrorBatchCrcMismatch},
      {"record length", damaged(plain, kRecordBatchHeaderSize, true), kErrorBatchMalformed},
      {"count too high", with(plain, [](Bytes& b) { StoreI32(&b[kRecordCountOffset], 3); }),
       kErrorBatchMalformed},
      {"count too low", with(plain, [](Bytes& b) { StoreI32(&b[kRecordCountOffset], 1); }),
       kErrorBatchMalformed},
      {"offset beyond the header's",
       with(plain, [](Bytes& b) { StoreI32(&b[kLastOffsetDeltaOffset], 0); }),
       kErrorBatchMalformed},
      {"offsets descend", BuildBatch(backwards, {.base_offset = 5, .last_offset = 6}),
       kErrorBatchMalformed},
      // One record: length, attributes, deltas, no key, no value, one header, its key length.
      {"null header key", with_records({16, 0, 0, 0, 1, 1, 2, 1, 1}), kErrorBatchMalformed},
      {"more headers than bytes", with_records({14, 0, 0, 0, 1, 1, 4, 0}), kErrorBatchMalformed},
      {"negative header count", with_records({12, 0, 0, 0, 1, 1, 1}), kErrorBatchMalformed},
      {"key longer than its record", with_records({12, 0, 0, 0, 4, 1, 0}), kErrorBatchMalformed},
      {"a byte after the headers", with_records({14, 0, 0, 0, 1, 1, 0, 0}), kErrorBatchMalformed},
      {"negative record length", with_records({1, 0, 0, 0, 1, 1, 0}), kErrorBatchMalformed},
      {"sound, to show that the six above fail for what they say",
       with_records({12, 0, 0, 0, 1, 1, 0}), 0},
      {"bytes after the batch", test::Join({plain, {0}}), kErrorBatchMalformed},
      {"frame", damaged(lz4, kRecordBatchHeaderSize + 1, true), kErrorCodecFailed},
      {"codec", with(plain, [](Bytes& b) { b[kAttributesOffset + 1] = 6; }),
       kErrorCodecUnsupported},
      {"old message", damaged(message, message.size() - 1, false), kErrorBatchCrcMismatch},
      {"old wrapper", damaged(wrapper, wrapper.size() - 1, false), kErrorBatchCrcMismatch},
      {"wrapper in a wrapper",
       BuildWrapperAround(1,
                          [&] {
                            Bytes packed;
                            (void)test::Codecs().Compress(Codec::kGzip, wrapper.data(),
                                                          wrapper.size(), &packed);
                            return packed;
                          }(),
                          {.offset = 9}),
       kErrorBatchMalformed},
      {"zstd in an old wrapper", BuildWrapper(1, records, {.codec = Codec::kZstd}),
       kErrorBatchMalformed},
      {"wrapper among messages", test::Join({message, BuildWrapper(1, {{.offset = 8}}, {})}),
       kErrorBatchMalformed},
      {"nothing", {}, kErrorBatchMalformed},
      {"half", Bytes(plain.begin(), plain.begin() + 40), kErrorBatchMalformed},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    std::vector<EncodedBatch> out;
    const Status status = Run(row.bytes, 0, kNoLimits, &out);
    CHECK(status.code == row.code);
    CHECK(status.detail.empty() == status.ok());
    CHECK(out.empty() != status.ok());
  }
}

TEST_CASE("a decompression bomb is stopped at the limit") {
  constexpr size_t kBombBytes = 40'000'000;
  std::string bomb;
  bomb.resize(kBombBytes, 'a');
  std::vector<TestRecord> records{{.offset = 0, .value = bomb}};
  for (const Codec codec : {Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd}) {
    CAPTURE(static_cast<int>(codec));
    std::vector<EncodedBatch> out;
    const Bytes batch = BuildBatch(records, {.codec = codec});
    CHECK(Run(batch, 0, {.decoded_bytes_max = 1'000'000}, &out).code == kErrorBatchDecodedTooLarge);
  }
}

}  // namespace
}  // namespace longhaul
