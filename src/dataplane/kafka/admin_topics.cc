// Admin calls about the cluster, its topics and their partitions.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "contract/contract.generated.h"
#include "kafka/admin_call.h"

namespace longhaul {
namespace {

using ErrorText = std::array<char, 512>;

// Instead of a broker id: librdkafka asks the broker that metadata names as the controller.
constexpr int32_t kController = -1;

Status Refused(const ValueReader& reader, const char* call) {
  return Status::Error(kErrorInvalidArgument, std::string(call) + ": " + reader.error());
}

Value NodeId(const rd_kafka_Node_t* node) {
  return Value::Int32(node == nullptr ? -1 : rd_kafka_Node_id(node));
}

Value NodeIds(const rd_kafka_Node_t** nodes, size_t count) {
  Value::Array ids;
  ids.reserve(count);
  for (size_t i = 0; i < count; i++) ids.push_back(NodeId(nodes[i]));
  return ids;
}

Value PartitionValue(const rd_kafka_TopicPartitionInfo_t* partition) {
  size_t replica_count = 0;
  size_t isr_count = 0;
  const rd_kafka_Node_t** replicas =
      rd_kafka_TopicPartitionInfo_replicas(partition, &replica_count);
  const rd_kafka_Node_t** isr = rd_kafka_TopicPartitionInfo_isr(partition, &isr_count);
  return Value::Object{
      {"partition", Value::Int32(rd_kafka_TopicPartitionInfo_partition(partition))},
      {"leader", NodeId(rd_kafka_TopicPartitionInfo_leader(partition))},
      {"replicas", NodeIds(replicas, replica_count)},
      {"isr", NodeIds(isr, isr_count)}};
}

// The id as Kafka prints it, or null if the broker has none (before 2.8), which is 16 zero bytes.
Value TopicId(const rd_kafka_TopicDescription_t* topic) {
  const rd_kafka_Uuid_t* id = rd_kafka_TopicDescription_topic_id(topic);
  if (id == nullptr || (rd_kafka_Uuid_least_significant_bits(id) == 0 &&
                        rd_kafka_Uuid_most_significant_bits(id) == 0)) {
    return Value();
  }
  // librdkafka writes standard base64, Kafka the URL-safe variant.
  std::string text = rd_kafka_Uuid_base64str(id);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

// KIP-430. Absent if the call did not ask for them, or the broker does not know the request.
void AppendOperations(Value::Object* item, const rd_kafka_AclOperation_t* operations,
                      size_t count) {
  if (operations == nullptr) return;
  Value::Array names;
  for (size_t i = 0; i < count; i++)
    names.push_back(Value(rd_kafka_AclOperation_name(operations[i])));
  item->push_back({"operations", std::move(names)});
}

Status IncludeOperations(rd_kafka_AdminOptions_t* options, bool wanted) {
  if (!wanted) return Status::Ok();
  ErrorHandle error(rd_kafka_AdminOptions_set_include_authorized_operations(options, 1));
  return error == nullptr ? Status::Ok()
                          : Status::Error(rd_kafka_error_code(error.get()),
                                          rd_kafka_error_string(error.get()));
}

Value TopicValue(const rd_kafka_TopicDescription_t* topic) {
  Value::Object item{{"name", rd_kafka_TopicDescription_name(topic)}};
  const rd_kafka_error_t* error = rd_kafka_TopicDescription_error(topic);
  AppendItemStatus(&item, error == nullptr ? 0 : rd_kafka_error_code(error),
                   error == nullptr ? nullptr : rd_kafka_error_string(error));
  size_t count = 0;
  const rd_kafka_TopicPartitionInfo_t** partitions =
      rd_kafka_TopicDescription_partitions(topic, &count);
  Value::Array values;
  values.reserve(count);
  for (size_t i = 0; i < count; i++) values.push_back(PartitionValue(partitions[i]));
  item.push_back({"topicId", TopicId(topic)});
  item.push_back({"internal", rd_kafka_TopicDescription_is_internal(topic) != 0});
  item.push_back({"partitions", std::move(values)});
  size_t operation_count = 0;
  const auto* operations =
      rd_kafka_TopicDescription_authorized_operations(topic, &operation_count);
  AppendOperations(&item, operations, operation_count);
  return item;
}

Value TopicResults(const rd_kafka_topic_result_t** topics, size_t count) {
  Value::Array items;
  items.reserve(count);
  for (size_t i = 0; i < count; i++) {
    Value::Object item{{"name", rd_kafka_topic_result_name(topics[i])}};
    AppendItemStatus(&item, rd_kafka_topic_result_error(topics[i]),
                     rd_kafka_topic_result_error_string(topics[i]));
    items.push_back(std::move(item));
  }
  return items;
}

// The broker waits until the change has reached the cluster, but answers before our time limit.
Status SetOperationTimeout(AdminCall& call, rd_kafka_AdminOptions_t* options) {
  ErrorText text{};
  int timeout_ms = std::max(1, call.remaining_ms() * 9 / 10);
  rd_kafka_resp_err_t code =
      rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, text.data(), text.size());
  return code == 0 ? Status::Ok() : Status::Error(code, text.data());
}

Status SetValidateOnly(rd_kafka_AdminOptions_t* options, bool validate_only) {
  ErrorText text{};
  rd_kafka_resp_err_t code =
      rd_kafka_AdminOptions_set_validate_only(options, validate_only, text.data(), text.size());
  return code == 0 ? Status::Ok() : Status::Error(code, text.data());
}

Status ReadNewTopic(const Value& argument, NewTopicHandle* out) {
  ValueReader reader(argument);
  std::string name = reader.String("name");
  int32_t partitions = reader.Int32("partitions");
  int32_t replication_factor = reader.Int32("replicationFactor");
  const Value::Array& configs = reader.Array("configs");
  if (!reader.error().empty()) return Refused(reader, "createTopics");
  ErrorText text{};
  out->reset(rd_kafka_NewTopic_new(name.c_str(), partitions, replication_factor, text.data(),
                                   text.size()));
  if (*out == nullptr) return Status::Error(kErrorInvalidArgument, name + ": " + text.data());
  for (const Value& config : configs) {
    ValueReader entry(config);
    std::string key = entry.String("name");
    std::string value = entry.String("value");
    if (!entry.error().empty()) return Refused(entry, "createTopics configs");
    rd_kafka_resp_err_t code = rd_kafka_NewTopic_set_config(out->get(), key.c_str(), value.c_str());
    if (code != 0) return Status::Error(code, name + ": " + key + " is not accepted");
  }
  return Status::Ok();
}

}  // namespace

Status DescribeCluster(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  const int32_t broker = reader.OptionalInt32("broker", kController);
  const bool with_operations = reader.OptionalBool("withOperations", false);
  if (!reader.error().empty()) return Refused(reader, "describeCluster");
  EventHandle event;
  Status status = call.Ask(
      RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER,
      [&](rd_kafka_AdminOptions_t* options) {
        if (broker != kController) {
          ErrorText text{};
          auto code =
              rd_kafka_AdminOptions_set_broker(options, broker, text.data(), text.size());
          if (code != 0) return Status::Error(code, text.data());
        }
        if (Status included = IncludeOperations(options, with_operations); !included.ok())
          return included;
        rd_kafka_DescribeCluster(call.client(), options, call.queue());
        return Status::Ok();
      },
      &event);
  if (!status.ok()) return status;
  const auto* described = rd_kafka_event_DescribeCluster_result(event.get());
  size_t count = 0;
  const rd_kafka_Node_t** nodes = rd_kafka_DescribeCluster_result_nodes(described, &count);
  Value::Array brokers;
  for (size_t i = 0; i < count; i++) {
    brokers.push_back(Value::Object{{"id", NodeId(nodes[i])},
                                    {"host", rd_kafka_Node_host(nodes[i])},
                                    {"port", Value::Int32(rd_kafka_Node_port(nodes[i]))},
                                    {"rack", rd_kafka_Node_rack(nodes[i])}});
  }
  size_t operation_count = 0;
  const auto* operations =
      rd_kafka_DescribeCluster_result_authorized_operations(described, &operation_count);
  Value::Object cluster{
      {"clusterId", rd_kafka_DescribeCluster_result_cluster_id(described)},
      {"controller", NodeId(rd_kafka_DescribeCluster_result_controller(described))},
      {"brokers", std::move(brokers)}};
  AppendOperations(&cluster, operations, operation_count);
  *result = std::move(cluster);
  return Status::Ok();
}

Status ListTopics(AdminCall& call, const Value&, Value* result) {
  const rd_kafka_metadata_t* found = nullptr;
  Status status = call.InSlices("listTopics", [&](int timeout_ms, std::string* detail) {
    rd_kafka_resp_err_t code = rd_kafka_metadata(call.client(), 1, nullptr, &found, timeout_ms);
    *detail = rd_kafka_err2str(code);
    return code;
  });
  MetadataHandle metadata(found);
  if (!status.ok()) return status;
  Value::Array topics;
  topics.reserve(static_cast<size_t>(metadata->topic_cnt));
  for (int i = 0; i < metadata->topic_cnt; i++) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
    Value::Object item{{"name", topic.topic}};
    AppendItemStatus(&item, topic.err, rd_kafka_err2str(topic.err));
    item.push_back({"partitionCount", Value::Int32(topic.partition_cnt)});
    topics.push_back(std::move(item));
  }
  *result = std::move(topics);
  return Status::Ok();
}

