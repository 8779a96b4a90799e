// Admin calls about the ACLs of topics. ACLs of groups, transactional ids and clusters are not
// read.
#include <string>
#include <utility>
#include <vector>

#include "contract/contract.generated.h"
#include "kafka/admin_call.h"

namespace longhaul {
namespace {

Status Refused(std::string detail) {
  return Status::Error(kErrorInvalidArgument, std::move(detail));
}

// The value of an enumeration of librdkafka with this name in librdkafka; 0 is UNKNOWN.
template <typename Enum>
Enum FromName(const std::string& name, int end, const char* (*name_of)(Enum)) {
  for (int i = 1; i < end; i++) {
    if (name == name_of(static_cast<Enum>(i))) return static_cast<Enum>(i);
  }
  return static_cast<Enum>(0);
}

using NewBinding = rd_kafka_AclBinding_t* (*)(rd_kafka_ResourceType_t, const char*,
                                              rd_kafka_ResourcePatternType_t, const char*,
                                              const char*, rd_kafka_AclOperation_t,
                                              rd_kafka_AclPermissionType_t, char*, size_t);

// An ACL to create, or the filter that matches exactly this ACL.
Status ReadAcl(const Value& argument, NewBinding create, AclBindingHandle* out) {
  ValueReader reader(argument);
  std::string name = reader.String("name");
  std::string pattern = reader.String("pattern");
  std::string principal = reader.String("principal");
  std::string host = reader.String("host");
  std::string operation = reader.String("operation");
  std::string permission = reader.String("permission");
  if (!reader.error().empty()) return Refused("acl: " + reader.error());
  char text[512] = "";
  out->reset(create(RD_KAFKA_RESOURCE_TOPIC, name.c_str(),
                    FromName(pattern, RD_KAFKA_RESOURCE_PATTERN_TYPE__CNT,
                             rd_kafka_ResourcePatternType_name),
                    principal.c_str(), host.c_str(),
                    FromName(operation, RD_KAFKA_ACL_OPERATION__CNT, rd_kafka_AclOperation_name),
                    FromName(permission, RD_KAFKA_ACL_PERMISSION_TYPE__CNT,
                             rd_kafka_AclPermissionType_name),
                    text, sizeof(text)));
  return *out != nullptr ? Status::Ok() : Refused("acl of " + name + ": " + text);
}

Status ReadAcls(const Value& arguments, NewBinding create, std::vector<AclBindingHandle>* out) {
  ValueReader reader(arguments);
  for (const Value& argument : reader.Array("acls")) {
    if (Status status = ReadAcl(argument, create, &out->emplace_back()); !status.ok())
      return status;
  }
  return reader.error().empty() ? Status::Ok() : Refused("acls: " + reader.error());
}

Value ErrorValue(const rd_kafka_error_t* error) {
  Value::Object item;
  AppendItemStatus(&item, error == nullptr ? 0 : rd_kafka_error_code(error),
                   error == nullptr ? "" : rd_kafka_error_string(error));
  return item;
}

Value AclValue(const rd_kafka_AclBinding_t* acl) {
  return Value::Object{
      {"name", rd_kafka_AclBinding_name(acl)},
      {"pattern",
       rd_kafka_ResourcePatternType_name(rd_kafka_AclBinding_resource_pattern_type(acl))},
      {"principal", rd_kafka_AclBinding_principal(acl)},
      {"host", rd_kafka_AclBinding_host(acl)},
      {"operation", rd_kafka_AclOperation_name(rd_kafka_AclBinding_operation(acl))},
      {"permission", rd_kafka_AclPermissionType_name(rd_kafka_AclBinding_permission_type(acl))}};
}

}  // namespace

// If the cluster refuses the request (no authorizer, no permission), the call fails. Without
// .ci/setup/librdkafka-mends.mjs librdkafka would hide that error.
Status DescribeTopicAcls(AdminCall& call, const Value&, Value* result) {
  char text[512] = "";
  AclBindingHandle filter(rd_kafka_AclBindingFilter_new(
      RD_KAFKA_RESOURCE_TOPIC, nullptr, RD_KAFKA_RESOURCE_PATTERN_ANY, nullptr, nullptr,
      RD_KAFKA_ACL_OPERATION_ANY, RD_KAFKA_ACL_PERMISSION_TYPE_ANY, text, sizeof(text)));
  if (filter == nullptr) return Refused(std::string("describeTopicAcls: ") + text);
  EventHandle event;
  Status status = call.Ask(
      RD_KAFKA_ADMIN_OP_DESCRIBEACLS,
      [&](rd_kafka_AdminOptions_t* options) {
        rd_kafka_DescribeAcls(call.client(), filter.get(), options, call.queue());
        return Status::Ok();
      },
      &event);
  if (!status.ok()) return status;
  size_t count = 0;
  const rd_kafka_AclBinding_t** acls =
      rd_kafka_DescribeAcls_result_acls(rd_kafka_event_DescribeAcls_result(event.get()), &count);
  Value::Array items;
  items.reserve(count);
  for (size_t i = 0; i < count; i++) items.push_back(AclValue(acls[i]));
  *result = std::move(items);
  return Status::Ok();
}

Status CreateTopicAcls(AdminCall& call, const Value& arguments, Value* result) {
  std::vector<AclBindingHandle> acls;
  if (Status status = ReadAcls(arguments, rd_kafka_AclBinding_new, &acls); !status.ok())
    return status;
  if (Status status = call.Probe(); !status.ok()) return status;
  AdminOptionsHandle options = call.NewOptions(RD_KAFKA_ADMIN_OP_CREATEACLS);
  auto raw = RawPointers(acls);
  rd_kafka_CreateAcls(call.client(), raw.data(), raw.size(), options.get(), call.queue());
  EventHandle event;
  if (Status status = call.Await(&event); !status.ok()) return status;
  size_t count = 0;
  const rd_kafka_acl_result_t** created =
      rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event.get()), &count);
  Value::Array items;
  for (size_t i = 0; i < count; i++)
    items.push_back(ErrorValue(rd_kafka_acl_result_error(created[i])));
  *result = std::move(items);
  return Status::Ok();
}

Status DeleteTopicAcls(AdminCall& call, const Value& arguments, Value* result) {
  std::vector<AclBindingHandle> acls;
  if (Status status = ReadAcls(arguments, rd_kafka_AclBindingFilter_new, &acls); !status.ok())
    return status;
  if (Status status = call.Probe(); !status.ok()) return status;
  AdminOptionsHandle options = call.NewOptions(RD_KAFKA_ADMIN_OP_DELETEACLS);
  auto raw = RawPointers(acls);
  rd_kafka_DeleteAcls(call.client(), raw.data(), raw.size(), options.get(), call.queue());
  EventHandle event;
  if (Status status = call.Await(&event); !status.ok()) return status;
  size_t count = 0;
  const rd_kafka_DeleteAcls_result_response_t** deleted = rd_kafka_DeleteAcls_result_responses(
      rd_kafka_event_DeleteAcls_result(event.get()), &count);
  Value::Array items;
  for (size_t i = 0; i < count; i++)
    items.push_back(ErrorValue(rd_kafka_DeleteAcls_result_response_error(deleted[i])));
  *result = std::move(items);
  return Status::Ok();
}

}  // namespace longhaul
