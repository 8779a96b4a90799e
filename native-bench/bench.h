// Goals: a number for each inner step of the data plane that a change could make slower, measured
// alone, on one thread, from memory; a check sum of the results, so that the compiler cannot remove
// the work and that two runs can be compared; a smoke size that finishes at once, so that tests can
// run the benchmarks.
//
// Not goals: the throughput of a mirror (perf/ measures that between real clusters), and
// statistics: the best of a few repetitions is the one that the machine disturbed least.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace longhaul::bench {

class Run {
 public:
  explicit Run(bool smoke) : smoke_(smoke) {}

  bool smoke() const { return smoke_; }

  // Nanoseconds for one call of `body`, in the best repetition. `body` returns a part of its
  // result.
  template <typename Body>
  double Measure(Body&& body) {
    using Clock = std::chrono::steady_clock;
    const auto elapsed = [&](size_t calls) {
      const auto start = Clock::now();
      for (size_t call = 0; call < calls; ++call) last_ = static_cast<uint64_t>(body());
      return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
    };
    size_t calls = 1;
    double best = elapsed(calls);  // warms up, too
    if (smoke_) return best;
    while (elapsed(calls) < kRepetitionNs) calls *= 2;
    for (int repetition = 0; repetition < kRepetitions; ++repetition) {
      const double each = elapsed(calls) / static_cast<double>(calls);
      if (repetition == 0 || each < best) best = each;
    }
    return best;
  }

  // One line of the report. `last_` is what the last call of the body returned.
  void Report(const std::string& name, double value, const char* unit, const char* note = "") {
    std::printf("%-44s %12.2f %-9s %016llx %s\n", name.c_str(), value, unit,
                static_cast<unsigned long long>(last_), note);
  }

  void ReportRate(const std::string& name, double nanoseconds, size_t bytes) {
    const double gigabytes = static_cast<double>(bytes) / nanoseconds;
    if (gigabytes >= 1) {
      Report(name, gigabytes, "GB/s");
    } else {
      Report(name, gigabytes * 1000, "MB/s");
    }
  }

 private:
  static constexpr double kRepetitionNs = 50e6;
  static constexpr int kRepetitions = 5;

  bool smoke_;
  uint64_t last_ = 0;
};

// One row of the list in main.cc, where a new benchmark is added.
struct Bench {
  const char* name;
  void (*run)(Run& run);
};

void Crc32cBench(Run& run);
void OutboxBench(Run& run);
void RecordBatchBench(Run& run);
void ReencodeBench(Run& run);

}  // namespace longhaul::bench
