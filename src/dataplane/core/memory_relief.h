// What a lane does when its memory is short, before it waits for acknowledgements:
// 1. partitions that cannot produce now drop their unsent batches, and fetch them again later, so
//    that one dead or hung target broker cannot stop the others;
// 2. the batches that keep a mostly dead response alive are copied into one smaller block, so that
//    no small batch keeps a large response in memory.
#pragma once

#include <cstdint>

#include "core/lane_context.h"

namespace longhaul {

class MemoryRelief {
 public:
  // Relieve() looks at all partitions, so it does not do so with every tick.
  static constexpr int64_t kEveryMs = 100;
  // A response is mostly dead if at most one part in kDeadShare of its bytes is queued. The copy is
  // made before the response is freed. A response has at most a quarter of the bound
  // (Fetcher::DivideRoom), so the copy fits into the part that is kept free for scans. If the lane
  // has returned memory since, the copy may be too large: then it is not made.
  static constexpr int64_t kDeadShare = 2;

  explicit MemoryRelief(LaneContext* lane) : lane_(lane) {}
  void Relieve();

 private:
  bool IsStalled(const Partition& p) const;
  void EvictStalled();
  void CopyOut();

  LaneContext* lane_;
  int64_t not_before_ = 0;
};

}  // namespace longhaul
