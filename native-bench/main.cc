// native_bench [--smoke] [--filter NAME]: runs the benchmarks whose name contains NAME.
#include <cstdio>
#include <cstring>
#include <string>

#include "bench.h"
#include "core/crc32c.h"

namespace {

using longhaul::bench::Bench;

constexpr Bench kBenches[] = {
    {"crc32c", longhaul::bench::Crc32cBench},
    {"outbox", longhaul::bench::OutboxBench},
    {"record_batch", longhaul::bench::RecordBatchBench},
    {"reencode", longhaul::bench::ReencodeBench},
};

int Usage(const char* program) {
  (void)std::fprintf(stderr, "usage: %s [--smoke] [--filter NAME]\nbenchmarks:", program);
  for (const Bench& bench : kBenches) (void)std::fprintf(stderr, " %s", bench.name);
  (void)std::fprintf(stderr, "\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  bool smoke = false;
  std::string filter;
  for (int at = 1; at < argc; ++at) {
    if (std::strcmp(argv[at], "--smoke") == 0) {
      smoke = true;
    } else if (std::strcmp(argv[at], "--filter") == 0 && at + 1 < argc) {
      filter = argv[++at];
    } else {
      return Usage(argv[0]);
    }
  }
  std::printf("%s size, one thread, crc32c by %s\n", smoke ? "smoke" : "real",
              longhaul::Crc32cImplementation());
  std::printf("%-44s %12s %-9s %-16s\n", "benchmark", "best", "unit", "check sum");
  int ran = 0;
  for (const Bench& bench : kBenches) {
    if (std::string(bench.name).find(filter) == std::string::npos) continue;
    longhaul::bench::Run run(smoke);
    bench.run(run);
    ++ran;
  }
  return ran > 0 ? 0 : Usage(argv[0]);
}
