// One admin call while it runs, and what all calls of one client know of its brokers. Private to
// kafka/admin*: the pool creates a RunningCall on the thread that runs the call.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "core/status.h"
#include "kafka/admin_call.h"
#include "kafka/broker_errors.h"
#include "kafka/handles.h"
#include "kafka/value.h"

namespace longhaul {

struct Job {
  using Clock = std::chrono::steady_clock;

  std::string name;
  AdminCallFunction run = nullptr;
  Value arguments;
  int32_t timeout_ms = 0;
  Clock::time_point submitted;
  Clock::time_point deadline;
  std::function<void(Status, Value)> done;
};

// Why no broker of a client can be used, according to its errors. All calls of the client share it.
class Evidence {
 public:
  using Clock = std::chrono::steady_clock;

  void Add(int32_t code, std::string text);
  void BrokerAnswered();
  std::optional<Clock::time_point> unusable_since() const;
  int32_t unusable_code() const;
  bool is_only_of_addresses() const;
  std::string Describe() const;

 private:
  mutable std::mutex mutex_;
  BrokerErrors errors_;
};

int32_t MillisecondsUntil(Job::Clock::time_point deadline);

// The end of a call that has no time left.
Status TimedOutStatus(const Job& job, const Evidence& evidence);

class RunningCall final : public AdminCall {
 public:
  // All arguments outlive the call. Only the calling thread uses the queue `results`.
  RunningCall(rd_kafka_t* client, rd_kafka_queue_t* results, Evidence* evidence,
              const std::atomic<bool>* closing, const Job* job)
      : client_(client), results_(results), evidence_(evidence), closing_(closing), job_(job) {}

  Status Run(Value* result);

  rd_kafka_t* client() const override { return client_; }
  rd_kafka_queue_t* queue() const override { return results_; }
  int32_t remaining_ms() const override;
  AdminOptionsHandle NewOptions(rd_kafka_admin_op_t operation, int32_t timeout_ms) override;
  Status Await(EventHandle* out) override;
  Status Check() override;
  void Pause(int32_t milliseconds) override;
  Status Probe() override;

 private:
  Status TimedOut() const { return TimedOutStatus(*job_, *evidence_); }
  bool MayReachAnother(Clock::time_point since) const;
  EventHandle PollUntil(Clock::time_point deadline);

  rd_kafka_t* client_;
  rd_kafka_queue_t* results_;
  Evidence* evidence_;
  const std::atomic<bool>* closing_;
  const Job* job_;
  // Marks the awaited result: the result of an abandoned request is dropped. A value never repeats
  // on one queue, even if several calls use the queue one after the other.
  uintptr_t awaited_ = 0;
};

Status ClosedStatus();

}  // namespace longhaul
