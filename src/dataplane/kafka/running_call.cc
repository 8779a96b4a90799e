#include "kafka/running_call.h"

#include <algorithm>
#include <utility>

#include "contract/contract.generated.h"
#include "kafka/raw_brokers.h"

namespace longhaul {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How long evidence that no broker can be used must persist before a call fails: long enough for a
// second attempt after librdkafka's reconnect backoff, short enough that a wrong password is
// reported quickly.
constexpr milliseconds kUnusableGrace{1'750};
// How long a broker has to disprove the evidence: enough for a TLS handshake and a round trip over
// a long link.
constexpr int32_t kProbeMs = 1'250;
// How long the next address has after one has failed. librdkafka connects to a bootstrap server and
// then anew to the broker that this server names. With the settings of quick-client.ts it closes a
// connection that is not logged in after 10 s, which is new evidence. The rest is the grace of that
// evidence.
constexpr milliseconds kNextAddressGrace{22'000};
constexpr int kPollMs = 200;

}  // namespace

int32_t MillisecondsUntil(Clock::time_point deadline) {
  auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
  return static_cast<int32_t>(std::max<int64_t>(left, 0));
}

Status ClosedStatus() { return Status::Error(kErrorClosed, "the admin client is closed"); }

Status TimedOutStatus(const Job& job, const Evidence& evidence) {
  std::string seen = evidence.Describe();
  return Status::Error(kErrorTimedOut, job.name + " got no answer within " +
                                           std::to_string(job.timeout_ms) + " ms" +
                                           (seen.empty() ? "" : ": " + seen));
}

void Evidence::Add(int32_t code, std::string text) {
  std::lock_guard lock(mutex_);
  errors_.Add(code, std::move(text), Clock::now());
}

void Evidence::BrokerAnswered() {
  std::lock_guard lock(mutex_);
  errors_.BrokerAnswered();
}

std::optional<Clock::time_point> Evidence::unusable_since() const {
  std::lock_guard lock(mutex_);
  return errors_.unusable_since();
}

int32_t Evidence::unusable_code() const {
  std::lock_guard lock(mutex_);
  return errors_.unusable_code();
}

bool Evidence::is_only_of_addresses() const {
  std::lock_guard lock(mutex_);
  return errors_.is_only_of_addresses();
}

std::string Evidence::Describe() const {
  std::lock_guard lock(mutex_);
  return errors_.Describe(Clock::now());
}

Status RunningCall::Run(Value* result) {
  Status status = Check();
  if (status.ok()) status = job_->run(*this, job_->arguments, result);
  // A request that timed out inside librdkafka does not name the cause, but the errors of the
  // brokers do.
  return status.code == RD_KAFKA_RESP_ERR__TIMED_OUT ? TimedOut() : status;
}

int32_t RunningCall::remaining_ms() const { return MillisecondsUntil(job_->deadline); }

AdminOptionsHandle RunningCall::NewOptions(rd_kafka_admin_op_t operation, int32_t timeout_ms) {
  static std::atomic<uintptr_t> serials = 0;
  awaited_ = ++serials;
  AdminOptionsHandle options(rd_kafka_AdminOptions_new(client_, operation));
  char ignored[64];  // the value is in range: 1 ms to Admin::kTimeoutMsMax
  (void)rd_kafka_AdminOptions_set_request_timeout(
      options.get(), std::max(1, std::min(timeout_ms, remaining_ms())), ignored, sizeof(ignored));
  rd_kafka_AdminOptions_set_opaque(options.get(), reinterpret_cast<void*>(awaited_));
  return options;
}

Status RunningCall::Await(EventHandle* out) {
  auto refresh_at = Clock::now() + milliseconds(kAttemptMsMin);
  for (;;) {
    if (Status check = Check(); !check.ok()) return check;
    if (Clock::now() >= refresh_at) {
      // A request that changes something is not sent again. But it may not have been sent at all:
      // librdkafka keeps it for the controller that it knows, which may have died.
      (void)RefreshMetadata(kRefreshMs);
      refresh_at = Clock::now() + milliseconds(kAttemptMsMin);
    }
    EventHandle event = PollUntil(job_->deadline);
    if (event == nullptr ||
        reinterpret_cast<uintptr_t>(rd_kafka_event_opaque(event.get())) != awaited_)
      continue;
    *out = std::move(event);
    int32_t code = rd_kafka_event_error(out->get());
    if (code == 0) {
      evidence_->BrokerAnswered();
      return Status::Ok();
    }
    const char* text = rd_kafka_event_error_string(out->get());
    return Status::Error(code, job_->name + ": " + (text == nullptr ? "" : text));
  }
}

Status RunningCall::Check() {
  if (*closing_) return ClosedStatus();
  if (remaining_ms() == 0) return TimedOut();
  // Evidence from before this call counts from the submission of the call: its cause may have
  // ended, and librdkafka repeats an error that persists only every 30 seconds.
  auto found = evidence_->unusable_since();
  if (!found.has_value()) return Status::Ok();
  const Clock::time_point since = std::max(*found, job_->submitted);
  if (Clock::now() - since < kUnusableGrace) return Status::Ok();
  if (RefreshMetadata(kProbeMs)) {
    evidence_->BrokerAnswered();
    return Status::Ok();
  }
  if (*closing_) return ClosedStatus();
  if (remaining_ms() == 0) return TimedOut();
  if (MayReachAnother(since)) return Status::Ok();
  return Status::Error(evidence_->unusable_code(), job_->name + ": " + evidence_->Describe());
}

// One dead address says nothing about the next one, on which a loaded machine may need seconds for
// TLS and a login.
bool RunningCall::MayReachAnother(Clock::time_point since) const {
  return evidence_->is_only_of_addresses() && Clock::now() - since < kNextAddressGrace &&
         longhaul_is_connecting(client_) != 0;
}

void RunningCall::Pause(int32_t milliseconds) {
  auto until = Clock::now() + std::chrono::milliseconds(milliseconds);
  while (MillisecondsUntil(until) > 0 && Check().ok()) (void)PollUntil(until);
}

Status RunningCall::Probe() {
  EventHandle event;
  return Ask(
      RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER,
      [this](rd_kafka_AdminOptions_t* options) {
        rd_kafka_DescribeCluster(client_, options, results_);
        return Status::Ok();
      },
      &event);
}

// Waits for one event, in short steps, to check the time and closing_ between them.
EventHandle RunningCall::PollUntil(Clock::time_point deadline) {
  int wait_ms = std::min(kPollMs, std::max(1, MillisecondsUntil(deadline)));
  return EventHandle(rd_kafka_queue_poll(results_, wait_ms));
}

}  // namespace longhaul
