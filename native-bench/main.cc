// native_bench [--smoke | --counted] [--filter NAME]: runs the benchmarks whose name contains NAME.
// --counted is for callgrind (.ci/bench.mjs): it prints names only.
#include <cstdio>
#include <cstring>
#include <string>

#include "bench.h"
#include "core/crc32c.h"

namespace {

using longhaul::bench::Bench;
using longhaul::bench::Mode;

constexpr Bench kBenches[] = {
    {"crc32c", longhaul::bench::Crc32cBench},
    {"merge", longhaul::bench::MergeBench},
    {"outbox", longhaul::bench::OutboxBench},
    {"protocol", longhaul::bench::ProtocolBench},
    {"record_batch", longhaul::bench::RecordBatchBench},
    {"records", longhaul::bench::RecordsBench},
    {"reencode", longhaul::bench::ReencodeBench},
};

int Usage(const char* program) {
  (void)std::fprintf(stderr, "usage: %s [--smoke | --counted] [--filter NAME]\nbenchmarks:",
                     program);
  for (const Bench& bench : kBenches) (void)std::fprintf(stderr, " %s", bench.name);
  (void)std::fprintf(stderr, "\n");
  return 2;
}

}  // namespace

// Not inline, and nothing after its call: callgrind counts what is between entry and return.
extern "C" __attribute__((noinline)) uint64_t LonghaulCountedCall(uint64_t (*body)(void*),
                                                                  void* context) {
  return body(context);
}

int main(int argc, char** argv) {
  Mode mode = Mode::kTimed;
  std::string filter;
  for (int at = 1; at < argc; ++at) {
    if (std::strcmp(argv[at], "--smoke") == 0) {
      mode = Mode::kSmoke;
    } else if (std::strcmp(argv[at], "--counted") == 0) {
      mode = Mode::kCounted;
    } else if (std::strcmp(argv[at], "--filter") == 0 && at + 1 < argc) {
      filter = argv[++at];
    } else {
      return Usage(argv[0]);
    }
  }
  if (mode != Mode::kCounted) {
    std::printf("%s size, one thread, crc32c by %s\n", mode == Mode::kSmoke ? "smoke" : "real",
                longhaul::Crc32cImplementation());
    std::printf("%-44s %12s %-9s %-16s\n", "benchmark", "best", "unit", "check sum");
  }
  int ran = 0;
  for (const Bench& bench : kBenches) {
    if (std::string(bench.name).find(filter) == std::string::npos) continue;
    longhaul::bench::Run run(mode);
    bench.run(run);
    ++ran;
  }
  return ran > 0 ? 0 : Usage(argv[0]);
}
