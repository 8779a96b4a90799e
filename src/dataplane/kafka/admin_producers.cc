// The admin call about producers (KIP-664). librdkafka has no such request: it is sent as bytes.
#include <string>
#include <utility>
#include <vector>

#include "contract/contract.generated.h"
#include "core/protocol/describe_producers.h"
#include "kafka/admin_call.h"
#include "kafka/raw_brokers.h"
#include "kafka/raw_requests.h"

namespace longhaul {
namespace {

constexpr int32_t kConnectPauseMs = 50;
// Longest wait inside librdkafka, so that Close() gets its turn.
constexpr int32_t kAnswerMs = 5'000;

// A connection to a broker that was never asked before takes a moment.
Status Connect(AdminCall& call, int32_t node) {
  while (longhaul_broker_state(call.client(), node) != 1) {
    if (Status check = call.Check(); !check.ok()) return check;
    call.Pause(kConnectPauseMs);
  }
  const int16_t version =
      longhaul_api_version(call.client(), node, kDescribeProducersApi.key,
                           kDescribeProducersApi.min, kDescribeProducersApi.max);
  if (version >= 0) return Status::Ok();
  return Status::Error(RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE,
                       "describeProducers: broker " + std::to_string(node) +
                           " does not know DescribeProducers (brokers before 2.8)");
}

Value ProducersValue(const PartitionProducers& partition) {
  Value::Array producers;
  for (const ProducerState& state : partition.producers)
    producers.push_back(Value(Value::Object{
        {"producerId", Value::Int64(state.producer_id)},
        {"producerEpoch", Value::Int32(state.epoch)},
        {"lastTimestamp", Value::Int64(state.last_timestamp)},
        {"transactionStart", Value::Int64(state.transaction_start)}}));
  Value::Object item{{"topic", std::string(partition.topic)},
                     {"partition", Value::Int32(partition.partition)},
                     {"producers", std::move(producers)}};
  AppendItemStatus(&item, partition.error,
                   rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(partition.error)));
  return item;
}

}  // namespace

Status DescribeProducers(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  const int32_t node = reader.Int32("node");
  const Value::Array& wanted = reader.Array("partitions");
  std::vector<std::pair<std::string, int32_t>> names;
  for (const Value& argument : wanted) {
    ValueReader item(argument);
    names.emplace_back(item.String("topic"), item.Int32("partition"));
    if (!item.error().empty()) return Status::Error(kErrorInvalidArgument, item.error());
  }
  if (!reader.error().empty()) return Status::Error(kErrorInvalidArgument, reader.error());
  if (Status status = Connect(call, node); !status.ok()) return status;
  std::vector<NamedPartition> partitions;
  for (const auto& [topic, partition] : names) partitions.push_back({topic, partition});
  EncodedRequest request;
  EncodeDescribeProducers(partitions, &request);
  longhaul_response_t* response = nullptr;
  const int32_t code =
      longhaul_ask(call.client(), node, kDescribeProducersApi.key, kDescribeProducersApi.max,
                   request.is_flexible ? 1 : 0, request.bytes.data(), request.bytes.size(),
                   std::min(call.remaining_ms(), kAnswerMs), &response);
  if (code != 0)
    return Status::Error(code, "describeProducers: broker " + std::to_string(node) + ": " +
                                   rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(code)));
  std::vector<PartitionProducers> described;
  Status status = ParseDescribeProducers(longhaul_response_data(response),
                                         longhaul_response_size(response), &described);
  Value::Array items;
  for (const PartitionProducers& partition : described) items.push_back(ProducersValue(partition));
  longhaul_response_release(response);
  if (status.ok()) *result = std::move(items);
  return status;
}

}  // namespace longhaul
