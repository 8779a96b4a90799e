// Decides which unsent batches of a partition are merged before the outbox sends them. It merges
// what waits anyway, because the batches in flight are not acknowledged yet or because linger.ms
// lets the outbox wait. So a partition with little traffic passes its batches through. A merge is a
// job (encode_jobs.h). Its parts stay in the queue until it is done, and are not sent meanwhile:
//
//   on target | in flight | merged | merge 1: parts | merge 2: parts | more batches
//                         ^ sent   ^ the first unsent batch behind what is merged
//
// A partition has at most as many merges, with its batches in flight, as it may have batches in
// flight. Merges may end in any order, because each replaces only its own parts.
#pragma once

#include <cstddef>
#include <vector>

#include "core/lane_context.h"
#include "core/merge_job.h"

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
  // Begins merges, up to `in_flight_max` batches in flight or merged ahead. Then the first unsent
  // batch may have to wait for its merge.
  void Begin(Partition* p, size_t in_flight_max);
  // Jobs of the partition are done: puts merged batches in the place of their parts.
  void Finish(Partition* p);

 private:
  bool TryBegin(Partition* p, size_t first);
  int64_t BytesMax(const Partition& p) const;
  bool IsSmall(const QueuedBatch& batch) const;
  std::vector<MergeJob::Part> FindParts(const Partition& p, size_t first, int64_t bytes_max) const;
  void Replace(Partition* p, size_t index, const MergeJob& job);

  LaneContext* lane_;
};

}  // namespace longhaul
