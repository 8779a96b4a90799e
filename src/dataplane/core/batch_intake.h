// Turns the fetched bytes of one partition into queued batches: walk, classify by header, patch or
// re-encode or drop, give sequences. Also skips at resume what the target already has.
#pragma once

#include "core/lane.h"
#include "core/protocol.h"
#include "core/record_batch.h"
#include "core/reencode.h"

namespace longhaul {

class BatchIntake {
 public:
  // A leader just elected may show less than it has for a while.
  static constexpr int64_t kEndGraceMs = 10'000;

  explicit BatchIntake(Lane* lane) : lane_(lane) {}
  // `fetched.records` point into `buffer`. Afterwards p->fetch_offset is where to go on; on bytes
  // that cannot be mirrored the partition is faulted. Never throws, whatever the bytes are.
  void Take(Partition* p, const FetchedPartition& fetched, const BufferRef& buffer);
  // All that the source has is taken, `ended`, or not. A source that ends before the records that
  // the target has are skipped is not what it was (invariant E).
  void CheckEnd(Partition* p, bool ended);

 private:
  struct Walk;  // one call of Take
  // These return false when the walk must end: faulted, or gone back to an earlier offset.
  bool TakeBatch(Walk* walk, const RecordBatchView& batch);
  void Drop(Partition* p, const RecordBatchView& batch, BatchReason reason);
  bool PassThrough(Walk* walk, const RecordBatchView& batch);
  bool TakeReencoded(Walk* walk, const RecordBatchView& batch, BatchReason reason);
  void Malformed(Partition* p, std::string what);
  bool Refetch(Partition* p, const Status& status);
  void Enqueue(Partition* p, QueuedBatch batch, int64_t upstream_next, int32_t leader_epoch);
  // Invariants (D), (E): the target holds the next seam.records_left records of the source.
  enum class Held : uint8_t { kAll, kFirstOnes, kStop };
  static bool HasGap(const Partition& p, const RecordBatchView& batch);
  Held SkipHeld(Partition* p, const RecordBatchView& batch, BatchAction action);
  // An error says that the bytes of `batch` cannot be compared.
  Status CompareSeam(const Partition& p, const RecordBatchView& batch, const EncodedBatch& decoded,
                     int64_t held, bool* holds) const;
  // Records of one batch from `first` on as one encoded batch; records_max 0: all of them.
  Status EncodePart(const RecordBatchView& batch, int64_t first, int64_t records_max,
                    EncodedBatch* out) const;
  void SeamMismatch(Partition* p, const std::string& what);

  Lane* lane_;
};

}  // namespace longhaul
