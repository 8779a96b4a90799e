// The batches of one partition between Fetch and acknowledgement, in source order.
//
//              front                                             back
//   on target | acked  in flight  acked | unsent  unsent  unsent | next Fetch
//             ^ front ordinal           ^ sent                   ^ next sequence
//
// Invariants of ARCHITECTURE.md: a batch leaves the queue only at the front, when it is
// acknowledged or was found on the target (F); sequences are contiguous (B).
//
// A reply finds its batch by the term and the ordinal of its Ticket. An ordinal is the number of
// batches that left the front before this one. When the queue stops waiting for the replies to the
// batches in flight, the term changes. So a late reply finds no batch.
//
// Bounded by partition.in.flight.bytes.max: Fetches leave out a partition whose queue is full.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "contract/contract.generated.h"
#include "core/memory_account.h"
#include "core/merge_job.h"
#include "core/reencode.h"

namespace longhaul {

struct QueuedBatch {
  uint8_t* data = nullptr;
  int32_t size = 0;
  int32_t records = 0;
  int32_t sequence = 0;
  // Source offsets of its records, in order. Empty: contiguous from upstream_first on.
  std::vector<OffsetRun> runs;
  int64_t upstream_first = 0;
  // The source offset after this batch, and after the batches behind it that were left out.
  int64_t upstream_next = 0;
  int32_t leader_epoch = -1;  // of the last source batch before upstream_next
  int64_t max_timestamp = -1;
  BatchReason reason = BatchReason::kNone;  // why it was re-encoded; kNone: it passed through
  HeldRef buffer;                           // the memory that `data` points into
  std::shared_ptr<MergeJob> merge;  // it is a part of this job, and waits for the merged batch
  bool acked = false;
  bool was_sent = false;  // it may be on the target: it keeps its boundaries
  bool stays_apart = false;  // it could not be merged
  int64_t base_offset = -1;  // on the target; -1: the broker did not return it

  bool MayMerge() const {
    return !was_sent && !stays_apart && merge == nullptr && runs.empty() &&
           reason != BatchReason::kMerged;
  }
};

// The source offset of the record at `index` of the batch.
int64_t UpstreamOffset(const QueuedBatch& batch, int64_t index);

// Calls `visit(upstream offset, index of that record in the batch, length)` for each part of the
// batch without gaps on the source.
template <typename Visit>
void ForEachRun(const QueuedBatch& batch, Visit visit) {
  if (batch.runs.empty()) visit(batch.upstream_first, int64_t{0}, int64_t{batch.records});
  int64_t index = 0;
  for (const OffsetRun& run : batch.runs) {
    visit(run.upstream, index, run.length);
    index += run.length;
  }
}

class BatchQueue {
 public:
  struct Ticket {
    uint64_t term = 0;
    uint64_t ordinal = 0;
  };

  // `first_term` is unique in the lane, and its lower 32 bits are zero. So a queue never has a term
  // of an earlier queue of the same partition.
  explicit BatchQueue(uint64_t first_term) : term_(first_term) {}
  ~BatchQueue();
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;

  bool empty() const { return batches_.empty(); }
  size_t size() const { return batches_.size(); }
  size_t sent() const { return sent_; }
  size_t outstanding() const { return outstanding_; }
  size_t unsent() const { return batches_.size() - sent_; }
  int64_t bytes() const { return bytes_; }
  size_t merging() const { return merging_; }  // batches that wait for a merge
  int32_t next_sequence() const { return next_sequence_; }
  const QueuedBatch& front() const { return batches_.front(); }
  const QueuedBatch& back() const { return batches_.back(); }
  const QueuedBatch& operator[](size_t index) const { return batches_[index]; }
  const QueuedBatch& first_unsent() const { return batches_[sent_]; }

  // The sequence must be next_sequence().
  void Push(QueuedBatch batch);
  // Source batches after the last batch are left out: progress passes them with that batch.
  void ExtendBack(int64_t upstream_next, int32_t leader_epoch);

  // The `count` batches from `index` on are parts of the job, and wait for it.
  void BeginMerge(size_t index, size_t count, const std::shared_ptr<MergeJob>& job);
  void EndMerge(size_t index, size_t count);
  void KeepApart(size_t index) { batches_[index].stays_apart = true; }
  // How many batches from `index` on are parts of the same job; 1 if that batch is no part.
  size_t CountParts(size_t index) const;
  // Replaces the `count` batches from `index` on, none of which was ever sent, by one batch of
  // their records.
  void ReplaceUnsent(size_t index, size_t count, QueuedBatch merged);

  // Call when the first unsent batch is sent.
  Ticket MarkSent();
  // The batch that a reply is for. nullptr: the queue no longer waits for that reply.
  QueuedBatch* TakeReply(const Ticket& ticket);
  // Call when the first batch is on the target.
  void PopFront();
  // The queue stops waiting for replies. Batches that were sent count as unsent again: the lane
  // sends them again, or finds them on the target.
  void RecallSent();

  // Drops all batches, which the lane fetches again. The first of them gets `next_sequence`.
  void Clear(int32_t next_sequence);
  // Drops all but the first `keep` batches and those that were sent. True: some were dropped.
  bool DropUnsentBehind(size_t keep);
  // Call when the target holds the next records of the source; the queue is empty.
  void SkipRecords(int64_t records);
  // The bytes of an unsent batch were copied to `data`, inside `buffer`.
  void MoveBatch(size_t index, HeldRef buffer, uint8_t* data);

  // Keeps bytes() included in *account from now on, and no longer in the former account. `account`
  // must outlive the queue. nullptr: bytes() is in no account.
  void ChargeTo(int64_t* account);
  // `first_sequence`: of the first batch, as progress has it. Walks the batches if `in_full`.
  void CheckInvariants(int32_t first_sequence, bool in_full) const;

 private:
  void Count(const QueuedBatch& batch, int64_t times);

  std::deque<QueuedBatch> batches_;
  uint64_t term_;
  uint64_t front_ordinal_ = 0;
  size_t sent_ = 0;
  size_t outstanding_ = 0;  // batches sent that have no reply yet
  size_t merging_ = 0;
  int64_t bytes_ = 0;
  int64_t* account_ = nullptr;
  int32_t next_sequence_ = 0;
};

}  // namespace longhaul
