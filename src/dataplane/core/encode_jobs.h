// Batches that a lane re-encodes or merges away from its thread. A slow codec (gzip, zstd) then
// does not keep the lane's other partitions from fetching and producing.
//
//   loop thread:  Add --> waiting, by partition --> Submit .... TakeDone --> queue of the partition
//   the executor:                                   Run, in any order
//
// A job is shared by its partition and the executor. If the partition drops it (a revoke, a fault,
// a Fetch from another offset), nobody else refers to the job: it is not run any more, or its
// result is dropped. Jobs end in any order; each partition brings its own into order
// (intake_queue.h).
//
// Bounds: a lane has at most EncodeExecutor::lane_jobs_max jobs at the executor; partitions with
// more take turns. How many jobs a partition has is bounded where they are added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "core/codecs.h"
#include "core/memory_account.h"

namespace longhaul {

class EncodeJob {
 public:
  // `bytes`: of the batches that are decoded, as they are.
  EncodeJob(uint32_t partition_id, size_t bytes) : partition(partition_id), bytes_in(bytes) {}
  virtual ~EncodeJob() = default;
  EncodeJob(const EncodeJob&) = delete;
  EncodeJob& operator=(const EncodeJob&) = delete;

  // On any thread. The bytes that the job reads stay as they are until it is done.
  virtual void Run(const CompressionCodecs& codecs) = 0;
  // On the thread of the lane, once Run() has returned: the lane counts the bytes of the result.
  virtual void Hold(MemoryAccount* memory) = 0;

  const uint32_t partition;
  const size_t bytes_in;
  bool is_done = false;  // for the thread of the lane
};
using EncodeJobRef = std::shared_ptr<EncodeJob>;

// Its partition does not wait for it any more.
inline bool IsDropped(const EncodeJobRef& job) { return job.use_count() == 1; }

// Runs the jobs of one lane. The thread of the lane calls it.
class EncodeExecutor {
 public:
  virtual ~EncodeExecutor() = default;
  // How many jobs the lane may have submitted and not taken back.
  virtual size_t lane_jobs_max() const = 0;
  // The lane runs a job of at most this many bytes itself: another thread would cost more.
  virtual size_t inline_bytes_max() const = 0;
  virtual void Submit(EncodeJobRef job) = 0;
  // The jobs that have ended since the last call. The lane is woken for them.
  virtual std::vector<EncodeJobRef> TakeDone() = 0;
};

class EncodeJobs {
 public:
  // Without an executor the lane runs all jobs itself, each when it is added.
  EncodeJobs(EncodeExecutor* executor, const CompressionCodecs* codecs, MemoryAccount* memory)
      : executor_(executor), codecs_(codecs), memory_(memory) {}

  // `job->is_done` at once if the lane has run it itself.
  void Add(const EncodeJobRef& job);
  // The jobs that are done since the last call, those excepted that were dropped meanwhile.
  std::vector<EncodeJobRef> TakeDone();

 private:
  void Submit();

  EncodeExecutor* const executor_;
  const CompressionCodecs* const codecs_;
  MemoryAccount* const memory_;
  std::map<uint32_t, std::deque<EncodeJobRef>> waiting_;  // by partition, each with one at least
  std::deque<uint32_t> turns_;                            // these partitions
  size_t submitted_ = 0;
};

}  // namespace longhaul
