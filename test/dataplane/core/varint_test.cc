// Varints: every length, truncated, overlong; and spans that a read never leaves.
#include "core/varint.h"

#include <doctest/doctest.h>

#include <limits>

#include "random.h"

namespace longhaul {
namespace {

TEST_CASE("varints read back the same, in the computed size") {
  test::Random random("varint");
  for (int round = 0; round < 5000; ++round) {
    const auto value = static_cast<int64_t>(random.Next()) >> random.Below(64);
    uint8_t bytes[kVarlongSizeMax];
    const auto size = static_cast<size_t>(WriteVarint(bytes, value) - bytes);
    CHECK(size == VarintSize(value));
    ByteSpan span{bytes, size};
    int64_t found = 0;
    CHECK(ReadVarlong(span, &found));
    CHECK(found == value);
    CHECK(span.length == 0);

    ByteSpan narrow{bytes, size};
    int32_t small = 0;
    if (value == static_cast<int32_t>(value)) {
      CHECK(ReadVarint(narrow, &small));
      CHECK(small == value);
    }
    ByteSpan cut{bytes, size - 1};
    CHECK_FALSE(ReadVarlong(cut, &found));
    CHECK(cut.length == size - 1);
  }
}

TEST_CASE("varints of the known encodings (ByteUtilsTest.java)") {
  struct Case {
    int64_t value;
    std::vector<uint8_t> bytes;
  };
  const Case cases[] = {
      {0, {0x00}},
      {-1, {0x01}},
      {1, {0x02}},
      {63, {0x7e}},
      {-64, {0x7f}},
      {64, {0x80, 0x01}},
      {-8192, {0xff, 0x7f}},
      {std::numeric_limits<int32_t>::max(), {0xfe, 0xff, 0xff, 0xff, 0x0f}},
      {std::numeric_limits<int64_t>::min(),
       {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
  };
  for (const Case& row : cases) {
    uint8_t bytes[kVarlongSizeMax];
    const uint8_t* end = WriteVarint(bytes, row.value);
    CHECK(std::vector<uint8_t>(bytes, bytes + (end - bytes)) == row.bytes);
  }
}

TEST_CASE("a varint that is too long is refused") {
  const std::vector<uint8_t> endless(20, 0x80);
  ByteSpan span{endless.data(), endless.size()};
  int32_t narrow = 0;
  int64_t wide = 0;
  CHECK_FALSE(ReadVarint(span, &narrow));
  CHECK_FALSE(ReadVarlong(span, &wide));
  CHECK(span.length == endless.size());
}

TEST_CASE("a span is skipped up to its end and not a byte beyond") {
  const uint8_t bytes[3] = {};
  ByteSpan span{bytes, 3};
  CHECK_FALSE(span.Skip(4));
  CHECK(span.length == 3);
  CHECK(span.Skip(3));
  CHECK(span.length == 0);
  CHECK_FALSE(span.Skip(1));
  CHECK_FALSE(span.Skip(SIZE_MAX));
}

}  // namespace
}  // namespace longhaul