Status DescribeTopics(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  std::vector<const char*> names;
  for (const Value& name : reader.Array("names")) {
    const std::string* text = name.AsString();
    if (text == nullptr || text->find('\0') != std::string::npos) {
      return Status::Error(kErrorInvalidArgument, "describeTopics: names must be strings");
    }
    names.push_back(text->c_str());
  }
  const bool with_operations = reader.OptionalBool("withOperations", false);
  if (!reader.error().empty()) return Refused(reader, "describeTopics");
  TopicCollectionHandle topics(rd_kafka_TopicCollection_of_topic_names(names.data(), names.size()));
  EventHandle event;
  Status status = call.Ask(
      RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
      [&](rd_kafka_AdminOptions_t* options) {
        if (Status included = IncludeOperations(options, with_operations); !included.ok())
          return included;
        rd_kafka_DescribeTopics(call.client(), topics.get(), options, call.queue());
        return Status::Ok();
      },
      &event);
  if (!status.ok()) return status;
  size_t count = 0;
  const rd_kafka_TopicDescription_t** described = rd_kafka_DescribeTopics_result_topics(
      rd_kafka_event_DescribeTopics_result(event.get()), &count);
  Value::Array items;
  items.reserve(count);
  for (size_t i = 0; i < count; i++) items.push_back(TopicValue(described[i]));
  *result = std::move(items);
  return Status::Ok();
}

