// The memory for records in flight, which all lanes of the process share (in.flight.bytes.max).
//
// The problem: with a bound for each lane, a lane whose partitions are busy waits while others have
// memory that they do not need. With one account for all, a lane whose target hangs fills it, and
// the others stop. So a lane keeps a part for itself and lends the rest to lanes that need it:
//
//   | kept, lane 0 | kept, lane 1 | ... | parts of busy lanes beyond that | lent to nobody |
//   |<--------------------------------- bound ------------------------------------------>|
//
// - The fair part of a lane is the bound divided by the lanes. A lane keeps a quarter of its fair
//   part: no other lane ever has it, not even before the lane has opened or while it restarts. A
//   lane that is alone keeps everything.
// - Beyond that, a lane borrows what it wants, as long as there is memory that nobody has.
// - While a lane lacks memory that has less than its fair part, a lane with more borrows nothing,
//   and returns what it does not use, down to its fair part.
// - A lane returns what it has not wanted for a while.
//
// (A) The parts of all lanes never exceed the bound: one atomic word holds their sum, and a lane
//     adds to the sum before it uses memory.
// (B) A lane that opens has what it keeps at once, unless the lanes have become more than was
//     announced, or the bound has grown: then others may have to return memory first.
#pragma once

#include <atomic>
#include <cstdint>

namespace longhaul {

// Thread-safe, without locks.
class LentMemory {
 public:
  static constexpr int64_t kKeptShare = 4;

  // `lanes`: how many will be open; there may be more.
  LentMemory(int64_t bound, int64_t lanes);
  static LentMemory& OfProcess();
  LentMemory(const LentMemory&) = delete;
  LentMemory& operator=(const LentMemory&) = delete;

  // Before a lane opens. While others are open, the bound does not become smaller, because their
  // records are in flight.
  void Announce(int64_t bound, int64_t lanes);
  // False: the bound is as large already.
  bool Raise(int64_t bound);

  int64_t bound() const { return bound_.load(); }
  int64_t fair() const;
  int64_t kept() const;
  // What all lanes have together.
  int64_t lent() const { return Unpack(sum_.load()).bytes; }

  // What one lane has. For one thread.
  class Part {
   public:
    explicit Part(LentMemory* memory);
    ~Part();
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

    int64_t bytes() const { return bytes_; }
    bool lacks() const { return lacks_; }
    const LentMemory& memory() const { return *memory_; }
    bool RaiseAll(int64_t bound) { return memory_->Raise(bound); }
    // Borrows or returns, so that the lane has what it wants if it may. `needed`: what the lane
    // cannot return now.
    void Settle(int64_t wanted, int64_t needed);

   private:
    void ShrinkTo(int64_t bytes);
    void SetLacks(bool lacks);

    LentMemory* const memory_;
    int64_t bytes_;
    bool lacks_ = false;  // less than its fair part, and less than it wants
  };

 private:
  // The lanes that are open, and the sum of their parts, in one word.
  struct Sum {
    int64_t lanes;
    int64_t bytes;
  };
  static constexpr int kBytesBits = 48;
  static uint64_t Pack(const Sum& sum) {
    return static_cast<uint64_t>(sum.lanes) << kBytesBits | static_cast<uint64_t>(sum.bytes);
  }
  static Sum Unpack(uint64_t word) {
    return {static_cast<int64_t>(word >> kBytesBits),
            static_cast<int64_t>(word & ((uint64_t{1} << kBytesBits) - 1))};
  }

  int64_t Lanes(int64_t open) const;
  static int64_t Kept(int64_t bound, int64_t lanes);
  // Adds up to `bytes` to the sum, and returns how many.
  int64_t Take(int64_t bytes, int64_t opens);
  void Return(int64_t bytes, int64_t closes) { sum_ -= Pack({closes, bytes}); }

  std::atomic<int64_t> bound_;
  std::atomic<int64_t> announced_;
  std::atomic<uint64_t> sum_{0};
  std::atomic<int64_t> lacking_{0};  // lanes
};

}  // namespace longhaul
