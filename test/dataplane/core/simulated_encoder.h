// The executor of one lane in virtual time: a job ends some milliseconds after it was submitted, in
// an order that is left to chance, and reads its bytes only then. So a simulation repeats from its
// seed, and meets what threads meet: partitions change while their batches are encoded.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "batch_fixture.h"
#include "core/encode_jobs.h"
#include "random.h"
#include "simulated_network.h"

namespace longhaul::test {

class SimulatedEncoder final : public EncodeExecutor {
 public:
  SimulatedEncoder(Agenda* agenda, const std::string& seed, int64_t ms_max,
                   std::function<void()> wake)
      : agenda_(agenda), random_("encoder of " + seed), ms_max_(ms_max), wake_(std::move(wake)) {}

  size_t lane_jobs_max() const override { return 4; }
  size_t inline_bytes_max() const override { return 0; }
  void Submit(EncodeJobRef job) override {
    submitted.push_back(job->partition);
    running_.insert(job);
    if (is_held)
      held_.push_back(std::move(job));
    else
      EndLater(job.get());
  }
  std::vector<EncodeJobRef> TakeDone() override { return std::exchange(done_, {}); }

  size_t running() const { return running_.size(); }
  // Jobs that were held, and those from now on, end.
  void Release() {
    is_held = false;
    for (const EncodeJobRef& job : std::exchange(held_, {})) EndLater(job.get());
  }

  bool is_held = false;  // jobs do not end
  std::vector<uint32_t> submitted;  // the partitions of all jobs, in order

 private:
  void EndLater(EncodeJob* job) {
    const int64_t ms = random_.Between(0, ms_max_);
    agenda_->At(agenda_->now + ms, [this, job, lives = std::weak_ptr<bool>(lives_)] {
      if (lives.expired()) return;
      const auto found = std::find_if(running_.begin(), running_.end(),
                                      [job](const auto& each) { return each.get() == job; });
      if (found->use_count() > 1) job->Run(Codecs());
      done_.push_back(*found);
      running_.erase(found);
      wake_();
    });
  }

  Agenda* const agenda_;
  Random random_;
  const int64_t ms_max_;
  const std::function<void()> wake_;
  std::set<EncodeJobRef> running_;
  std::vector<EncodeJobRef> held_;
  std::vector<EncodeJobRef> done_;
  const std::shared_ptr<bool> lives_ = std::make_shared<bool>(true);
};

}  // namespace longhaul::test
