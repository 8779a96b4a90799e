#include "kafka/admin.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "contract/contract.generated.h"
#include "kafka/admin_call.h"
#include "kafka/kafka_status.h"
#include "kafka/running_call.h"

namespace longhaul {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How long the listener waits for one event. RequestClose() wakes it, and so does a call that has
// to wait, so the value matters little.
constexpr int kListenMs = 1'000;

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
    {"describeProducers", DescribeProducers}, {"describeTopicAcls", DescribeTopicAcls},
    {"createTopicAcls", CreateTopicAcls},   {"deleteTopicAcls", DeleteTopicAcls},
    {"findCoordinators", FindCoordinators}, {"listGroups", ListGroups},
    {"listGroupOffsets", ListGroupOffsets}, {"commitGroupOffsets", CommitGroupOffsets},
    {"sampleBatches", SampleBatches},       {"requestVersions", RequestVersions},
    {"quorumTime", QuorumTime},             {"sendRequest", SendRequest},
};

AdminCallFunction FindCall(std::string_view name) {
  for (const CallRow& row : kCalls) {
    if (row.name == name) return row.run;
  }
  return nullptr;
}

}  // namespace

void AppendItemStatus(Value::Object* item, int32_t code, const char* detail) {
  item->push_back({"code", Value::Int32(code)});
  item->push_back({"detail", code == 0 || detail == nullptr ? Value("") : Value(detail)});
}

// The client, its queue of calls and its threads. The listener reads errors and log lines of the
// client, and ends calls that have waited too long for a worker: if a cluster hangs, and with it
// all workers, a short call must not wait as long as the longest one. A worker is started when a
// call finds no idle one, and then remains. The listener ends last: it joins the workers and
// destroys the client.
class Admin::Pool {
 public:
  explicit Pool(ClientHandle client)
      : client_(std::move(client)), events_(rd_kafka_queue_get_main(client_.get())) {
    listener_ = std::thread([this] { Listen(); });
  }

  ~Pool() {
    RequestClose(nullptr);
    Join();
  }

  Status Submit(Job job) {
    std::lock_guard lock(mutex_);
    if (closing_) return ClosedStatus();
    if (waiting_.size() >= kWaitingCallsMax) {
      return Status::Error(RD_KAFKA_RESP_ERR__QUEUE_FULL,
                           std::to_string(waiting_.size()) + " admin calls are waiting already");
    }
    waiting_.push_back(std::move(job));
    if (idle_ < waiting_.size()) {
      if (workers_.size() < kCallsAtOnceMax) {
        workers_.emplace_back([this] { Work(); });
      } else {
        rd_kafka_queue_yield(events_.get());  // the listener looks when the call must end
      }
    }
    work_.notify_one();
    return Status::Ok();
  }

  Status SetToken(const std::string& token) {
    // The listener destroys the client only after closing_ was set, which happens under the lock.
    std::lock_guard lock(mutex_);
    return closing_ ? ClosedStatus() : longhaul::SetToken(client_.get(), token);
  }

  void RequestClose(std::function<void()> closed) {
    std::lock_guard lock(mutex_);
    if (closing_.exchange(true)) return;
    closed_ = std::move(closed);
    work_.notify_all();
    // Under the lock: the listener resets events_ only after it has seen closing_ under the lock.
    rd_kafka_queue_yield(events_.get());
  }

  void Join() {
    if (listener_.joinable()) listener_.join();
  }

 private:
  void Listen() {
    while (!closing_) {
      EventHandle event(rd_kafka_queue_poll(events_.get(), EndLateCalls()));
      if (event != nullptr) Note(event.get());
    }
    std::deque<Job> left;
    {
      std::lock_guard lock(mutex_);
      left.swap(waiting_);
    }
    for (std::thread& worker : workers_) worker.join();  // closing_: Submit starts no more
    for (Job& job : left) job.done(ClosedStatus(), Value());
    events_.reset();
    client_.reset();
    if (closed_) closed_();
  }

