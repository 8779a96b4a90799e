// The memory of the process that lanes lend to each other: its bound holds at all times, each lane
// has what it keeps, and a busy lane has what the others do not need.
#include "core/lent_memory.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "random.h"

namespace longhaul::test {
namespace {

using Part = LentMemory::Part;
constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kAll = 1'000 * kMiB;

TEST_CASE("a lane that is alone has all memory, whatever it wants") {
  LentMemory memory(48 * kMiB, 1);
  Part part(&memory);
  CHECK(part.bytes() == 48 * kMiB);
  part.Settle(0, 0);
  CHECK(part.bytes() == 48 * kMiB);
  CHECK_FALSE(part.lacks());
}

TEST_CASE("a lane begins with a quarter of its fair part, and borrows what nobody keeps") {
  LentMemory memory(48 * kMiB, 4);
  Part idle(&memory), busy(&memory);
  CHECK(idle.bytes() == 3 * kMiB);
  busy.Settle(kAll, 0);
  CHECK(busy.bytes() == 39 * kMiB);  // also of the lanes that have not opened yet
  CHECK_FALSE(busy.lacks());
  Part third(&memory), fourth(&memory);
  CHECK(third.bytes() == 3 * kMiB);
  CHECK(fourth.bytes() == 3 * kMiB);
  CHECK(memory.lent() == 48 * kMiB);
}

TEST_CASE("a busy lane returns what it does not use when another lane lacks its fair part") {
  LentMemory memory(48 * kMiB, 2);
  Part first(&memory), second(&memory);
  first.Settle(kAll, 0);
  CHECK(first.bytes() == 42 * kMiB);
  second.Settle(kAll, 0);
  CHECK(second.bytes() == 6 * kMiB);
  CHECK(second.lacks());
  first.Settle(kAll, 40 * kMiB);  // its records wait for the target
  CHECK(first.bytes() == 40 * kMiB);
  second.Settle(kAll, 6 * kMiB);
  CHECK(second.bytes() == 8 * kMiB);
  first.Settle(kAll, kMiB);
  CHECK(first.bytes() == 24 * kMiB);
  second.Settle(kAll, kMiB);
  CHECK(second.bytes() == 24 * kMiB);
  CHECK_FALSE(second.lacks());
  first.Settle(kAll, kMiB);
  CHECK(first.bytes() == 24 * kMiB);
}

TEST_CASE("a lane returns what it no longer wants, and never what it keeps") {
  LentMemory memory(48 * kMiB, 2);
  Part first(&memory), second(&memory);
  first.Settle(30 * kMiB, 0);
  CHECK(first.bytes() == 30 * kMiB);
  first.Settle(10 * kMiB, 0);
  CHECK(first.bytes() == 10 * kMiB);
  first.Settle(0, 0);
  CHECK(first.bytes() == 6 * kMiB);
  CHECK(memory.lent() == 12 * kMiB);
}

TEST_CASE("what a lost lane had is lent to others, except what its successor keeps") {
  LentMemory memory(48 * kMiB, 2);
  Part first(&memory);
  std::optional<Part> second(std::in_place, &memory);
  second->Settle(kAll, 0);
  first.Settle(kAll, 0);
  CHECK(first.bytes() == 6 * kMiB);
  CHECK(first.lacks());
  second.reset();
  first.Settle(kAll, 0);
  CHECK(first.bytes() == 42 * kMiB);
  second.emplace(&memory);
  CHECK(second->bytes() == 6 * kMiB);
}

// Regression test of the design: a lane that ended while it lacked memory would keep the others
// from borrowing for ever.
TEST_CASE("a lost lane lacks nothing") {
  LentMemory memory(48 * kMiB, 3);
  Part first(&memory);
  {
    Part second(&memory), third(&memory);
    second.Settle(kAll, 0);
    third.Settle(kAll, 0);
    CHECK(third.lacks());
  }
  first.Settle(kAll, 0);
  CHECK(first.bytes() == 40 * kMiB);
}

TEST_CASE("a lane that nobody announced receives its fair part as others return memory") {
  LentMemory memory(48 * kMiB, 1);
  Part first(&memory);
  Part second(&memory);
  CHECK(second.bytes() == 0);
  second.Settle(0, 0);
  CHECK(second.lacks());  // also if it wants nothing: it lacks what it keeps
  first.Settle(kAll, 0);
  CHECK(first.bytes() == 24 * kMiB);
  second.Settle(kAll, 0);
  CHECK(second.bytes() == 24 * kMiB);
}

TEST_CASE("the bound grows while lanes are open, and is another one when none is") {
  LentMemory memory(8 * kMiB, 2);
  {
    Part first(&memory), second(&memory);
    CHECK(memory.Raise(16 * kMiB));
    CHECK_FALSE(memory.Raise(12 * kMiB));
    memory.Announce(4 * kMiB, 2);
    CHECK(memory.bound() == 16 * kMiB);
    second.Settle(0, 0);
    CHECK(second.bytes() == 2 * kMiB);
    first.Settle(kAll, 0);
    CHECK(first.bytes() == 14 * kMiB);
  }
  CHECK(memory.lent() == 0);
  memory.Announce(4 * kMiB, 2);
  CHECK(memory.bound() == 4 * kMiB);
}

// A lane as the tests below see it: what it uses changes at random.
struct Lane {
  explicit Lane(LentMemory* memory) : part(memory) {}
  void Step(Random* random) {
    if (random->OneIn(3)) wanted = static_cast<int64_t>(random->Below(2 * kMiB));
    if (random->OneIn(2)) used = random->Between(0, part.bytes());
    part.Settle(wanted, used);
  }
  Part part;
  int64_t wanted = 0;
  int64_t used = 0;
};

TEST_CASE("the bound holds and lanes have what they keep, whatever they want and whoever ends") {
  Random random("lent memory");
  for (int run = 0; run < 200; run++) {
    const int64_t lanes = random.Between(1, 9);
    LentMemory memory(random.Between(1, 3 * kMiB), lanes);
    std::vector<std::unique_ptr<Lane>> open(static_cast<size_t>(lanes));
    for (int step = 0; step < 300; step++) {
      std::unique_ptr<Lane>& lane = open[random.Below(open.size())];
      if (lane == nullptr)
        lane = std::make_unique<Lane>(&memory);
      else if (random.OneIn(20))
        lane.reset();
      else
        lane->Step(&random);
      int64_t sum = 0;
      for (const auto& each : open) {
        if (each == nullptr) continue;
        CHECK(each->part.bytes() >= memory.kept());
        CHECK(each->part.bytes() >= each->used);
        sum += each->part.bytes();
      }
      CHECK(sum == memory.lent());
      CHECK(sum <= memory.bound());
    }
    // When their records are acknowledged, no lane lacks its fair part for long.
    for (auto& lane : open)
      if (lane == nullptr) lane = std::make_unique<Lane>(&memory);
    for (int round = 0; round < 2; round++)
      for (const auto& lane : open) lane->part.Settle(lane->wanted, 0);
    for (const auto& lane : open) {
      CHECK(lane->part.bytes() >= std::min(lane->wanted, memory.fair()));
      CHECK_FALSE(lane->part.lacks());
    }
  }
}

TEST_CASE("the bound holds while lanes borrow, return and end on threads of their own") {
  constexpr int kLanes = 4;
  constexpr int kSteps = 300'000;
  LentMemory memory(kMiB, kLanes);
  std::atomic<int64_t> held = 0;  // of all lanes, as they would allocate it
  std::atomic<bool> was_exceeded = false;
  std::barrier start(kLanes);
  const auto run = [&](int number) {
    Random random("lane " + std::to_string(number));
    start.arrive_and_wait();
    std::optional<Part> part(std::in_place, &memory);
    int64_t counted = 0;
    for (int step = 0; step < kSteps; step++) {
      // Memory is freed before it is returned, and borrowed before it is used.
      held -= counted;
      if (random.OneIn(200)) part.emplace(&memory);
      part->Settle(random.OneIn(2) ? kAll : 0, 0);
      counted = part->bytes();
      if ((held += counted) > memory.bound() || memory.lent() > memory.bound())
        was_exceeded = true;
      if (number == 0 && step % 75'000 == 0) (void)memory.Raise(memory.bound() + kMiB);
    }
    held -= counted;
  };
  std::vector<std::thread> threads;
  for (int number = 0; number < kLanes; number++) threads.emplace_back(run, number);
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(was_exceeded);
  CHECK(memory.lent() == 0);
}

}  // namespace
}  // namespace longhaul::test
