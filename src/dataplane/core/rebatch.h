// Decides which unsent batches of a partition are merged before the outbox sends them. It merges
// what waits anyway, because the batches in flight are not acknowledged yet or because linger.ms
// lets the outbox wait. So the merge delays no record, and a partition with little traffic passes
// its batches through. Runs on the thread of the lane: one merge has at most batch.size bytes.
#pragma once

#include <cstddef>
#include <vector>

#include "core/batch_merge.h"
#include "core/lane_context.h"

namespace longhaul {

class Rebatch {
 public:
  // A merge decodes at most this many times batch.size, so that a lane does not decode for long.
  static constexpr int64_t kDecodedShare = 16;
  // Batching::kAuto merges only batches of at most SmallBytesMax() and one part in kSmallShare of
  // batch.size, and only if kSmallShare of them wait.
  static constexpr int64_t kSmallShare = 8;
  // A merge costs the lane about 5 ns a byte in lz4, by counted instructions some 20 in zstd and 40
  // in gzip; a batch that passes through costs lane and target broker together about 110 us. Larger
  // batches are cheaper as they are, however large batch.size is.
  static constexpr int64_t SmallBytesMax(Codec codec) {
    if (codec == Codec::kGzip) return 2 * 1024;
    return codec == Codec::kZstd ? 4 * 1024 : 16 * 1024;
  }
  static constexpr size_t kBatchesMax = 4'096;  // in one merge: 128 KiB have at most 1,900 batches

  explicit Rebatch(LaneContext* lane) : lane_(lane) {}
  // The first unsent batch of the queue may become one with those after it.
  void TryMerge(Partition* p);

 private:
  int64_t BytesMax(const Partition& p) const;
  bool IsSmall(const QueuedBatch& batch) const;
  std::vector<MergePart> FindParts(const Partition& p, int64_t bytes_max) const;

  LaneContext* lane_;
};

}  // namespace longhaul