  // Returns after how many milliseconds to look again.
  int EndLateCalls() {
    std::vector<Job> late;
    int next_ms = kListenMs;
    {
      std::lock_guard lock(mutex_);
      std::deque<Job> in_time;
      for (Job& job : waiting_) {
        const int32_t left_ms = MillisecondsUntil(job.deadline);
        if (left_ms > 0) next_ms = std::min(next_ms, left_ms);
        (left_ms > 0 ? in_time.emplace_back() : late.emplace_back()) = std::move(job);
      }
      waiting_.swap(in_time);
    }
    for (Job& job : late) job.done(TimedOutStatus(job, evidence_), Value());
    return next_ms;
  }

  void Work() {
    QueueHandle results(rd_kafka_queue_new(client_.get()));
    for (;;) {
      Job job;
      {
        std::unique_lock lock(mutex_);
        idle_++;
        work_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
        idle_--;
        if (closing_) return;
        job = std::move(waiting_.front());
        waiting_.pop_front();
      }
      RunningCall call(client_.get(), results.get(), &evidence_, &closing_, &job);
      Value result;
      Status status = call.Run(&result);
      job.done(std::move(status), std::move(result));
    }
  }

  void Note(rd_kafka_event_t* event) {
    switch (rd_kafka_event_type(event)) {
      case RD_KAFKA_EVENT_ERROR: {
        const char* text = rd_kafka_event_error_string(event);
        evidence_.Add(rd_kafka_event_error(event), text == nullptr ? "" : text);
        return;
      }
      case RD_KAFKA_EVENT_LOG: {
        // When a broker closes the connection, librdkafka reports no error event, only a log line.
        // The user needs that line, because librdkafka guesses the cause in it (a TLS listener? a
        // login?).
        const char* facility = "";
        const char* text = "";
        int level = 0;
        if (rd_kafka_event_log(event, &facility, &text, &level) != 0) return;
        if (std::string_view(facility) == "FAIL") evidence_.Add(0, text);
        return;
      }
      default:
        return;
    }
  }

  ClientHandle client_;
  QueueHandle events_;  // librdkafka's main queue: errors and log lines
  Evidence evidence_;
  std::atomic<bool> closing_ = false;

  std::mutex mutex_;  // guards the five below, and events_ against use after its reset
  std::condition_variable work_;
  std::deque<Job> waiting_;
  size_t idle_ = 0;
  std::vector<std::thread> workers_;
  std::function<void()> closed_;

  std::thread listener_;
};

Admin::Admin(std::unique_ptr<Pool> pool) : pool_(std::move(pool)) {}
Admin::~Admin() = default;

Status Admin::Open(const ClientProperties& properties, std::unique_ptr<Admin>* out) {
  ClientProperties all = properties;
  // Otherwise a producer creates each topic that it requests metadata for, if the broker allows it.
  all["allow.auto.create.topics"] = "false";
  // librdkafka waits up to 10 s between attempts: longer than the calls here wait.
  all.emplace("reconnect.backoff.max.ms", "1000");
  all["log.queue"] = "true";
  all["log.thread.name"] = "false";  // so that a log line has the same text as its error event
  rd_kafka_conf_t* built = nullptr;
  if (Status status = BuildClientConfig(all, &built); !status.ok()) return status;
  ConfHandle conf(built);
  rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
  ClientHandle client;
  Status status = OpenClient(RD_KAFKA_PRODUCER, std::move(conf), &client);
  if (!status.ok()) return status;
  // nullptr: log lines go to the main queue, as errors do.
  rd_kafka_resp_err_t error = rd_kafka_set_log_queue(client.get(), nullptr);
  if (error != 0) return StatusOf(error);
  out->reset(new Admin(std::make_unique<Pool>(std::move(client))));
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
  return pool_->Submit(std::move(job));
}

Status Admin::SetToken(const std::string& token) { return pool_->SetToken(token); }

void Admin::RequestClose(std::function<void()> closed) { pool_->RequestClose(std::move(closed)); }

void Admin::Close() {
  pool_->RequestClose(nullptr);
  pool_->Join();
}

}  // namespace longhaul
