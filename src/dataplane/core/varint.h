// Zigzag varints as in ByteUtils.java: the numbers in records of a magic 2 batch.
#pragma once

#include <cstddef>
#include <cstdint>

namespace longhaul {

// Bytes that are not read yet. Every read either stays inside them, or fails and does not change
// them.
struct ByteSpan {
  const uint8_t* data = nullptr;
  size_t length = 0;

  bool Skip(size_t bytes) {
    if (bytes > length) return false;
    data += bytes;
    length -= bytes;
    return true;
  }
};

constexpr size_t kVarintSizeMax = 5;
constexpr size_t kVarlongSizeMax = 10;

inline bool ReadUnsigned(ByteSpan& from, size_t size_max, uint64_t* out) {
  uint64_t value = 0;
  for (size_t at = 0; at < size_max && at < from.length; ++at) {
    value |= static_cast<uint64_t>(from.data[at] & 0x7f) << (7 * at);
    if (from.data[at] < 0x80) {
      from.Skip(at + 1);
      *out = value;
      return true;
    }
  }
  return false;
}

inline bool ReadVarint(ByteSpan& from, int32_t* out) {
  uint64_t raw;
  if (!ReadUnsigned(from, kVarintSizeMax, &raw)) return false;
  const auto value = static_cast<uint32_t>(raw);
  *out = static_cast<int32_t>((value >> 1) ^ (0u - (value & 1)));
  return true;
}

inline bool ReadVarlong(ByteSpan& from, int64_t* out) {
  uint64_t raw;
  if (!ReadUnsigned(from, kVarlongSizeMax, &raw)) return false;
  *out = static_cast<int64_t>((raw >> 1) ^ (uint64_t{0} - (raw & 1)));
  return true;
}

constexpr uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}

constexpr size_t VarintSize(int64_t value) {
  size_t size = 1;
  for (uint64_t rest = ZigZag(value) >> 7; rest != 0; rest >>= 7) ++size;
  return size;
}

// Writes at most kVarlongSizeMax bytes. Returns the place after the last byte written.
inline uint8_t* WriteVarint(uint8_t* at, int64_t value) {
  uint64_t rest = ZigZag(value);
  for (; rest >= 0x80; rest >>= 7) *at++ = static_cast<uint8_t>(rest | 0x80);
  *at++ = static_cast<uint8_t>(rest);
  return at;
}

}  // namespace longhaul
