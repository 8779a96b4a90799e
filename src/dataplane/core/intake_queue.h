// The batches of one partition that the intake has accepted, and that cannot be queued yet, because
// the first of them is being re-encoded. The sequences of a batch depend on how many records those
// before it have, so a batch gets its sequence only when it leaves here:
//
//   queue of the partition | re-encoding   passes   re-encoded   re-encoding | next Fetch
//                  queue end ^ front                                    back ^ source offset
//
// Jobs end in any order. A batch leaves at the front, when it is encoded or passes through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "core/batch_queue.h"
#include "core/reencode_job.h"

namespace longhaul {

struct IntakeBatch {
  // A batch that is re-encoded: as the source has it, without sequence and number of records.
  QueuedBatch batch;
  std::shared_ptr<ReencodeJob> job;  // nullptr: the batch passes through

  bool is_ready() const { return job == nullptr || job->is_done; }
};

class IntakeQueue {
 public:
  // A partition with so many batches to re-encode is not fetched.
  static constexpr size_t kJobsMax = 16;

  IntakeQueue() = default;
  ~IntakeQueue() { Clear(); }
  IntakeQueue(const IntakeQueue&) = delete;
  IntakeQueue& operator=(const IntakeQueue&) = delete;

  bool empty() const { return batches_.empty(); }
  const IntakeBatch& front() const { return batches_.front(); }
  int64_t bytes() const { return bytes_; }
  bool is_full() const { return jobs_ >= kJobsMax; }
  // Nothing after its batches is to be mirrored.
  bool ends() const {
    return !empty() && batches_.back().job != nullptr && batches_.back().job->ends_intake();
  }

  void Push(IntakeBatch batch);
  IntakeBatch PopFront();
  // Source batches after the last batch are left out, as in BatchQueue.
  void ExtendBack(int64_t upstream_next, int32_t leader_epoch);
  void Clear();

  // `queue_end` is the source offset after the queue of the partition.
  void CheckInvariants(int64_t queue_end, int64_t source_offset) const;

 private:
  void Count(const IntakeBatch& batch, int32_t times);

  std::deque<IntakeBatch> batches_;
  int64_t bytes_ = 0;
  size_t jobs_ = 0;  // batches that have a job, done or not
};

}  // namespace longhaul
