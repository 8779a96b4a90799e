// Admin calls about consumer groups.
#include <algorithm>
#include <string>
#include <utility>

#include "contract/contract.generated.h"
#include "kafka/admin_call.h"
#include "kafka/kafka_status.h"

namespace longhaul {
namespace {

// All brokers are asked. A dead broker does not answer; the answers of the others are then used.
constexpr int32_t kListMs = 3'000;

Value MemberValue(const rd_kafka_group_member_info& member) {
  return Value::Object{{"memberId", member.member_id},
                       {"clientId", member.client_id},
                       {"host", member.client_host}};
}

Value GroupValue(const std::string& name, const rd_kafka_group_list* found) {
  Value::Object item{{"name", name}};
  // If no broker lists the group, it does not exist.
  if (found == nullptr || found->group_cnt == 0) {
    AppendItemStatus(&item, 0, "");
    item.push_back({"state", "Dead"});
    item.push_back({"members", Value::Array{}});
    return item;
  }
  const rd_kafka_group_info& group = found->groups[0];
  AppendItemStatus(&item, group.err, group.err == 0 ? "" : rd_kafka_err2str(group.err));
  item.push_back({"state", group.state});
  Value::Array members;
  for (int i = 0; i < group.member_cnt; i++) members.push_back(MemberValue(group.members[i]));
  item.push_back({"members", std::move(members)});
  return item;
}

}  // namespace

// Does not use rd_kafka_DescribeConsumerGroups: if the connection of the coordinator ends while the
// request is sent, librdkafka uses the request after it was freed, and aborts the process (its
// issue 4605).
Status DescribeGroups(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  const Value::Array& wanted = reader.Array("names");
  if (!reader.error().empty()) return Status::Error(kErrorInvalidArgument, reader.error());
  Value::Array items;
  for (const Value& value : wanted) {
    const std::string* name = value.AsString();
    if (name == nullptr || name->empty())
      return Status::Error(kErrorInvalidArgument, "describeGroups: names must be names of groups");
    if (Status probe = call.Probe(); !probe.ok()) return probe;
    const rd_kafka_group_list* found = nullptr;
    const rd_kafka_resp_err_t error = rd_kafka_list_groups(
        call.client(), name->c_str(), &found, std::clamp(call.remaining_ms(), 1, kListMs));
    GroupListHandle groups(found);
    const bool is_partial = error == RD_KAFKA_RESP_ERR__PARTIAL && found->group_cnt > 0;
    if (error != 0 && !is_partial) return StatusOf(error, "describeGroups");
    items.push_back(GroupValue(*name, found));
  }
  *result = std::move(items);
  return Status::Ok();
}

}  // namespace longhaul
