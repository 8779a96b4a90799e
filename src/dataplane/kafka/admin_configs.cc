// Admin calls about the configuration of topics and brokers.
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

struct ResourceKind {
  const char* name;
  rd_kafka_ResourceType_t type;
};

constexpr ResourceKind kResourceKinds[] = {{"topic", RD_KAFKA_RESOURCE_TOPIC},
                                           {"broker", RD_KAFKA_RESOURCE_BROKER}};

const char* KindName(rd_kafka_ResourceType_t type) {
  for (const ResourceKind& kind : kResourceKinds) {
    if (kind.type == type) return kind.name;
  }
  return "unknown";
}

Status ReadResource(ValueReader& reader, ConfigResourceHandle* out) {
  std::string type = reader.String("type");
  std::string name = reader.String("name");
  if (!reader.error().empty()) return Refused("config resource: " + reader.error());
  for (const ResourceKind& kind : kResourceKinds) {
    if (type != kind.name) continue;
    out->reset(rd_kafka_ConfigResource_new(kind.type, name.c_str()));
    return *out != nullptr ? Status::Ok() : Refused("config resource: name must not be empty");
  }
  return Refused("config resource: type must be topic or broker, not " + type);
}

struct AlterKind {
  const char* name;
  rd_kafka_AlterConfigOpType_t type;
};

constexpr AlterKind kAlterKinds[] = {{"set", RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET},
                                     {"delete", RD_KAFKA_ALTER_CONFIG_OP_TYPE_DELETE},
                                     {"append", RD_KAFKA_ALTER_CONFIG_OP_TYPE_APPEND},
                                     {"subtract", RD_KAFKA_ALTER_CONFIG_OP_TYPE_SUBTRACT}};

Status AddChange(const Value& change, rd_kafka_ConfigResource_t* resource) {
  ValueReader reader(change);
  std::string operation = reader.String("operation");
  std::string name = reader.String("name");
  Value value = reader.OptionalString("value");
  if (!reader.error().empty()) return Refused("config change: " + reader.error());
  for (const AlterKind& kind : kAlterKinds) {
    if (operation != kind.name) continue;
    ErrorHandle error(rd_kafka_ConfigResource_add_incremental_config(
        resource, name.c_str(), kind.type, value.is_null() ? nullptr : value.AsString()->c_str()));
    return error == nullptr ? Status::Ok()
                            : Refused(name + ": " + rd_kafka_error_string(error.get()));
  }
  return Refused("config change: operation must be set, delete, append or subtract, not " +
                 operation);
}

// Kafka's names for the source of a value. "topic": the value is set on this topic.
const char* SourceName(rd_kafka_ConfigSource_t source) {
  switch (source) {
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG:
      return "DYNAMIC_TOPIC_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_BROKER_CONFIG:
      return "DYNAMIC_BROKER_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER_CONFIG:
      return "DYNAMIC_DEFAULT_BROKER_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_STATIC_BROKER_CONFIG:
      return "STATIC_BROKER_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_DEFAULT_CONFIG:
      return "DEFAULT_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_GROUP_CONFIG:
      return "GROUP_CONFIG";
    default:
      return "UNKNOWN_CONFIG";
  }
}

Value EntryValue(const rd_kafka_ConfigEntry_t* entry) {
  return Value::Object{{"name", rd_kafka_ConfigEntry_name(entry)},
                       {"value", rd_kafka_ConfigEntry_value(entry)},
                       {"source", SourceName(rd_kafka_ConfigEntry_source(entry))},
                       {"readOnly", rd_kafka_ConfigEntry_is_read_only(entry) == 1},
                       {"sensitive", rd_kafka_ConfigEntry_is_sensitive(entry) == 1}};
}

Value ResourceValues(const rd_kafka_ConfigResource_t** resources, size_t count, bool entries) {
  Value::Array items;
  items.reserve(count);
  for (size_t i = 0; i < count; i++) {
    Value::Object item{{"type", KindName(rd_kafka_ConfigResource_type(resources[i]))},
                       {"name", rd_kafka_ConfigResource_name(resources[i])}};
    AppendItemStatus(&item, rd_kafka_ConfigResource_error(resources[i]),
                     rd_kafka_ConfigResource_error_string(resources[i]));
    if (entries) {
      size_t entry_count = 0;
      const rd_kafka_ConfigEntry_t** configs =
          rd_kafka_ConfigResource_configs(resources[i], &entry_count);
      Value::Array values;
      values.reserve(entry_count);
      for (size_t j = 0; j < entry_count; j++) values.push_back(EntryValue(configs[j]));
      item.push_back({"entries", std::move(values)});
    }
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace

Status DescribeConfigs(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  std::vector<ConfigResourceHandle> resources;
  for (const Value& argument : reader.Array("resources")) {
    ValueReader item(argument);
    if (Status status = ReadResource(item, &resources.emplace_back()); !status.ok()) return status;
  }
  if (!reader.error().empty()) return Refused("describeConfigs: " + reader.error());
  auto raw = RawPointers(resources);
  EventHandle event;
  Status status = call.Ask(
      RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS,
      [&](rd_kafka_AdminOptions_t* options) {
        rd_kafka_DescribeConfigs(call.client(), raw.data(), raw.size(), options, call.queue());
        return Status::Ok();
      },
      &event);
  if (!status.ok()) return status;
  size_t count = 0;
  const rd_kafka_ConfigResource_t** described = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  *result = ResourceValues(described, count, true);
  return Status::Ok();
}

Status IncrementalAlterConfigs(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  const Value::Array& wanted = reader.Array("resources");
  bool validate_only = reader.Bool("validateOnly");
  if (!reader.error().empty()) return Refused("incrementalAlterConfigs: " + reader.error());
  std::vector<ConfigResourceHandle> resources;
  for (const Value& argument : wanted) {
    ValueReader item(argument);
    ConfigResourceHandle& resource = resources.emplace_back();
    if (Status status = ReadResource(item, &resource); !status.ok()) return status;
    const Value::Array& changes = item.Array("changes");
    if (!item.error().empty()) return Refused("incrementalAlterConfigs: " + item.error());
    for (const Value& change : changes) {
      if (Status status = AddChange(change, resource.get()); !status.ok()) return status;
    }
  }
  if (Status status = call.Probe(); !status.ok()) return status;
  AdminOptionsHandle options = call.NewOptions(RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS);
  char text[512] = "";
  rd_kafka_resp_err_t code =
      rd_kafka_AdminOptions_set_validate_only(options.get(), validate_only, text, sizeof(text));
  if (code != 0) return Status::Error(code, text);
  auto raw = RawPointers(resources);
  rd_kafka_IncrementalAlterConfigs(call.client(), raw.data(), raw.size(), options.get(),
                                   call.queue());
  EventHandle event;
  if (Status status = call.Await(&event); !status.ok()) return status;
  size_t count = 0;
  const rd_kafka_ConfigResource_t** altered = rd_kafka_IncrementalAlterConfigs_result_resources(
      rd_kafka_event_IncrementalAlterConfigs_result(event.get()), &count);
  *result = ResourceValues(altered, count, false);
  return Status::Ok();
}

}  // namespace longhaul
