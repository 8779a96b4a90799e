// The state of each page of an address range, kept as runs of equal state in the order of
// addresses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace longhaul {

class PageMap {
 public:
  enum class State : uint8_t { kUsed, kWarm, kCold };
  struct Span {
    size_t begin = 0;
    size_t bytes = 0;
  };
  struct Fit {
    bool found = false;
    size_t begin = 0;
    size_t cold = 0;  // cold bytes in it
  };

  // At first all pages are cold.
  explicit PageMap(size_t bytes) : bytes_(bytes), runs_{{0, State::kCold}} {}

  size_t bytes() const { return bytes_; }
  bool is_cold() const { return runs_.size() == 1 && runs_[0].state == State::kCold; }

  // The place of `bytes` free bytes with the fewest cold ones among them; the lowest such place.
  Fit Find(size_t bytes) const;
  // How many of these bytes are cold.
  size_t CountCold(size_t begin, size_t end) const;
  void Mark(size_t begin, size_t end, State state);
  // The highest warm bytes that are whole units, which begin at multiples of `unit`; 0 bytes if
  // there are none.
  Span LastWarm(size_t unit) const;

 private:
  struct Run {
    size_t begin;
    State state;
  };
  size_t EndOf(size_t index) const {
    return index + 1 < runs_.size() ? runs_[index + 1].begin : bytes_;
  }
  // The run that contains the byte.
  size_t IndexOf(size_t byte) const;
  void Consider(size_t begin, size_t bytes, Fit* best) const;

  const size_t bytes_;
  std::vector<Run> runs_;  // neighbours differ
};

}  // namespace longhaul
