// CRC-32C compared with a bit-by-bit reference, and the algebra on which header patching depends.
#include "core/crc32c.h"

#include <doctest/doctest.h>

#include <string>

#include "random.h"

namespace longhaul {
namespace {

uint32_t SlowExtend(uint32_t crc, const uint8_t* data, size_t length) {
  for (size_t at = 0; at < length; ++at) {
    crc ^= data[at];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
  }
  return crc;
}

TEST_CASE("CRC-32C returns the published check values (RFC 3720, B.4)") {
  const std::string digits = "123456789";
  CHECK(Crc32c(reinterpret_cast<const uint8_t*>(digits.data()), digits.size()) == 0xe3069283u);
  CHECK(Crc32c(std::vector<uint8_t>(32, 0).data(), 32) == 0x8a9136aau);
  CHECK(Crc32c(std::vector<uint8_t>(32, 0xff).data(), 32) == 0x62a8ab43u);
  CHECK(Crc32c(nullptr, 0) == 0u);
  CHECK(Crc32cRaw(nullptr, 0) == 0u);
}

TEST_CASE("every CRC-32C path agrees with the bit-by-bit reference at any length and alignment") {
  test::Random random("crc lengths");
  const std::vector<uint8_t> bytes = random.Bytes(20'000);
  for (int round = 0; round < 400; ++round) {
    const size_t start = random.Below(16);
    const size_t length = round < 300 ? static_cast<size_t>(round) : random.Below(19'000);
    const auto crc = static_cast<uint32_t>(random.Next());
    const uint32_t expected = SlowExtend(crc, bytes.data() + start, length);
    CAPTURE(start);
    CAPTURE(length);
    CHECK(Crc32cExtend(crc, bytes.data() + start, length) == expected);
    CHECK(Crc32cExtendPortable(crc, bytes.data() + start, length) == expected);
  }
}

TEST_CASE("the raw CRC is linear") {
  test::Random random("crc linear");
  for (int round = 0; round < 100; ++round) {
    const size_t length = random.Below(5000);
    const std::vector<uint8_t> a = random.Bytes(length);
    const std::vector<uint8_t> b = random.Bytes(length);
    std::vector<uint8_t> sum(length);
    for (size_t at = 0; at < length; ++at) sum[at] = a[at] ^ b[at];
    CHECK(Crc32cRaw(sum.data(), length) ==
          (Crc32cRaw(a.data(), length) ^ Crc32cRaw(b.data(), length)));
  }
}

TEST_CASE("the shift equals feeding zero bytes") {
  test::Random random("crc shift");
  const std::vector<uint8_t> zeros(400'000, 0);
  for (int round = 0; round < 500; ++round) {
    const size_t length = round < 300 ? static_cast<size_t>(round) : random.Length(zeros.size());
    const auto crc = static_cast<uint32_t>(random.Next());
    const uint32_t expected = Crc32cExtend(crc, zeros.data(), length);
    CAPTURE(length);
    CHECK(Crc32cShift(crc, length) == expected);
    CHECK(Crc32cShiftPortable(crc, length) == expected);
  }
}

TEST_CASE("shifts add up, beyond 4 GiB too") {
  test::Random random("crc shift sum");
  for (int round = 0; round < 500; ++round) {
    const auto crc = static_cast<uint32_t>(random.Next());
    const uint64_t a = random.Next() >> random.Between(1, 60);
    const uint64_t b = random.Next() >> random.Between(1, 60);
    CHECK(Crc32cShift(Crc32cShift(crc, a), b) == Crc32cShift(crc, a + b));
    CHECK(Crc32cShift(crc, a) == Crc32cShiftPortable(crc, a));
  }
}

}  // namespace
}  // namespace longhaul
