// A register is a polynomial over GF(2); bit 31 is x^0 (the reflected order of CRC-32C). One more
// zero byte multiplies it by x^8 modulo the Castagnoli polynomial. So a shift over n bytes is a
// multiplication by x^(8n), done for each base-256 digit of n with a table.
#include "core/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#define LONGHAUL_CRC_TARGET __attribute__((target("sse4.2,pclmul")))
#elif defined(__aarch64__)
#include <arm_acle.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif
#if defined(__clang__)
#define LONGHAUL_CRC_TARGET __attribute__((target("crc")))
#else
#define LONGHAUL_CRC_TARGET __attribute__((target("+crc")))
#endif
#endif

namespace longhaul {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // 0x1edc6f41 reflected
constexpr uint32_t kOne = 0x80000000;         // x^0
constexpr uint64_t kOrder = 0x7fffffff;  // x^kOrder = 1: (x + 1) times a primitive of degree 31

constexpr uint32_t Multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (int bit = 31; bit >= 0; --bit) {
    product ^= b & (0u - ((a >> bit) & 1));
    b = (b >> 1) ^ (kPolynomial & (0u - (b & 1)));
  }
  return product;
}

constexpr uint32_t PowerOfX(uint64_t exponent) {
  uint32_t result = kOne;
  for (uint32_t square = kOne >> 1; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result = Multiply(result, square);
    square = Multiply(square, square);
  }
  return result;
}

constexpr size_t kDigits = 4;
using PowerTable = std::array<std::array<uint32_t, 256>, kDigits>;

// table[k][d] = scale * x^(8 * d * 256^k)
constexpr PowerTable MakePowers(uint32_t scale) {
  PowerTable table{};
  for (size_t k = 0; k < kDigits; ++k) {
    const uint32_t step = PowerOfX(uint64_t{8} << (8 * k));
    table[k][0] = scale;
    for (size_t d = 1; d < 256; ++d) table[k][d] = Multiply(table[k][d - 1], step);
  }
  return table;
}

constexpr PowerTable kPowers = MakePowers(kOne);

// Batches need no shifts of 4 GiB and more; such shifts must be correct, but need not be fast.
constexpr uint64_t ReduceShift(uint64_t zero_bytes) {
  return (zero_bytes >> 32) == 0 ? zero_bytes : zero_bytes % kOrder;
}

// Slicing by 8: table[k][b] is the register after byte b and k zero bytes.
constexpr std::array<std::array<uint32_t, 256>, 8> MakeSlices() {
  std::array<std::array<uint32_t, 256>, 8> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (kPolynomial & (0u - (crc & 1)));
    table[0][byte] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t crc = table[k - 1][byte];
      table[k][byte] = (crc >> 8) ^ table[0][crc & 0xff];
    }
  }
  return table;
}

constexpr auto kSlices = MakeSlices();

