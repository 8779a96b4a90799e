// How far a partition is mirrored: the value that is recorded, and that a resume starts from.
#pragma once

#include <cstdint>

namespace longhaul {

struct Progress {
  int64_t upstream = 0;    // next source offset to mirror
  int64_t downstream = 0;  // next target offset, if this flow alone writes to the target
  int32_t sequence = 0;    // sequence of the next batch (invariant B)
  // Source leader epoch of the batch before `upstream`, -1: not known. With it a source leader can
  // check whether its log is still the one that was mirrored.
  int32_t leader_epoch = -1;

  bool operator==(const Progress&) const = default;
};

}  // namespace longhaul
