// Merged batches, compared record by record with the plain reader of batch_fixture.
#include "core/batch_merge.h"

#include <doctest/doctest.h>

#include "batch_fixture.h"

namespace longhaul {
namespace {

using test::BuildBatch;
using test::Bytes;
using test::kAllCodecs;
using test::Random;
using test::RandomRecords;
using test::TestRecord;

constexpr MergeLimits kNoLimits{size_t{1} << 24, size_t{1} << 24, 1'000};

// Batches of contiguous records, as they wait in a queue.
struct Waiting {
  std::vector<TestRecord> records;
  std::vector<Bytes> batches;
  std::vector<int64_t> firsts;

  void Add(Random& random, size_t count, Codec codec) {
    const int64_t first = records.empty() ? 1'000 : records.back().offset + 1;
    auto more = RandomRecords(random, count, first, false);
    firsts.push_back(more.front().offset);
    Bytes batch = BuildBatch(more, {.codec = codec, .more_attributes = kTransactionalBit});
    PatchHeader(batch.data(), batch.size(), 7, 0, 3);
    batches.push_back(std::move(batch));
    for (TestRecord& record : more) records.push_back(std::move(record));
  }
  std::vector<MergePart> Parts() const {
    std::vector<MergePart> parts;
    for (size_t i = 0; i < batches.size(); i++)
      parts.push_back({RecordBatchView(batches[i].data()), firsts[i]});
    return parts;
  }
  size_t Merge(const MergeLimits& limits, EncodedBatch* out) const {
    return MergeBatches(Parts(), limits, test::Codecs(), out);
  }
};

TEST_CASE("records survive a merge in each codec, in order, with contiguous offsets") {
  Random random("merge");
  for (const Codec codec : kAllCodecs) {
    for (int round = 0; round < 40; ++round) {
      CAPTURE(static_cast<int>(codec));
      Waiting waiting;
      const size_t count = 2 + random.Below(30);
      for (size_t i = 0; i < count; i++) waiting.Add(random, 1 + random.Length(20), codec);
      EncodedBatch out;
      REQUIRE(waiting.Merge(kNoLimits, &out) == count);
      const RecordBatchView view(out.bytes.data());
      CHECK(view.attributes() == static_cast<uint16_t>(codec));
      CHECK(view.record_count() == view.last_offset_delta() + 1);
      CHECK(CrcMatches(view));
      CHECK(out.upstream_first == waiting.records.front().offset);
      CHECK(out.upstream_next == waiting.records.back().offset + 1);
      CHECK(out.runs.size() == 1);
      std::vector<TestRecord> merged = test::ReadBatch(out.bytes);
      for (TestRecord& record : merged) record.offset += out.upstream_first;
      CHECK(merged == waiting.records);
      int64_t max_timestamp = merged.front().timestamp;
      for (const TestRecord& record : merged)
        max_timestamp = std::max(max_timestamp, record.timestamp);
      CHECK(view.max_timestamp() == max_timestamp);
    }
  }
}

TEST_CASE("a merge ends at a limit of bytes, of decoded bytes and of batches") {
  Random random("merge limits");
  for (const Codec codec : {Codec::kNone, Codec::kLz4}) {
    Waiting waiting;
    for (int i = 0; i < 50; i++) waiting.Add(random, 3, codec);
    for (const size_t bytes_max : {size_t{200}, size_t{2'000}, size_t{8'000}}) {
      size_t fitting = 0;
      for (size_t bytes = kRecordBatchHeaderSize; fitting < 50; fitting++) {
        bytes += waiting.batches[fitting].size() - kRecordBatchHeaderSize;
        if (bytes > bytes_max) break;
      }
      EncodedBatch out;
      const size_t expected = fitting < 2 ? 0 : fitting;
      CHECK(waiting.Merge({bytes_max, size_t{1} << 20, 1'000}, &out) == expected);
    }
    EncodedBatch out;
    CHECK(waiting.Merge({size_t{1} << 20, size_t{1} << 20, 7}, &out) == 7);
    const size_t merged = waiting.Merge({size_t{1} << 20, 4'000, 1'000}, &out);
    CHECK(merged > 1);
    CHECK(merged < 50);
  }
}

TEST_CASE("a merge ends before a batch of another codec and before a damaged one") {
  Random random("merge cuts");
  Waiting waiting;
  for (int i = 0; i < 4; i++) waiting.Add(random, 2, Codec::kSnappy);
  for (int i = 0; i < 4; i++) waiting.Add(random, 2, Codec::kZstd);
  EncodedBatch out;
  CHECK(waiting.Merge(kNoLimits, &out) == 4);
  waiting.batches[2].back() ^= 1;
  CHECK(waiting.Merge(kNoLimits, &out) == 2);
  CHECK(out.records == 4);
  waiting.batches[1].back() ^= 1;
  CHECK(waiting.Merge(kNoLimits, &out) == 0);
  CHECK(MergeBatches({}, kNoLimits, test::Codecs(), &out) == 0);
}

}  // namespace
}  // namespace longhaul
