#include "kafka/admin.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "contract/contract.generated.h"
#include "kafka/admin_call.h"
#include "kafka/broker_errors.h"

namespace longhaul {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How long evidence that no broker can be used must last before a call gives up: enough for a
// second attempt after librdkafka's reconnect backoff, little enough that a wrong password shows at
// once.
constexpr milliseconds kUnusableGrace{1'750};
// What a broker gets to prove the evidence wrong: a long-haul round trip after a TLS handshake.
constexpr int32_t kProbeMs = 1'250;
constexpr int kPollMs = 200;
// Events that need no answer pile up while nothing runs; this often they are taken off the queue.
constexpr int kIdlePollMs = 1'000;

struct CallRow {
  std::string_view name;
  AdminCallFunction run;
};

constexpr CallRow kCalls[] = {
    {"describeCluster", DescribeCluster},   {"listTopics", ListTopics},
    {"describeTopics", DescribeTopics},     {"createTopics", CreateTopics},
    {"createPartitions", CreatePartitions}, {"deleteTopics", DeleteTopics},
    {"describeConfigs", DescribeConfigs},   {"incrementalAlterConfigs", IncrementalAlterConfigs},
    {"listOffsets", ListOffsets},           {"deleteRecords", DeleteRecords},
    {"initProducerId", InitProducerId},     {"describeGroups", DescribeGroups},
};

AdminCallFunction FindCall(std::string_view name) {
  for (const CallRow& row : kCalls) {
    if (row.name == name) return row.run;
  }
  return nullptr;
}

int32_t MillisecondsUntil(Clock::time_point deadline) {
  auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
  return static_cast<int32_t>(std::max<int64_t>(left, 0));
}

struct Job {
  std::string name;
  AdminCallFunction run = nullptr;
  Value arguments;
  int32_t timeout_ms = 0;
  Clock::time_point submitted;
  Clock::time_point deadline;
  Admin::Completion done;
};

}  // namespace

void AppendItemStatus(Value::Object* item, int32_t code, const char* detail) {
  item->push_back({"code", Value::Int32(code)});
  item->push_back({"detail", code == 0 || detail == nullptr ? Value("") : Value(detail)});
}

// The admin thread and what belongs to it. The AdminCall half is the call that runs now.
class Admin::Worker final : public AdminCall {
 public:
  explicit Worker(ClientHandle client)
      : client_(std::move(client)), queue_(rd_kafka_queue_get_main(client_.get())) {
    thread_ = std::thread([this] { Run(); });
  }

  ~Worker() override {
    RequestClose(nullptr);
    if (thread_.joinable()) thread_.join();
  }

  Status Submit(Job job) {
    std::lock_guard lock(mutex_);
    if (closing_) return Closed();
    if (waiting_.size() >= kWaitingCallsMax) {
      return Status::Error(RD_KAFKA_RESP_ERR__QUEUE_FULL,
                           std::to_string(waiting_.size()) + " admin calls are waiting already");
    }
    waiting_.push_back(std::move(job));
    // Under the lock: the thread lets go of the queue only after it has seen closing_ under it.
    rd_kafka_queue_yield(queue_.get());
    return Status::Ok();
  }

  void RequestClose(std::function<void()> closed) {
    std::lock_guard lock(mutex_);
    if (closing_) return;
    closing_ = true;
    closed_ = std::move(closed);
    rd_kafka_queue_yield(queue_.get());
  }

  void Join() {
    if (thread_.joinable()) thread_.join();
  }

  rd_kafka_t* client() const override { return client_.get(); }
  rd_kafka_queue_t* queue() const override { return queue_.get(); }
  int32_t remaining_ms() const override { return MillisecondsUntil(running_->deadline); }

  AdminOptionsHandle NewOptions(rd_kafka_admin_op_t operation, int32_t timeout_ms) override {
    awaited_ = ++serial_;
    return OptionsFor(operation, awaited_, std::min(timeout_ms, remaining_ms()));
  }

