// Admin calls that look at a cluster without a change: batches of a log as one Fetch returns them,
// and the request versions of a broker. For the commands that examine clusters before a start.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "contract/contract.generated.h"
#include "core/aborted_producers.h"
#include "core/protocol/describe_producers.h"
#include "core/protocol/describe_quorum.h"
#include "core/protocol/fetch.h"
#include "core/protocol/groups.h"
#include "core/protocol/list_ends.h"
#include "core/protocol/produce.h"
#include "core/record_batch.h"
#include "kafka/admin_call.h"
#include "kafka/broker_answer.h"
#include "kafka/kafka_status.h"

namespace longhaul {
namespace {

// A log without records returns nothing at once; one with records answers as soon as it has read.
constexpr int32_t kFetchWaitMs = 100;
constexpr int8_t kReadCommitted = 1;

struct WantedSample {
  std::string topic;
  FetchPartition fetch;
  BatchContext context;
};

const char* ActionName(BatchAction action) {
  switch (action) {
    case BatchAction::kPassThrough:
      return "pass";
    case BatchAction::kReencode:
      return "reencode";
    case BatchAction::kDrop:
      return "drop";
  }
  return "";
}

Value BatchValue(const RecordBatchView& batch, const BatchClass& verdict) {
  return Value::Object{{"baseOffset", Value::Int64(batch.base_offset())},
                       {"lastOffset", Value::Int64(batch.last_offset())},
                       {"records", Value::Int32(batch.record_count())},
                       {"bytes", Value::Int32(static_cast<int32_t>(batch.size()))},
                       {"maxTimestamp", Value::Int64(batch.max_timestamp())},
                       {"magic", Value::Int32(batch.magic())},
                       {"codec", CodecName(batch.codec())},
                       {"action", ActionName(verdict.action)},
                       {"reason", Value::Int32(static_cast<int32_t>(verdict.reason))}};
}

Value SampleValue(const FetchedPartition& fetched, const BatchContext& context,
                  size_t batches_max) {
  Value::Array batches;
  AbortedProducers aborted(fetched.aborted);
  BatchWalker walker(fetched.records, fetched.records_size);
  RecordBatchView batch;
  while (batches.size() < batches_max && walker.Next(&batch) == BatchWalker::Step::kBatch) {
    BatchContext own = context;
    own.aborted = aborted.Holds(batch);
    batches.push_back(BatchValue(batch, Classify(batch, own)));
  }
  Value::Object item{{"topic", std::string(fetched.topic)},
                     {"partition", Value::Int32(fetched.partition)},
                     {"batches", std::move(batches)}};
  AppendItemStatus(&item, fetched.error, ErrorText(fetched.error));
  return item;
}

Status ReadSamples(const Value::Array& arguments, int32_t bytes_max,
                   std::vector<WantedSample>* out) {
  for (const Value& argument : arguments) {
    ValueReader item(argument);
    WantedSample sample{item.String("topic"), {}, {}};
    sample.fetch.partition = item.Int32("partition");
    sample.fetch.offset = item.Int64("offset");
    sample.fetch.leader_epoch = -1;
    sample.fetch.last_epoch = -1;
    sample.fetch.bytes_max = bytes_max;
    sample.context.batch_bytes_max = item.Int32("batchBytesMax");
    sample.context.keep_producer_timestamps = item.Bool("keepsProducerTimestamps");
    if (!item.error().empty()) return Status::Error(kErrorInvalidArgument, item.error());
    out->push_back(std::move(sample));
  }
  return Status::Ok();
}

// Of these the data plane sends its own bytes; librdkafka knows versions of its other requests.
constexpr Api kCheckedApis[] = {kProduceApi,           kFetchApi,       kListOffsetsApi,
                                kFindCoordinatorApi,   kOffsetFetchApi, kOffsetCommitApi,
                                kDescribeProducersApi, kListGroupsApi};

}  // namespace

// One Fetch to one leader. Partitions of one topic must be adjacent.
Status SampleBatches(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  const int32_t node = reader.Int32("node");
  const int32_t bytes_max = reader.Int32("bytesMax");
  const int32_t batches_max = reader.Int32("batchesMax");
  const Value::Array& wanted = reader.Array("partitions");
  if (!reader.error().empty()) return Status::Error(kErrorInvalidArgument, reader.error());
  std::vector<WantedSample> samples;
  Status status = ReadSamples(wanted, bytes_max, &samples);
  if (!status.ok()) return status;
  FetchRequest request{kFetchWaitMs, 1, 0, kReadCommitted, {}};
  request.bytes_max = static_cast<int32_t>(
      std::min(int64_t{bytes_max} * static_cast<int64_t>(samples.size()), int64_t{INT32_MAX}));
  for (WantedSample& sample : samples) {
    sample.fetch.topic = sample.topic;
    request.partitions.push_back(sample.fetch);
  }
  // The version is needed before the time is taken: the first call opens the connection.
  int16_t version = -1;
  status = Connect(call, "sampleBatches", node, kFetchByNameApi, &version);
  if (!status.ok()) return status;
  const auto began = AdminCall::Clock::now();
  BrokerAnswer answer;
  status = AskBroker(
      call, "sampleBatches", node, kFetchByNameApi,
      [&](int16_t v, EncodedRequest* encoded) { EncodeFetch(request, v, encoded); }, &answer);
  if (!status.ok()) return status;
  const auto elapsed = AdminCall::Clock::now() - began;
  FetchResponse response;
  status = ParseFetch(answer.mutable_data(), answer.size(), answer.version(), &response);
  if (!status.ok()) return status;
  if (response.error != 0) return StatusOf(response.error);
  Value::Array items;
  for (const FetchedPartition& fetched : response.partitions) {
    const auto sample = std::find_if(samples.begin(), samples.end(), [&](const WantedSample& s) {
      return s.topic == fetched.topic && s.fetch.partition == fetched.partition;
    });
    if (sample == samples.end()) continue;
    items.push_back(
        SampleValue(fetched, sample->context, static_cast<size_t>(std::max(0, batches_max))));
  }
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count();
  *result = Value::Object{{"throttleMs", Value::Int32(response.throttle_ms)},
                          {"bytes", Value::Int64(static_cast<int64_t>(answer.size()))},
                          {"elapsedMicros", Value::Int64(micros)},
                          {"partitions", std::move(items)}};
  return Status::Ok();
}

Status RequestVersions(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  const int32_t node = reader.Int32("node");
  if (!reader.error().empty()) return Status::Error(kErrorInvalidArgument, reader.error());
  Value::Array items;
  for (const Api& api : kCheckedApis) {
    int16_t version = -1;
    Status status = Connect(call, "requestVersions", node, api, &version);
    if (!status.ok() && status.code != RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE) return status;
    items.push_back(Value::Object{{"name", api.name},
                                  {"min", Value::Int32(api.min)},
                                  {"max", Value::Int32(api.max)},
                                  {"version", Value::Int32(version)}});
  }
  *result = std::move(items);
  return Status::Ok();
}

Status QuorumTime(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  const int32_t node = reader.Int32("node");
  if (!reader.error().empty()) return Status::Error(kErrorInvalidArgument, reader.error());
  BrokerAnswer answer;
  Status status = AskBroker(
      call, "quorumTime", node, kDescribeQuorumApi,
      [](int16_t, EncodedRequest* request) { EncodeDescribeQuorum(request); }, &answer);
  if (!status.ok()) return status;
  QuorumLeader leader;
  status = ParseDescribeQuorum(answer.data(), answer.size(), &leader);
  if (!status.ok()) return status;
  if (leader.error != 0) return StatusOf(leader.error);
  *result = Value::Object{{"leader", Value::Int32(leader.node)},
                          {"timeMs", Value::Int64(leader.fetched_ms)}};
  return Status::Ok();
}

}  // namespace longhaul
