// The seam of a resume: are the last records on the target those up to which the source was
// skipped?
#include "core/seam.h"

#include <doctest/doctest.h>

#include <limits>

#include "batch_fixture.h"

namespace longhaul::test {
namespace {

constexpr size_t kDecodedMax = 1 << 20;

std::vector<TestRecord> Records(size_t count, int64_t first = 0) {
  std::vector<TestRecord> records;
  for (size_t i = 0; i < count; ++i) {
    const std::string text = std::to_string(first + static_cast<int64_t>(i));
    records.push_back({.offset = first + static_cast<int64_t>(i),
                       .timestamp = 1'000 + first + static_cast<int64_t>(i),
                       .key = "key " + text,
                       .value = "value " + text,
                       .headers = {{"h", text}}});
  }
  return records;
}

// As the scan remembers it.
TargetBatch OnTarget(const Bytes& bytes) {
  const RecordBatchView view(bytes.data());
  TargetBatch batch(view);
  batch.ReadTail(view, kDecodedMax, Codecs());
  return batch;
}

// The first `records` records from offset `first` on, of a source batch of any magic.
std::vector<PlacedDigest> TailFrom(const Bytes& source, int64_t first, int64_t records) {
  BatchSpan span(RecordBatchView(source.data()));
  span.size = source.size();
  DecodedBatch decoded;
  REQUIRE(DecodedBatch::Open(span, kDecodedMax, false, Codecs(), &decoded).ok());
  RecordCursor cursor = decoded.begin();
  REQUIRE(decoded.SkipTo(first, &cursor) >= records);
  return TailOf(cursor, records);
}

TEST_CASE("a batch that passed through is recognized by its header") {
  const Bytes source = BuildBatch(Records(5), {.codec = Codec::kLz4});
  const TargetBatch target = OnTarget(source);
  CHECK(target.HasBytesOf(RecordBatchView(source.data())));
  Bytes patched = source;
  PatchHeader(patched.data(), patched.size(), 7, 0, 100);
  CHECK(target.HasBytesOf(RecordBatchView(patched.data())));
  const Bytes other = BuildBatch(Records(5, 1), {.codec = Codec::kLz4});
  CHECK_FALSE(target.HasBytesOf(RecordBatchView(other.data())));
  const Bytes longer = BuildBatch(Records(6), {.codec = Codec::kLz4});
  CHECK_FALSE(target.HasBytesOf(RecordBatchView(longer.data())));
}

// The source has set a delete horizon, which replaces the base timestamp (KIP-534), and the target
// recompresses: no field of the two headers is equal.
TEST_CASE("records are recognized in another codec, merged, split, compacted or in an old magic") {
  const auto records = Records(10);
  struct Case {
    const char* name;
    Bytes source;
    int64_t first, held;
    Bytes target;
    bool same;
  };
  const auto part = [&](size_t from, size_t to) {
    std::vector<TestRecord> some(records.begin() + static_cast<ptrdiff_t>(from),
                                 records.begin() + static_cast<ptrdiff_t>(to));
    for (size_t i = 0; i < some.size(); ++i) some[i].offset = static_cast<int64_t>(i);
    return some;
  };
  auto thinned = part(0, 10);
  thinned.erase(thinned.begin() + 3);
  auto without_last = part(0, 10);
  without_last.pop_back();
  auto changed = part(0, 10);
  changed[9].value = "another value";
  auto null_value = part(0, 10);
  null_value[9].value.reset();
  auto empty_value = part(0, 10);
  empty_value[9].value = "";
  auto no_headers = part(0, 10);
  no_headers[9].headers.clear();
  auto later = part(0, 10);
  later[9].timestamp++;
  Bytes horizon = BuildBatch(records, {.more_attributes = kDeleteHorizonBit, .base_timestamp = 1});
  const Bytes whole = BuildBatch(records, {});
  const auto build = [](const std::vector<TestRecord>& some, Codec codec = Codec::kGzip) {
    return BuildBatch(some, {.codec = codec, .base_offset = 0, .last_offset = 9});
  };
  const Case cases[] = {
      {"another codec", whole, 0, 10, build(part(0, 10)), true},
      {"a delete horizon", horizon, 0, 10, build(part(0, 10)), true},
      {"the target holds the first half", whole, 0, 5, BuildBatch(part(0, 5), {}), true},
      {"the target holds the second half", whole, 5, 5, BuildBatch(part(5, 10), {}), true},
      {"but not the first", whole, 0, 5, BuildBatch(part(1, 6), {}), false},
      {"merged with batches before", BuildBatch(Records(4, 6), {}), 6, 4, build(part(0, 10)), true},
      {"thinned by the target", whole, 0, 10, build(thinned), true},
      {"the last record thinned", whole, 0, 10, build(without_last), true},
      {"another value", whole, 0, 10, build(changed), false},
      {"null is not empty", build(empty_value), 0, 10, build(null_value), false},
      {"no headers", whole, 0, 10, build(no_headers), false},
      {"another timestamp", whole, 0, 10, build(later), false},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    CHECK(OnTarget(row.target).EndsWith(TailFrom(row.source, row.first, row.held)) == row.same);
  }
}

TEST_CASE("records of magic 0 and 1 are recognized in the batch that they are re-encoded to") {
  for (const int8_t magic : {int8_t{0}, int8_t{1}}) {
    auto records = Records(3);
    for (TestRecord& record : records) {
      record.headers.clear();
      if (magic == 0) record.timestamp = -1;
    }
    records[1].key.reset();
    const Bytes target = BuildBatch(records, {.codec = Codec::kZstd});
    Bytes run;
    for (const TestRecord& record : records) run = Join({run, BuildMessage(magic, record)});
    CHECK(OnTarget(target).EndsWith(TailFrom(run, 0, 3)));
    CHECK(OnTarget(target).EndsWith(TailFrom(BuildWrapper(magic, records, {}), 0, 3)));
    CHECK_FALSE(OnTarget(target).EndsWith(TailFrom(run, 0, 2)));
  }
}

// A target with append times stores its own times.
TEST_CASE("timestamps are not compared if the target has append times") {
  auto records = Records(3);
  Bytes target = BuildBatch(records, {.more_attributes = kLogAppendTimeBit, .max_timestamp = 99});
  for (TestRecord& record : records) record.timestamp += 50;
  CHECK(OnTarget(target).EndsWith(TailFrom(BuildBatch(records, {}), 0, 3)));
}

TEST_CASE("only the last records are compared, and without common records there is no match") {
  const Bytes target = BuildBatch(Records(1'000), {});
  auto other = Records(1'000);
  other[1'000 - kTailRecords - 1].value = "beyond the tail";
  CHECK(OnTarget(target).EndsWith(TailFrom(BuildBatch(other, {}), 0, 1'000)));
  other[1'000 - kTailRecords].value = "in the tail";
  CHECK_FALSE(OnTarget(target).EndsWith(TailFrom(BuildBatch(other, {}), 0, 1'000)));
  CHECK_FALSE(OnTarget(target).EndsWith({}));
  CHECK_FALSE(TargetBatch().EndsWith(TailFrom(target, 0, 5)));
}

// Regression: the walker accepts a last offset delta of 2^31-1: one more overflowed.
TEST_CASE("a batch with the largest offset delta is a compacted one") {
  Bytes bytes = BuildBatch(Records(1), {});
  StoreI32(&bytes[kLastOffsetDeltaOffset], std::numeric_limits<int32_t>::max());
  SealCrc(bytes);
  const RecordBatchView view(bytes.data());
  CHECK_FALSE(OnTarget(bytes).HasBytesOf(view));
}

}  // namespace
}  // namespace longhaul::test