  Status Await(EventHandle* out) override {
    auto refresh_at = Clock::now() + milliseconds(kAttemptMsMin);
    for (;;) {
      if (Status check = Check(); !check.ok()) return check;
      if (Clock::now() >= refresh_at) {
        // A request that changes something is not sent again, but it may not have been sent at all:
        // librdkafka holds it for the controller that it knows, which may have died.
        (void)RefreshMetadata(kRefreshMs);
        refresh_at = Clock::now() + milliseconds(kAttemptMsMin);
      }
      EventHandle event = PollUntil(running_->deadline);
      if (event == nullptr || !IsResultOf(event.get(), awaited_)) continue;
      *out = std::move(event);
      int32_t code = rd_kafka_event_error(out->get());
      if (code == 0) {
        errors_.BrokerAnswered();
        return Status::Ok();
      }
      const char* text = rd_kafka_event_error_string(out->get());
      return Status::Error(code, running_->name + ": " + (text == nullptr ? "" : text));
    }
  }

  Status Check() override {
    if (IsClosing()) return Closed();
    if (remaining_ms() == 0) return TimedOut();
    // The evidence is weighed from when this call was asked for: what a former call has left may be
    // over by now, but librdkafka does not repeat an error that lasts for 30 seconds.
    auto since = errors_.unusable_since();
    if (!since.has_value() ||
        Clock::now() - std::max(*since, running_->submitted) < kUnusableGrace) {
      return Status::Ok();
    }
    if (RefreshMetadata(kProbeMs)) {
      errors_.BrokerAnswered();
      return Status::Ok();
    }
    if (IsClosing()) return Closed();
    if (remaining_ms() == 0) return TimedOut();
    return Status::Error(errors_.unusable_code(),
                         running_->name + ": " + errors_.Describe(Clock::now()));
  }

  void Pause(int32_t milliseconds) override {
    auto until = Clock::now() + std::chrono::milliseconds(milliseconds);
    while (MillisecondsUntil(until) > 0 && Check().ok()) {
      EventHandle event = PollUntil(until);
      if (event != nullptr) (void)IsResultOf(event.get(), 0);
    }
  }

  Status Probe() override {
    EventHandle event;
    return Ask(
        RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER,
        [this](rd_kafka_AdminOptions_t* options) {
          rd_kafka_DescribeCluster(client_.get(), options, queue_.get());
          return Status::Ok();
        },
        &event);
  }

 private:
  void Run() {
    for (;;) {
      Job job;
      if (IsClosing()) break;
      if (Take(&job)) {
        RunJob(job);
        continue;
      }
      EventHandle event(rd_kafka_queue_poll(queue_.get(), kIdlePollMs));
      if (event != nullptr) (void)IsResultOf(event.get(), 0);
    }
    FailWaiting();
    {
      // Nobody reaches the queue any more: Submit and RequestClose have seen closing_.
      std::lock_guard lock(mutex_);
      queue_.reset();
    }
    client_.reset();
    if (closed_) closed_();
  }

  bool Take(Job* job) {
    std::lock_guard lock(mutex_);
    if (waiting_.empty()) return false;
    *job = std::move(waiting_.front());
    waiting_.pop_front();
    return true;
  }

  void RunJob(Job& job) {
    running_ = &job;
    awaited_ = 0;
    Value result;
    Status status = Check();
    if (status.ok()) status = job.run(*this, job.arguments, &result);
    // A request that timed out inside librdkafka lacks the reason, which the brokers have told.
    if (status.code == RD_KAFKA_RESP_ERR__TIMED_OUT) status = TimedOut();
    running_ = nullptr;
    job.done(std::move(status), std::move(result));
  }

  void FailWaiting() {
    std::deque<Job> left;
    {
      std::lock_guard lock(mutex_);
      left.swap(waiting_);
    }
    for (Job& job : left) job.done(Closed(), Value());
  }

  // Takes in error events. A result whose serial is not the one awaited belongs to a call that gave
  // up on it, and is dropped.
  bool IsResultOf(rd_kafka_event_t* event, uintptr_t serial) {
    switch (rd_kafka_event_type(event)) {
      case RD_KAFKA_EVENT_ERROR:
        TakeError(event);
        return false;
      case RD_KAFKA_EVENT_LOG:
        TakeLog(event);
        return false;
      default:
        break;
    }
    return serial != 0 && reinterpret_cast<uintptr_t>(rd_kafka_event_opaque(event)) == serial;
  }

  void TakeError(rd_kafka_event_t* event) {
    const char* text = rd_kafka_event_error_string(event);
    errors_.Add(rd_kafka_event_error(event), text == nullptr ? "" : text, Clock::now());
  }

  // A broker that hangs up on us is no error event, only a line of the log; and what librdkafka
  // guesses there (a TLS listener? a login wanted?) is what the user has to read.
  void TakeLog(rd_kafka_event_t* event) {
    const char* facility = "";
    const char* text = "";
    int level = 0;
    if (rd_kafka_event_log(event, &facility, &text, &level) != 0) return;
    if (std::string_view(facility) == "FAIL") errors_.Add(0, text, Clock::now());
  }