Status CreateTopics(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  const Value::Array& wanted = reader.Array("topics");
  bool validate_only = reader.Bool("validateOnly");
  if (!reader.error().empty()) return Refused(reader, "createTopics");
  std::vector<NewTopicHandle> topics(wanted.size());
  for (size_t i = 0; i < wanted.size(); i++) {
    if (Status status = ReadNewTopic(wanted[i], &topics[i]); !status.ok()) return status;
  }
  if (Status status = call.Probe(); !status.ok()) return status;
  AdminOptionsHandle options = call.NewOptions(RD_KAFKA_ADMIN_OP_CREATETOPICS);
  if (Status status = SetOperationTimeout(call, options.get()); !status.ok()) return status;
  if (Status status = SetValidateOnly(options.get(), validate_only); !status.ok()) return status;
  auto raw = RawPointers(topics);
  rd_kafka_CreateTopics(call.client(), raw.data(), raw.size(), options.get(), call.queue());
  EventHandle event;
  if (Status status = call.Await(&event); !status.ok()) return status;
  size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  *result = TopicResults(results, count);
  return Status::Ok();
}

Status CreatePartitions(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  const Value::Array& wanted = reader.Array("topics");
  bool validate_only = reader.Bool("validateOnly");
  if (!reader.error().empty()) return Refused(reader, "createPartitions");
  std::vector<NewPartitionsHandle> topics;
  for (const Value& topic : wanted) {
    ValueReader item(topic);
    std::string name = item.String("name");
    int32_t partitions = item.Int32("partitions");
    if (!item.error().empty()) return Refused(item, "createPartitions");
    ErrorText text{};
    topics.emplace_back(rd_kafka_NewPartitions_new(
        name.c_str(), static_cast<size_t>(std::max(0, partitions)), text.data(), text.size()));
    if (topics.back() == nullptr) {
      return Status::Error(kErrorInvalidArgument, name + ": " + text.data());
    }
  }
  if (Status status = call.Probe(); !status.ok()) return status;
  AdminOptionsHandle options = call.NewOptions(RD_KAFKA_ADMIN_OP_CREATEPARTITIONS);
  if (Status status = SetOperationTimeout(call, options.get()); !status.ok()) return status;
  if (Status status = SetValidateOnly(options.get(), validate_only); !status.ok()) return status;
  auto raw = RawPointers(topics);
  rd_kafka_CreatePartitions(call.client(), raw.data(), raw.size(), options.get(), call.queue());
  EventHandle event;
  if (Status status = call.Await(&event); !status.ok()) return status;
  size_t count = 0;
  const rd_kafka_topic_result_t** results = rd_kafka_CreatePartitions_result_topics(
      rd_kafka_event_CreatePartitions_result(event.get()), &count);
  *result = TopicResults(results, count);
  return Status::Ok();
}

Status DeleteTopics(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  std::vector<DeleteTopicHandle> topics;
  for (const Value& name : reader.Array("names")) {
    const std::string* text = name.AsString();
    if (text == nullptr || text->empty() || text->find('\0') != std::string::npos) {
      return Status::Error(kErrorInvalidArgument, "deleteTopics: names must be strings");
    }
    topics.emplace_back(rd_kafka_DeleteTopic_new(text->c_str()));
  }
  if (!reader.error().empty()) return Refused(reader, "deleteTopics");
  if (Status status = call.Probe(); !status.ok()) return status;
  AdminOptionsHandle options = call.NewOptions(RD_KAFKA_ADMIN_OP_DELETETOPICS);
  if (Status status = SetOperationTimeout(call, options.get()); !status.ok()) return status;
  auto raw = RawPointers(topics);
  rd_kafka_DeleteTopics(call.client(), raw.data(), raw.size(), options.get(), call.queue());
  EventHandle event;
  if (Status status = call.Await(&event); !status.ok()) return status;
  size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
  *result = TopicResults(results, count);
  return Status::Ok();
}

}  // namespace longhaul
