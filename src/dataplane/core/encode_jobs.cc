#include "core/encode_jobs.h"

#include <utility>

namespace longhaul {

void EncodeJobs::Add(const EncodeJobRef& job) {
  if (executor_ == nullptr || job->bytes_in <= executor_->inline_bytes_max()) {
    job->Run(*codecs_);
    job->Hold(memory_);
    job->is_done = true;
    return;
  }
  std::deque<EncodeJobRef>& jobs = waiting_[job->partition];
  if (jobs.empty()) turns_.push_back(job->partition);
  jobs.push_back(job);
  Submit();
}

void EncodeJobs::Submit() {
  while (!turns_.empty() && submitted_ < executor_->lane_jobs_max()) {
    const uint32_t id = turns_.front();
    turns_.pop_front();
    const auto found = waiting_.find(id);
    EncodeJobRef job = std::move(found->second.front());
    found->second.pop_front();
    if (found->second.empty())
      waiting_.erase(found);
    else
      turns_.push_back(id);
    if (IsDropped(job)) continue;
    submitted_++;
    executor_->Submit(std::move(job));
  }
}

std::vector<EncodeJobRef> EncodeJobs::TakeDone() {
  if (executor_ == nullptr) return {};
  std::vector<EncodeJobRef> done = executor_->TakeDone();
  submitted_ -= done.size();
  std::erase_if(done, IsDropped);
  for (const EncodeJobRef& job : done) {
    job->Hold(memory_);
    job->is_done = true;
  }
  Submit();
  return done;
}

}  // namespace longhaul
