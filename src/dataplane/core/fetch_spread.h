// Which partitions of a source broker change their connection so that every connection has as many
// as the others: of those with records to fetch, and of the rest. Moves as few as possible.
#pragma once

#include <cstdint>
#include <vector>

namespace longhaul {

struct SpreadMember {
  uint32_t id;
  int32_t channel;  // its number
  bool is_busy;
};

struct SpreadMove {
  uint32_t id;
  int32_t channel;
};

// Members on a channel that is not in `channels` move in any case. `channels` are not empty, and
// each is there once.
std::vector<SpreadMove> EvenOut(std::vector<SpreadMember> members,
                                const std::vector<int32_t>& channels);

}  // namespace longhaul
