// Turns the fetched bytes of one partition into queued batches: walks over the batches, classifies
// each by its header, and passes it through, re-encodes it or leaves it out. A batch that is
// re-encoded becomes a job (encode_jobs.h); the batches after it wait for that job in the intake of
// the partition (intake_queue.h), and the next Fetch continues behind them. While a resume skips
// on the source, batches go to resume.h first. A batch whose producer is not known yet ends the
// walk: the partition asks whether the producer is an inbound flow, and fetches the batch again
// once the answer is there (known_producers.h).
#pragma once

#include <string>

#include "core/lane_context.h"
#include "core/protocol/fetch.h"
#include "core/record_batch.h"

namespace longhaul {

class BatchIntake {
 public:
  static constexpr int32_t kRefetchesMax = 3;  // of damaged bytes after one offset; then a fault
  // Uncompressed entries of magic 0 and 1 hold one record each. Up to this many bytes of such
  // entries become one batch: as separate batches, each record would cost a round trip. The value
  // is well below the default of max.message.bytes, and few topics have a smaller limit.
  static constexpr size_t kLegacyRunBytes = 256 * 1024;
  // If a question about a producer is unanswered for this long, its partition shows why it waits.
  static constexpr int64_t kQuestionMs = 2'000;

  explicit BatchIntake(LaneContext* lane) : lane_(lane) {}
  // `fetched.records` point into `buffer`. Sets p->source.offset to the next offset to fetch. Bytes
  // that cannot be mirrored fault the partition. Never throws, whatever the bytes are.
  void Store(Partition* p, const FetchedPartition& fetched, const HeldRef& buffer);
  // Jobs of the partition are done: queues its batches up to the first one that is not encoded yet.
  // False: a batch cannot be mirrored. The partition faults, or fetches that batch again.
  bool Continue(Partition* p);
  // Call with each tick.
  void ShowQuestions();

 private:
  struct Walk;  // one call of Store
  // These functions return false when the walk ends early: the partition faults, or fetches again.
  bool StoreBatch(Walk* walk, const BatchSpan& batch);
  bool IsJudged(const Walk& walk, const RecordBatchView& batch);
  bool PassThrough(Walk* walk, const RecordBatchView& batch);
  bool StoreReencoded(Walk* walk, const BatchSpan& batch, BatchReason reason);
  bool StoreEncoded(Partition* p, const IntakeBatch& encoded);
  void EndAt(Partition* p, Fault fault);
  void LeaveOut(Partition* p, const RecordBatchView& batch, BatchReason reason);
  void PassBehindQueue(Partition* p, int64_t next, int32_t leader_epoch);
  bool Skip(Walk* walk, const BatchSpan& batch, bool passes_through);
  bool Damaged(Partition* p, const Status& status);
  void Malformed(Partition* p, const std::string& what);
  void Accept(Partition* p, IntakeBatch batch);
  void Enqueue(Partition* p, QueuedBatch batch);

  LaneContext* lane_;
};

}  // namespace longhaul
