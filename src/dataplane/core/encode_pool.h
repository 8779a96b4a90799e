// The threads of the process that decode and encode batches for all lanes. They begin with the
// first job, and end with the last lane. A thread keeps the contexts of its codecs
// (kafka/codecs.cc).
//
// Memory: each thread decodes one batch at a time, or the batches of one merge, so the pool has at
// most as many decoded batches as threads, each of at most decoded.bytes.max.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/encode_jobs.h"

namespace longhaul {

class EncodePool {
 public:
  // More threads would need more memory for decoded batches.
  static constexpr size_t kThreadsMax = 8;
  // So a thread that ends a job finds the next one, and a lane cannot fill the pool for long.
  static constexpr size_t kLaneJobsPerThread = 2;
  // A job costs about as much as the change of threads.
  static constexpr size_t kInlineBytesMax = 2 * 1024;

  // The pool of the process, as many threads as processors. It lives as long as somebody has it.
  static std::shared_ptr<EncodePool> OfProcess();

  explicit EncodePool(size_t threads_max) : threads_max_(threads_max) {}
  ~EncodePool();
  EncodePool(const EncodePool&) = delete;
  EncodePool& operator=(const EncodePool&) = delete;

  // One lane at the pool. Its end waits for the jobs that run, and drops the others.
  class Lane final : public EncodeExecutor {
   public:
    // `wake` is called on a thread of the pool when there are jobs to take.
    Lane(std::shared_ptr<EncodePool> pool, const CompressionCodecs* codecs,
         std::function<void()> wake)
        : pool_(std::move(pool)), codecs_(codecs), wake_(std::move(wake)) {}
    ~Lane() override;
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    size_t lane_jobs_max() const override { return pool_->threads_max_ * kLaneJobsPerThread; }
    size_t inline_bytes_max() const override { return kInlineBytesMax; }
    void Submit(EncodeJobRef job) override;
    std::vector<EncodeJobRef> TakeDone() override;

   private:
    friend class EncodePool;
    const std::shared_ptr<EncodePool> pool_;
    const CompressionCodecs* const codecs_;
    const std::function<void()> wake_;
    // Guarded by the mutex of the pool.
    size_t running_ = 0;
    std::vector<EncodeJobRef> done_;
    std::atomic<bool> has_done_{false};  // so that a lane without jobs needs no lock
  };

 private:
  struct Entry {
    Lane* lane;
    EncodeJobRef job;
  };
  void Work();

  const size_t threads_max_;
  std::mutex mutex_;
  std::condition_variable has_work_;
  std::condition_variable has_ended_;  // a job
  std::deque<Entry> waiting_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;  // threads
  bool is_ending_ = false;
};

}  // namespace longhaul