  AdminOptionsHandle OptionsFor(rd_kafka_admin_op_t operation, uintptr_t serial, int timeout_ms) {
    AdminOptionsHandle options(rd_kafka_AdminOptions_new(client_.get(), operation));
    char ignored[64];  // the value is in range: 1 ms to kTimeoutMsMax
    (void)rd_kafka_AdminOptions_set_request_timeout(options.get(), std::max(1, timeout_ms), ignored,
                                                    sizeof(ignored));
    rd_kafka_AdminOptions_set_opaque(options.get(), reinterpret_cast<void*>(serial));
    return options;
  }

  // Waits for one event, in steps short enough to look at the time and at closing_.
  EventHandle PollUntil(Clock::time_point deadline) {
    int wait_ms = std::min(kPollMs, std::max(1, MillisecondsUntil(deadline)));
    return EventHandle(rd_kafka_queue_poll(queue_.get(), wait_ms));
  }

  bool IsClosing() {
    std::lock_guard lock(mutex_);
    return closing_;
  }

  static Status Closed() { return Status::Error(kErrorClosed, "the admin client is closed"); }

  Status TimedOut() const {
    std::string seen = errors_.Describe(Clock::now());
    return Status::Error(kErrorTimedOut, running_->name + " had no answer within " +
                                             std::to_string(running_->timeout_ms) + " ms" +
                                             (seen.empty() ? "" : ": " + seen));
  }

  ClientHandle client_;
  QueueHandle queue_;  // librdkafka's main queue: error events and the results of all calls

  std::mutex mutex_;  // guards the four below, and queue_ against use after it was reset
  std::deque<Job> waiting_;
  bool closing_ = false;
  std::function<void()> closed_;

  // Of the admin thread alone.
  BrokerErrors errors_;
  Job* running_ = nullptr;
  uintptr_t serial_ = 0;
  uintptr_t awaited_ = 0;

  std::thread thread_;
};

Admin::Admin(std::unique_ptr<Worker> worker) : worker_(std::move(worker)) {}
Admin::~Admin() = default;

Status Admin::Open(const ClientProperties& properties, std::unique_ptr<Admin>* out) {
  ClientProperties all = properties;
  // A producer would create any topic that it asks about, on a broker that allows it.
  all["allow.auto.create.topics"] = "false";
  // librdkafka waits up to 10 s between attempts: longer than the calls here take to give up.
  all.emplace("reconnect.backoff.max.ms", "1000");
  all["log.queue"] = "true";
  all["log.thread.name"] = "false";  // so that a log line and its error event have the same text
  rd_kafka_conf_t* built = nullptr;
  if (Status status = BuildClientConfig(all, &built); !status.ok()) return status;
  ConfHandle conf(built);
  rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
  ClientHandle client;
  Status status = OpenClient(RD_KAFKA_PRODUCER, std::move(conf), &client);
  if (!status.ok()) return status;
  // nullptr: the main queue, like everything else.
  rd_kafka_resp_err_t error = rd_kafka_set_log_queue(client.get(), nullptr);
  if (error != 0) return Status::Error(error, rd_kafka_err2str(error));
  out->reset(new Admin(std::make_unique<Worker>(std::move(client))));
  return Status::Ok();
}

Status Admin::Submit(std::string call, Value arguments, int32_t timeout_ms, Completion done) {
  AdminCallFunction run = FindCall(call);
  if (run == nullptr) {
    return Status::Error(kErrorInvalidArgument, "there is no admin call named " + call);
  }
  if (timeout_ms < 1 || timeout_ms > kTimeoutMsMax) {
    return Status::Error(kErrorInvalidArgument, "the timeout of " + call + " must be 1 to " +
                                                    std::to_string(kTimeoutMsMax) + " ms");
  }
  const Clock::time_point now = Clock::now();
  Job job{std::move(call), run, std::move(arguments),
          timeout_ms,      now, now + milliseconds(timeout_ms),
          std::move(done)};
  return worker_->Submit(std::move(job));
}

void Admin::RequestClose(std::function<void()> closed) { worker_->RequestClose(std::move(closed)); }

void Admin::Close() {
  worker_->RequestClose(nullptr);
  worker_->Join();
}

}  // namespace longhaul
