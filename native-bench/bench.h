// Goals: a number for each inner step of the data plane that a change could make slower, measured
// alone, on one thread, from memory; a check sum of the results, so that the compiler cannot remove
// the work and that two runs can be compared; a smoke size that finishes at once, so that tests can
// run the benchmarks; a count of instructions under callgrind (.ci/bench.mjs), which is the same in
// each run and on a busy machine.
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

enum class Mode : uint8_t {
  kTimed,
  kSmoke,    // small inputs, one call
  kCounted,  // real inputs, one call inside LonghaulCountedCall
};

// Calls `body(context)`. callgrind writes one profile for each call of this function, whose name it
// looks for.
extern "C" uint64_t LonghaulCountedCall(uint64_t (*body)(void*), void* context);

class Run {
 public:
  explicit Run(Mode mode) : mode_(mode) {}

  bool smoke() const { return mode_ == Mode::kSmoke; }
  // Work that a benchmark repeats for the sake of the clock can be shorter if it is false.
  bool is_timed() const { return mode_ == Mode::kTimed; }

  // Nanoseconds for one call of `body`, in the best repetition. `body` returns a part of its
  // result. In the mode kCounted 1, and each call of Measure is followed by one of Report.
  template <typename Body>
  double Measure(Body&& body) {
    if (mode_ == Mode::kCounted) return Count(body);
    using Clock = std::chrono::steady_clock;
    const auto elapsed = [&](size_t calls) {
      const auto start = Clock::now();
      for (size_t call = 0; call < calls; ++call) last_ = static_cast<uint64_t>(body());
      return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
    };
    size_t calls = 1;
    double best = elapsed(calls);  // warms up, too
    if (smoke()) return best;
    while (elapsed(calls) < kRepetitionNs) calls *= 2;
    for (int repetition = 0; repetition < kRepetitions; ++repetition) {
      const double each = elapsed(calls) / static_cast<double>(calls);
      if (repetition == 0 || each < best) best = each;
    }
    return best;
  }

  // One line of the report. `last_` is what the last call of the body returned.
  void Report(const std::string& name, double value, const char* unit, const char* note = "") {
    if (mode_ == Mode::kCounted) {
      std::printf("%s\n", name.c_str());
      return;
    }
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
  // The first call allocates what later calls use again.
  template <typename Body>
  double Count(Body& body) {
    last_ = static_cast<uint64_t>(body());
    last_ = LonghaulCountedCall(
        [](void* context) { return static_cast<uint64_t>((*static_cast<Body*>(context))()); },
        &body);
    return 1;
  }

  static constexpr double kRepetitionNs = 50e6;
  static constexpr int kRepetitions = 5;

  Mode mode_;
  uint64_t last_ = 0;
};

// One row of the list in main.cc, where a new benchmark is added.
struct Bench {
  const char* name;
  void (*run)(Run& run);
};

void Crc32cBench(Run& run);
void MergeBench(Run& run);
void OutboxBench(Run& run);
void ProtocolBench(Run& run);
void RecordBatchBench(Run& run);
void RecordsBench(Run& run);
void ReencodeBench(Run& run);

}  // namespace longhaul::bench
