#include "core/encode_pool.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace longhaul {

std::shared_ptr<EncodePool> EncodePool::OfProcess() {
  static std::mutex mutex;
  static std::weak_ptr<EncodePool> of_process;
  std::lock_guard<std::mutex> guard(mutex);
  std::shared_ptr<EncodePool> pool = of_process.lock();
  if (pool == nullptr) {
    const size_t processors = std::thread::hardware_concurrency();  // 0: not known
    pool = std::make_shared<EncodePool>(std::clamp<size_t>(processors, 1, kThreadsMax));
    of_process = pool;
  }
  return pool;
}

// No lane is left, and so no job.
EncodePool::~EncodePool() {
  {
    std::lock_guard<std::mutex> guard(mutex_);
    is_ending_ = true;
  }
  has_work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void EncodePool::Work() {
  pthread_setname_np(pthread_self(), "longhaul:encode");  // as `top -H` shows it
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    idle_++;
    has_work_.wait(lock, [this] { return is_ending_ || !waiting_.empty(); });
    idle_--;
    if (waiting_.empty()) return;
    Entry entry = std::move(waiting_.front());
    waiting_.pop_front();
    Lane* lane = entry.lane;
    lane->running_++;
    lock.unlock();
    if (!IsDropped(entry.job)) entry.job->Run(*lane->codecs_);
    lock.lock();
    // The lane frees the job: the account of its memory belongs to the thread of the lane.
    lane->done_.push_back(std::move(entry.job));
    lane->running_--;
    if (!lane->has_done_.exchange(true)) lane->wake_();
    has_ended_.notify_all();
  }
}

EncodePool::Lane::~Lane() {
  std::unique_lock<std::mutex> lock(pool_->mutex_);
  std::erase_if(pool_->waiting_, [this](const Entry& entry) { return entry.lane == this; });
  pool_->has_ended_.wait(lock, [this] { return running_ == 0; });
}

void EncodePool::Lane::Submit(EncodeJobRef job) {
  std::lock_guard<std::mutex> guard(pool_->mutex_);
  pool_->waiting_.push_back({this, std::move(job)});
  if (pool_->idle_ < pool_->waiting_.size() && pool_->threads_.size() < pool_->threads_max_)
    pool_->threads_.emplace_back([pool = pool_.get()] { pool->Work(); });
  else
    pool_->has_work_.notify_one();
}

std::vector<EncodeJobRef> EncodePool::Lane::TakeDone() {
  if (!has_done_) return {};
  std::lock_guard<std::mutex> guard(pool_->mutex_);
  has_done_ = false;
  return std::exchange(done_, {});
}

}  // namespace longhaul
