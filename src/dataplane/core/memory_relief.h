// What a lane does when its memory is short, before it waits for acknowledgements:
// 1. partitions that cannot produce now drop what they have not sent, and fetch it again later, so
//    that one dead or hung target broker cannot stop the others;
// 2. batches that keep a mostly dead response alive move into one smaller block, so that no small
//    batch pins a large response.
#pragma once

#include <cstdint>

#include "core/lane_context.h"

namespace longhaul {

class MemoryRelief {
 public:
  // It looks at all partitions, so not with every tick.
  static constexpr int64_t kEveryMs = 100;
  // A response is mostly dead if at most one part in so many of it is queued. The copy is made
  // before the response is freed; as a response takes at most a quarter of the bound
  // (Fetcher::DivideRoom), the copy fits into what is kept free for scans.
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