uint64_t LoadLittleEndian64(const uint8_t* data) {
  uint64_t word;
  std::memcpy(&word, data, sizeof(word));
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

#if defined(__x86_64__)

// The crc32 instruction multiplies by x^32, and the carry-less product of two reflected registers
// has an extra factor x^1. With powers that contain x^-33, a shift is one product and one crc32:
// about 10 cycles.
constexpr PowerTable kScaledPowers = MakePowers(PowerOfX(kOrder - 33));

LONGHAUL_CRC_TARGET uint32_t MultiplyScaled(uint32_t crc, uint32_t scaled_power) {
  const __m128i product =
      _mm_clmulepi64_si128(_mm_cvtsi32_si128(static_cast<int>(crc)),
                           _mm_cvtsi32_si128(static_cast<int>(scaled_power)), 0);
  return static_cast<uint32_t>(_mm_crc32_u64(0, static_cast<uint64_t>(_mm_cvtsi128_si64(product))));
}

LONGHAUL_CRC_TARGET uint32_t ShiftHardware(uint32_t crc, uint64_t zero_bytes) {
  uint64_t rest = ReduceShift(zero_bytes);
  for (size_t k = 0; rest != 0; ++k, rest >>= 8) {
    if ((rest & 0xff) != 0) crc = MultiplyScaled(crc, kScaledPowers[k][rest & 0xff]);
  }
  return crc;
}

// The instruction needs three cycles, but one can start in each cycle: three parts of kLane bytes
// are computed in parallel and joined by two shifts.
template <size_t kLane>
LONGHAUL_CRC_TARGET uint32_t ExtendThreeLanes(uint32_t crc, const uint8_t*& data, size_t& length) {
  constexpr uint32_t kLaneShift = PowerOfX(8 * kLane + kOrder - 33);
  for (; length >= 3 * kLane; data += 3 * kLane, length -= 3 * kLane) {
    uint64_t first = crc, second = 0, third = 0;
    for (size_t at = 0; at < kLane; at += 8) {
      first = _mm_crc32_u64(first, LoadLittleEndian64(data + at));
      second = _mm_crc32_u64(second, LoadLittleEndian64(data + kLane + at));
      third = _mm_crc32_u64(third, LoadLittleEndian64(data + 2 * kLane + at));
    }
    const uint32_t joined =
        MultiplyScaled(static_cast<uint32_t>(first), kLaneShift) ^ static_cast<uint32_t>(second);
    crc = MultiplyScaled(joined, kLaneShift) ^ static_cast<uint32_t>(third);
  }
  return crc;
}

LONGHAUL_CRC_TARGET uint32_t ExtendHardware(uint32_t crc, const uint8_t* data, size_t length) {
  crc = ExtendThreeLanes<2048>(crc, data, length);
  crc = ExtendThreeLanes<128>(crc, data, length);
  uint64_t wide = crc;
  for (; length >= 8; data += 8, length -= 8) wide = _mm_crc32_u64(wide, LoadLittleEndian64(data));
  crc = static_cast<uint32_t>(wide);
  for (; length > 0; ++data, --length) crc = _mm_crc32_u8(crc, *data);
  return crc;
}

bool HardwareUsable() {
  return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}
constexpr const char* kHardwareName = "sse4.2";

#elif defined(__aarch64__)

LONGHAUL_CRC_TARGET uint32_t ExtendHardware(uint32_t crc, const uint8_t* data, size_t length) {
  for (; length >= 8; data += 8, length -= 8) crc = __crc32cd(crc, LoadLittleEndian64(data));
  for (; length > 0; ++data, --length) crc = __crc32cb(crc, *data);
  return crc;
}

uint32_t ShiftHardware(uint32_t crc, uint64_t zero_bytes) {
  return Crc32cShiftPortable(crc, zero_bytes);
}

bool HardwareUsable() {
#if defined(__linux__)
  constexpr unsigned long kHwcapCrc32 = 1 << 7;  // HWCAP_CRC32 of <asm/hwcap.h>
  return (getauxval(AT_HWCAP) & kHwcapCrc32) != 0;
#else
  return true;  // every Apple arm64 has it
#endif
}
constexpr const char* kHardwareName = "armv8";

#else

uint32_t ExtendHardware(uint32_t crc, const uint8_t* data, size_t length) {
  return Crc32cExtendPortable(crc, data, length);
}
uint32_t ShiftHardware(uint32_t crc, uint64_t zero_bytes) {
  return Crc32cShiftPortable(crc, zero_bytes);
}
bool HardwareUsable() { return false; }
constexpr const char* kHardwareName = "table";

#endif

bool UseHardware() {
  static const bool usable = HardwareUsable();
  return usable;
}

}  // namespace

uint32_t Crc32cExtendPortable(uint32_t crc, const uint8_t* data, size_t length) {
  for (; length >= 8; data += 8, length -= 8) {
    const uint64_t word = LoadLittleEndian64(data) ^ crc;
    crc = 0;
    for (size_t k = 0; k < 8; ++k) crc ^= kSlices[7 - k][(word >> (8 * k)) & 0xff];
  }
  for (; length > 0; ++data, --length) crc = (crc >> 8) ^ kSlices[0][(crc ^ *data) & 0xff];
  return crc;
}

uint32_t Crc32cShiftPortable(uint32_t crc, uint64_t zero_bytes) {
  uint64_t rest = ReduceShift(zero_bytes);
  for (size_t k = 0; rest != 0; ++k, rest >>= 8) {
    if ((rest & 0xff) != 0) crc = Multiply(crc, kPowers[k][rest & 0xff]);
  }
  return crc;
}

uint32_t Crc32cExtend(uint32_t crc, const uint8_t* data, size_t length) {
  return UseHardware() ? ExtendHardware(crc, data, length)
                       : Crc32cExtendPortable(crc, data, length);
}

uint32_t Crc32cShift(uint32_t crc, uint64_t zero_bytes) {
  return UseHardware() ? ShiftHardware(crc, zero_bytes) : Crc32cShiftPortable(crc, zero_bytes);
}

uint32_t Crc32c(const uint8_t* data, size_t length) {
  return ~Crc32cExtend(0xffffffff, data, length);
}

uint32_t Crc32cRaw(const uint8_t* data, size_t length) { return Crc32cExtend(0, data, length); }

const char* Crc32cImplementation() { return UseHardware() ? kHardwareName : "table"; }

}  // namespace longhaul
