// Admin calls about consumer groups.
#include <string>
#include <utility>
#include <vector>

#include "contract/contract.generated.h"
#include "kafka/admin_call.h"

namespace longhaul {
namespace {

Value MemberValue(const rd_kafka_MemberDescription_t* member) {
  Value::Array partitions;
  const rd_kafka_MemberAssignment_t* assignment = rd_kafka_MemberDescription_assignment(member);
  const rd_kafka_topic_partition_list_t* assigned =
      assignment == nullptr ? nullptr : rd_kafka_MemberAssignment_partitions(assignment);
  for (int i = 0; assigned != nullptr && i < assigned->cnt; i++)
    partitions.push_back(
        Value::Object{{"topic", assigned->elems[i].topic},
                      {"partition", Value::Int32(assigned->elems[i].partition)}});
  return Value::Object{{"memberId", rd_kafka_MemberDescription_consumer_id(member)},
                       {"clientId", rd_kafka_MemberDescription_client_id(member)},
                       {"host", rd_kafka_MemberDescription_host(member)},
                       {"partitions", std::move(partitions)}};
}

Value GroupValue(const rd_kafka_ConsumerGroupDescription_t* group) {
  Value::Object item{{"name", rd_kafka_ConsumerGroupDescription_group_id(group)}};
  const rd_kafka_error_t* error = rd_kafka_ConsumerGroupDescription_error(group);
  AppendItemStatus(&item, rd_kafka_error_code(error), rd_kafka_error_string(error));
  item.push_back({"state", rd_kafka_consumer_group_state_name(
                               rd_kafka_ConsumerGroupDescription_state(group))});
  Value::Array members;
  for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(group); i++)
    members.push_back(MemberValue(rd_kafka_ConsumerGroupDescription_member(group, i)));
  item.push_back({"members", std::move(members)});
  return item;
}

}  // namespace

Status DescribeGroups(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  const Value::Array& wanted = reader.Array("names");
  std::vector<std::string> names;
  for (const Value& name : wanted)
    if (name.AsString() != nullptr && !name.AsString()->empty()) names.push_back(*name.AsString());
  if (!reader.error().empty() || names.size() != wanted.size())
    return Status::Error(kErrorInvalidArgument, "describeGroups: names must be names of groups");
  std::vector<const char*> raw;
  for (const std::string& name : names) raw.push_back(name.c_str());
  EventHandle event;
  Status status = call.Ask(
      RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
      [&](rd_kafka_AdminOptions_t* options) {
        rd_kafka_DescribeConsumerGroups(call.client(), raw.data(), raw.size(), options,
                                        call.queue());
        return Status::Ok();
      },
      &event);
  if (!status.ok()) return status;
  size_t count = 0;
  const auto* described = rd_kafka_event_DescribeConsumerGroups_result(event.get());
  const rd_kafka_ConsumerGroupDescription_t** groups =
      rd_kafka_DescribeConsumerGroups_result_groups(described, &count);
  Value::Array items;
  for (size_t i = 0; i < count; i++) items.push_back(GroupValue(groups[i]));
  *result = std::move(items);
  return Status::Ok();
}

}  // namespace longhaul
