// Partitions of a broker over its channels: evenly, and with few moves.
#include "core/fetch_spread.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "random.h"

namespace longhaul::test {
namespace {

using Moves = std::map<uint32_t, int32_t>;

Moves MovesOf(const std::vector<SpreadMember>& members, const std::vector<int32_t>& channels) {
  Moves moves;
  for (const SpreadMove& move : EvenOut(members, channels)) {
    CHECK_FALSE(moves.contains(move.id));
    moves[move.id] = move.channel;
  }
  return moves;
}

TEST_CASE("a second channel gets half of the partitions, of the busy ones and of the others") {
  std::vector<SpreadMember> members;
  for (uint32_t id = 0; id < 8; id++) members.push_back({id, 0, id < 4});
  const Moves moves = MovesOf(members, {0, 1});
  CHECK(moves.size() == 4);
  CHECK(std::ranges::count_if(moves, [](const auto& move) { return move.first < 4; }) == 2);
}

TEST_CASE("what is even stays") {
  CHECK(MovesOf({{1, 0, true}, {2, 0, true}, {3, 1, true}}, {0, 1}).empty());
  CHECK(MovesOf({}, {0, 1}).empty());
  CHECK(MovesOf({{1, 0, true}, {2, 1, false}}, {0, 1}).empty());
}

TEST_CASE("partitions of a channel that is closed go to the others") {
  const Moves moves = MovesOf({{1, 0, false}, {2, 5, true}, {3, 5, false}}, {0});
  CHECK(moves == Moves{{2, 0}, {3, 0}});
}

TEST_CASE("all channels have as many as each other, and no more than that moves") {
  Random random("spread");
  for (int round = 0; round < 500; round++) {
    std::vector<int32_t> channels;
    for (int32_t number = 0; number < 20; number++)
      if (random.OneIn(2) || number == 0) channels.push_back(number);
    std::vector<SpreadMember> members;
    for (uint32_t id = static_cast<uint32_t>(random.Length(60)); id > 0; id--)
      members.push_back({id, static_cast<int32_t>(random.Below(20)), random.OneIn(3)});
    const Moves moves = MovesOf(members, channels);
    for (const bool busy : {true, false}) {
      std::map<int32_t, int64_t> before, after;
      for (const int32_t channel : channels) before[channel] = after[channel] = 0;
      int64_t homeless = 0, moved = 0, all = 0;
      for (const SpreadMember& member : members) {
        if (member.is_busy != busy) continue;
        all++;
        const auto move = moves.find(member.id);
        const int32_t channel = move == moves.end() ? member.channel : move->second;
        REQUIRE(after.contains(channel));
        after[channel]++;
        if (before.contains(member.channel)) before[member.channel]++;
        else homeless++;
        if (move != moves.end()) moved++;
      }
      const auto count = static_cast<int64_t>(channels.size());
      int64_t missing = 0;
      for (const auto& [channel, size] : after) {
        CHECK(size >= all / count);
        CHECK(size <= (all + count - 1) / count);
        missing += std::max<int64_t>(size - before[channel], 0);
      }
      CHECK(moved == missing);
    }
  }
}

}  // namespace
}  // namespace longhaul::test
