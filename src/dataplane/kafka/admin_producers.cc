// The admin call about producers (KIP-664). librdkafka has no such request, so it is sent as bytes.
#include <string>
#include <utility>
#include <vector>

#include "contract/contract.generated.h"
#include "core/protocol/describe_producers.h"
#include "kafka/admin_call.h"
#include "kafka/broker_answer.h"
#include "kafka/kafka_status.h"

namespace longhaul {
namespace {

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
  AppendItemStatus(&item, partition.error, ErrorText(partition.error));
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
  std::vector<NamedPartition> partitions;
  for (const auto& [topic, partition] : names) partitions.push_back({topic, partition});
  BrokerAnswer answer;
  Status status = AskBroker(
      call, "describeProducers", node, kDescribeProducersApi,
      [&](int16_t, EncodedRequest* request) { EncodeDescribeProducers(partitions, request); },
      &answer);
  if (!status.ok()) return status;
  std::vector<PartitionProducers> described;
  status = ParseDescribeProducers(answer.data(), answer.size(), &described);
  if (!status.ok()) return status;
  Value::Array items;
  for (const PartitionProducers& partition : described) items.push_back(ProducersValue(partition));
  *result = std::move(items);
  return Status::Ok();
}

}  // namespace longhaul
