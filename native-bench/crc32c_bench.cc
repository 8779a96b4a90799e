// CRC-32C over buffers of typical sizes: the patched bytes of a header, records, batches.
#include "core/crc32c.h"

#include <string>
#include <vector>

#include "bench.h"

namespace longhaul::bench {

void Crc32cBench(Run& run) {
  for (const size_t size : {size_t{36}, size_t{1024}, size_t{16'384}, size_t{1'048'576}}) {
    const std::vector<uint8_t> bytes(size, 0x5a);
    const std::string label = std::to_string(size) + " B";
    double each = run.Measure([&] { return Crc32c(bytes.data(), size); });
    run.ReportRate("crc32c " + label, each, size);
    each = run.Measure([&] { return Crc32cExtendPortable(0, bytes.data(), size); });
    run.ReportRate("crc32c by table " + label, each, size);
  }
  constexpr uint32_t kRegister = 0x12345678;
  constexpr uint64_t kZeroBytes = 123'456;
  double each = run.Measure([&] { return Crc32cShift(kRegister, kZeroBytes); });
  run.Report("crc32c shift", each, "ns");
  each = run.Measure([&] { return Crc32cShiftPortable(kRegister, kZeroBytes); });
  run.Report("crc32c shift, portable", each, "ns");
}

}  // namespace longhaul::bench
