// CRC-32C (Castagnoli), the checksum of record batches, and its GF(2) shift. With the shift a
// header can be changed without reading the payload after it: the CRC is linear, so the difference
// of two headers, shifted over the bytes that follow, is the difference of the two checksums.
#pragma once

#include <cstddef>
#include <cstdint>

namespace longhaul {

// As Kafka stores it: register starts as all ones, result inverted.
uint32_t Crc32c(const uint8_t* data, size_t length);

// The linear form: register starts as zero, result not inverted.
// Crc32cRaw(a ^ b) == Crc32cRaw(a) ^ Crc32cRaw(b) for equally long a and b.
uint32_t Crc32cRaw(const uint8_t* data, size_t length);

// Continues from any register; the two functions above are this one with a fixed start and end.
uint32_t Crc32cExtend(uint32_t crc, const uint8_t* data, size_t length);

// The register after `zero_bytes` more zero bytes. Costs a few nanoseconds, whatever the length.
uint32_t Crc32cShift(uint32_t crc, uint64_t zero_bytes);

// "sse4.2", "armv8" or "table": the implementation that this process uses.
const char* Crc32cImplementation();

// The portable path, exposed so that tests can compare it with the one in use.
uint32_t Crc32cExtendPortable(uint32_t crc, const uint8_t* data, size_t length);
uint32_t Crc32cShiftPortable(uint32_t crc, uint64_t zero_bytes);

}  // namespace longhaul
