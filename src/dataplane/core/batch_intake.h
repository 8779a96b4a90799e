// Turns the fetched bytes of one partition into queued batches: walks them, classifies each batch
// by its header, and passes it through, re-encodes it or leaves it out. While a resume skips on the
// source, batches go to resume.h first. A batch of a producer that nobody knows yet ends the walk:
// the partition asks who that is, and fetches the batch again when it knows.
#pragma once

#include <string>

#include "core/lane_context.h"
#include "core/protocol/fetch.h"
#include "core/record_batch.h"
#include "core/reencode.h"

namespace longhaul {

class BatchIntake {
 public:
  static constexpr int32_t kRefetchesMax = 3;  // of damaged bytes behind one offset; then a fault
  // Uncompressed entries of magic 0 and 1 hold one record each. So many bytes of them become one
  // batch: one by one, each record would cost a round trip. Well below the default of
  // max.message.bytes, and a larger target limit than that is rare.
  static constexpr size_t kLegacyRunBytes = 256 * 1024;
  // A partition whose question about a producer is not answered for this long shows why it waits.
  static constexpr int64_t kQuestionMs = 2'000;

  explicit BatchIntake(LaneContext* lane) : lane_(lane) {}
  // `fetched.records` point into `buffer`. Afterwards p->source.offset is where to go on; bytes
  // that cannot be mirrored fault the partition. Never throws, whatever the bytes are.
  void Store(Partition* p, const FetchedPartition& fetched, const HeldRef& buffer);
  // For each tick.
  void ShowQuestions();

 private:
  struct Walk;  // one call of Store
  // These return false when the walk ends early: the partition faults, or fetches again.
  bool StoreBatch(Walk* walk, const BatchSpan& batch);
  bool IsJudged(const Walk& walk, const RecordBatchView& batch);
  bool PassThrough(Walk* walk, const RecordBatchView& batch);
  bool StoreReencoded(Walk* walk, const BatchSpan& batch, BatchReason reason);
  void LeaveOut(Partition* p, const RecordBatchView& batch, BatchReason reason);
  bool Skip(Walk* walk, const BatchSpan& batch, bool passes_through);
  bool Damaged(Partition* p, const Status& status);
  void Malformed(Partition* p, const std::string& what);
  void Enqueue(Partition* p, QueuedBatch batch);

  LaneContext* lane_;
};

}  // namespace longhaul
