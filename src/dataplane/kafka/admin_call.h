// One running admin call, as the functions that send its requests see it. Private to kafka/admin*.
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
  // Options that mark the result as belonging to this call, and limit the request to `timeout_ms`
  // and to the time that is left of the call.
  virtual AdminOptionsHandle NewOptions(rd_kafka_admin_op_t operation, int32_t timeout_ms) = 0;
  AdminOptionsHandle NewOptions(rd_kafka_admin_op_t operation) {
    return NewOptions(operation, remaining_ms());
  }
  // Waits for the result of the request just sent. If *out has an event, an error is that of the
  // whole request; without an event it is that of Check(). _TIMED_OUT means that the request timed
  // out, TIMED_OUT that the call did.
  virtual Status Await(EventHandle* out) = 0;
  // Ok while the call may continue; otherwise CLOSED, TIMED_OUT or the reason why no broker can be
  // reached.
  virtual Status Check() = 0;
  // Checks that the controller answers, in a way that can be interrupted. Call it before a function
  // that blocks inside librdkafka, which would notice neither a refused login nor Close(); and
  // before a request that changes something and must not be sent twice.
  virtual Status Probe() = 0;

  // Sends a request that only reads, and sends it again if it is not answered or its connection
  // ends: librdkafka keeps such a request for a controller or a leader that has died, or fails it,
  // although another broker may have replaced it. The time limit doubles with each attempt, so that
  // a slow answer is received. `send` receives the options.
  template <typename Send>
  Status Ask(rd_kafka_admin_op_t operation, Send send, EventHandle* out) {
    for (int32_t attempt_ms = kAttemptMsMin;; attempt_ms *= 2) {
      AdminOptionsHandle options = NewOptions(operation, attempt_ms);
      if (Status status = send(options.get()); !status.ok()) return status;
      Status status = Await(out);
      if (status.ok() || remaining_ms() == 0) return status;
      // _PARTIAL: the response listed no broker that is alive (.ci/setup/librdkafka-mends.mjs).
      const bool is_lost = *out != nullptr && (status.code == RD_KAFKA_RESP_ERR__TRANSPORT ||
                                               status.code == RD_KAFKA_RESP_ERR__PARTIAL);
      if (status.code != RD_KAFKA_RESP_ERR__TIMED_OUT && !is_lost) return status;
      out->reset();
      if (is_lost) Pause(kRetryPauseMs);
      (void)RefreshMetadata(kRefreshMs);
    }
  }

  // Requests metadata from any broker that is up; true if one answers. librdkafka also learns the
  // current controller: a client without topics would not ask before
  // topic.metadata.refresh.interval.ms. Blocks. Asks for all topics, because a request of
  // librdkafka for the known topics alone lets the broker create those that were deleted.
  bool RefreshMetadata(int32_t timeout_ms) {
    const rd_kafka_metadata_t* found = nullptr;
    int within_ms = std::min(timeout_ms, remaining_ms());
    (void)rd_kafka_metadata(client(), 1, nullptr, &found, within_ms);
    MetadataHandle metadata(found);
    return metadata != nullptr;
  }

  // Waits, but returns early if Check() is no longer ok.
  virtual void Pause(int32_t milliseconds) = 0;

  // Runs a function that blocks for a given number of milliseconds, in slices that double: so a
  // slow answer is received, and Close() does not wait long. `attempt` returns a code; _TIMED_OUT
  // means another slice.
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

// A call: reads its arguments, sends its requests, builds its result.
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
Status SampleBatches(AdminCall& call, const Value& arguments, Value* result);
Status RequestVersions(AdminCall& call, const Value& arguments, Value* result);
Status QuorumTime(AdminCall& call, const Value& arguments, Value* result);
Status SendRequest(AdminCall& call, const Value& arguments, Value* result);

// The members that every item of a result has: its error, or 0 and "".
void AppendItemStatus(Value::Object* item, int32_t code, const char* detail);

// librdkafka expects arrays of plain pointers; the handles remain the owners.
template <typename HandleType>
auto RawPointers(const std::vector<HandleType>& handles) {
  std::vector<typename HandleType::pointer> raw;
  raw.reserve(handles.size());
  for (const HandleType& handle : handles) raw.push_back(handle.get());
  return raw;
}

}  // namespace longhaul
