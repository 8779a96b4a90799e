#include "core/fetch_spread.h"

#include <algorithm>
#include <map>

#include "core/assertion.h"

namespace longhaul {
namespace {

// `members` have one order, whatever order they came in.
void EvenOutOf(bool busy, const std::vector<SpreadMember>& members,
               const std::vector<int32_t>& channels, std::vector<SpreadMove>* moves) {
  std::map<int32_t, std::vector<uint32_t>> on;
  for (const int32_t channel : channels) on[channel];
  std::vector<uint32_t> homeless;
  size_t all = 0;
  for (const SpreadMember& member : members) {
    if (member.is_busy != busy) continue;
    all++;
    const auto home = on.find(member.channel);
    (home == on.end() ? homeless : home->second).push_back(member.id);
  }
  // The fullest ones keep the remainder.
  std::vector<int32_t> by_size = channels;
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](int32_t a, int32_t b) { return on[a].size() > on[b].size(); });
  const auto quota = [&](size_t place) {
    return all / channels.size() + (place < all % channels.size() ? 1 : 0);
  };
  for (size_t place = 0; place < by_size.size(); place++) {
    std::vector<uint32_t>& here = on[by_size[place]];
    for (; here.size() > quota(place); here.pop_back()) homeless.push_back(here.back());
  }
  for (size_t place = 0; place < by_size.size(); place++) {
    for (size_t size = on[by_size[place]].size(); size < quota(place); size++) {
      moves->push_back({homeless.back(), by_size[place]});
      homeless.pop_back();
    }
  }
  Assert(homeless.empty(), "each partition has a connection");
}

}  // namespace

std::vector<SpreadMove> EvenOut(std::vector<SpreadMember> members,
                                const std::vector<int32_t>& channels) {
  std::sort(members.begin(), members.end(),
            [](const SpreadMember& a, const SpreadMember& b) { return a.id < b.id; });
  std::vector<SpreadMove> moves;
  for (const bool busy : {true, false}) EvenOutOf(busy, members, channels, &moves);
  return moves;
}

}  // namespace longhaul
