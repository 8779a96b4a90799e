// One running admin call, as the functions that make the requests see it. Private to kafka/admin*.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "kafka/handles.h"
#include "kafka/value.h"

namespace longhaul {

class AdminCall {
 public:
  using Clock = std::chrono::steady_clock;
  // The longest time that Close() may have to wait for a call that blocks inside librdkafka.
  static constexpr int32_t kSliceMsMin = 1'000;
  static constexpr int32_t kSliceMsMax = 8'000;
  static constexpr int32_t kAttemptMsMin = 3'000;
  static constexpr int32_t kRefreshMs = 2'000;
  static constexpr int32_t kRetryPauseMs = 100;

  virtual ~AdminCall() = default;

  virtual rd_kafka_t* client() const = 0;
  virtual rd_kafka_queue_t* queue() const = 0;
  virtual int32_t remaining_ms() const = 0;
  // Options that mark the result as this call's and bound the request: by `timeout_ms`, and by what
  // is left of the timeout of the call.
  virtual AdminOptionsHandle NewOptions(rd_kafka_admin_op_t operation, int32_t timeout_ms) = 0;
  AdminOptionsHandle NewOptions(rd_kafka_admin_op_t operation) {
    return NewOptions(operation, remaining_ms());
  }
  // Waits for the result of the request just sent. An error is that of the whole request, with
  // the event that told it, or without one that of Check(). _TIMED_OUT is that of the request,
  // TIMED_OUT that of the call.
  virtual Status Await(EventHandle* out) = 0;
  // Ok while the call may go on; CLOSED, TIMED_OUT or the reason why no broker can be reached.
  virtual Status Check() = 0;
  // Proves that the controller answers, in a way that can be interrupted. Comes before what blocks
  // inside librdkafka and would learn neither of a refused login nor of Close(), and before what
  // changes something and must not be sent twice.
  virtual Status Probe() = 0;

  // Sends a request that only reads, and sends it again where it stays unanswered or its connection
  // ends: librdkafka holds it for a controller or a leader that has died, or fails it with that
  // broker, while another one may be in its place already. Its time doubles, so that a slow answer
  // gets through. `send` receives the options.
  template <typename Send>
  Status Ask(rd_kafka_admin_op_t operation, Send send, EventHandle* out) {
    for (int32_t attempt_ms = kAttemptMsMin;; attempt_ms *= 2) {
      AdminOptionsHandle options = NewOptions(operation, attempt_ms);
      if (Status status = send(options.get()); !status.ok()) return status;
      Status status = Await(out);
      if (status.ok() || remaining_ms() == 0) return status;
      // _PARTIAL: the broker knows of no broker that is alive (.ci/setup/librdkafka-mends.mjs).
      const bool is_lost = *out != nullptr && (status.code == RD_KAFKA_RESP_ERR__TRANSPORT ||
                                               status.code == RD_KAFKA_RESP_ERR__PARTIAL);
      if (status.code != RD_KAFKA_RESP_ERR__TIMED_OUT && !is_lost) return status;
      out->reset();
      if (is_lost) Pause(kRetryPauseMs);
      (void)RefreshMetadata(kRefreshMs);
    }
  }

  // Asks whichever broker is up; true where one answers. Also learns who is controller now: without
  // a topic of its own a client would not ask before topic.metadata.refresh.interval.ms. Blocks.
  // All topics are asked for, because for the known ones alone librdkafka lets the broker create
  // those that are gone.
  bool RefreshMetadata(int32_t timeout_ms) {
    const rd_kafka_metadata_t* found = nullptr;
    int within_ms = std::min(timeout_ms, remaining_ms());
    (void)rd_kafka_metadata(client(), 1, nullptr, &found, within_ms);
    MetadataHandle metadata(found);
    return metadata != nullptr;
  }

  // Lets time pass, less where Check() is no longer ok.
  virtual void Pause(int32_t milliseconds) = 0;

  // Runs a call that blocks for the milliseconds given: in slices that double, so that a slow
  // answer gets its time and Close() its turn. `attempt` returns a code; _TIMED_OUT means another
  // slice.
  template <typename Attempt>
  Status InSlices(std::string_view what, Attempt attempt) {
    if (Status probe = Probe(); !probe.ok()) return probe;
    for (int32_t slice = kSliceMsMin;; slice = std::min(slice * 2, kSliceMsMax)) {
      if (Status check = Check(); !check.ok()) return check;
      std::string detail;
      int32_t code = attempt(std::min(slice, remaining_ms()), &detail);
      if (code == 0) return Status::Ok();
      if (code == RD_KAFKA_RESP_ERR__RETRY || code == RD_KAFKA_RESP_ERR__PARTIAL) {
        Pause(kRetryPauseMs);
        continue;
      }
      if (code != RD_KAFKA_RESP_ERR__TIMED_OUT) {
        return Status::Error(code, std::string(what) + ": " + detail);
      }
    }
  }
};

// A call: reads its arguments, makes its requests, builds its result.
using AdminCallFunction = Status (*)(AdminCall& call, const Value& arguments, Value* result);

Status DescribeCluster(AdminCall& call, const Value& arguments, Value* result);
Status ListTopics(AdminCall& call, const Value& arguments, Value* result);
Status DescribeTopics(AdminCall& call, const Value& arguments, Value* result);
Status CreateTopics(AdminCall& call, const Value& arguments, Value* result);
Status CreatePartitions(AdminCall& call, const Value& arguments, Value* result);
Status DeleteTopics(AdminCall& call, const Value& arguments, Value* result);
Status DescribeConfigs(AdminCall& call, const Value& arguments, Value* result);
Status IncrementalAlterConfigs(AdminCall& call, const Value& arguments, Value* result);
Status DescribeTopicAcls(AdminCall& call, const Value& arguments, Value* result);
Status CreateTopicAcls(AdminCall& call, const Value& arguments, Value* result);
Status DeleteTopicAcls(AdminCall& call, const Value& arguments, Value* result);
Status ListOffsets(AdminCall& call, const Value& arguments, Value* result);
Status DeleteRecords(AdminCall& call, const Value& arguments, Value* result);
Status InitProducerId(AdminCall& call, const Value& arguments, Value* result);
Status DescribeGroups(AdminCall& call, const Value& arguments, Value* result);
Status FindCoordinators(AdminCall& call, const Value& arguments, Value* result);
Status ListGroups(AdminCall& call, const Value& arguments, Value* result);
Status ListGroupOffsets(AdminCall& call, const Value& arguments, Value* result);
Status CommitGroupOffsets(AdminCall& call, const Value& arguments, Value* result);
Status DescribeProducers(AdminCall& call, const Value& arguments, Value* result);

// The members that every item of a result has: its own error, 0 and "" where it went well.
void AppendItemStatus(Value::Object* item, int32_t code, const char* detail);

// librdkafka reads arrays of plain pointers; the handles stay the owners.
template <typename HandleType>
auto RawPointers(const std::vector<HandleType>& handles) {
  std::vector<typename HandleType::pointer> raw;
  raw.reserve(handles.size());
  for (const HandleType& handle : handles) raw.push_back(handle.get());
  return raw;
}

}  // namespace longhaul
