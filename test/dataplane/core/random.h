// Seeded randomness for property tests and fuzzing. One seed a run, from LONGHAUL_TEST_SEED or the
// system; every test derives its own stream from it by name, so a filtered run repeats a full one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string_view>
#include <vector>

namespace longhaul::test {

inline uint64_t RunSeed() {
  static const uint64_t seed = [] {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets the environment
    if (const char* text = std::getenv("LONGHAUL_TEST_SEED")) {
      return static_cast<uint64_t>(std::strtoull(text, nullptr, 10));
    }
    std::random_device device;
    return (uint64_t{device()} << 32) | device();
  }();
  return seed;
}

// splitmix64: small, good enough, and the same on every platform (std:: distributions are not).
class Random {
 public:
  explicit Random(std::string_view name) : state_(RunSeed()) {
    for (const char c : name) state_ = (state_ ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  }

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  uint64_t Below(uint64_t bound) { return bound == 0 ? 0 : Next() % bound; }
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(Below(static_cast<uint64_t>(high - low) + 1));
  }
  bool OneIn(uint64_t n) { return Below(n) == 0; }

  // Small lengths often, large ones sometimes: log-uniform up to `max`.
  size_t Length(size_t max) {
    const size_t scale = size_t{1} << Below(65 - static_cast<size_t>(__builtin_clzll(max | 1)));
    return static_cast<size_t>(Below((scale < max ? scale : max) + 1));
  }

  std::vector<uint8_t> Bytes(size_t length) {
    std::vector<uint8_t> bytes(length);
    for (auto& byte : bytes) byte = static_cast<uint8_t>(Next());
    return bytes;
  }

  // Text-like: compresses, as records do.
  std::vector<uint8_t> Text(size_t length) {
    static constexpr std::string_view kWords[] = {"offset", "batch",    "lane",
                                                  "42",     "{\"id\":", "},"};
    std::vector<uint8_t> bytes;
    while (bytes.size() < length) {
      const auto word = kWords[Below(std::size(kWords))];
      bytes.insert(bytes.end(), word.begin(), word.end());
    }
    bytes.resize(length);
    return bytes;
  }

 private:
  uint64_t state_;
};

}  // namespace longhaul::test
