// Admin calls about the committed offsets of consumer groups, each to one broker. They are sent as
// bytes, because librdkafka ends the process when a coordinator has moved: the broker answers
// OffsetFetch with NOT_COORDINATOR, and librdkafka then notifies the consumer group of the client,
// which has none.
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "contract/contract.generated.h"
#include "core/protocol/groups.h"
#include "kafka/admin_call.h"
#include "kafka/broker_answer.h"
#include "kafka/kafka_status.h"

namespace longhaul {
namespace {

Status Refused(const char* call, const std::string& error) {
  return Status::Error(kErrorInvalidArgument, std::string(call) + ": " + error);
}

void AppendError(Value::Object* item, int16_t error) {
  AppendItemStatus(item, error, ErrorText(error));
}

Status ReadGroups(const char* call, const Value& arguments, int32_t* node,
                  std::vector<std::string_view>* out) {
  ValueReader reader(arguments);
  *node = reader.Int32("node");
  for (const Value& value : reader.Array("groups")) {
    const std::string* name = value.AsString();
    if (name == nullptr || name->empty()) return Refused(call, "groups must be names of groups");
    out->push_back(*name);
  }
  if (!reader.error().empty()) return Refused(call, reader.error());
  return out->empty() ? Refused(call, "groups must not be empty") : Status::Ok();
}

// Asks the broker that the arguments name about their groups: about many in one request, or about
// one after another if the broker does not support that. Results point into `arguments` and
// `answers`.
template <typename Item, typename Encode, typename Parse>
Status AskAboutGroups(AdminCall& call, const char* name, const Value& arguments, const Api& api,
                      Encode encode, Parse parse, std::deque<BrokerAnswer>* answers,
                      std::vector<Item>* out) {
  int32_t node = -1;
  std::vector<std::string_view> groups;
  if (Status status = ReadGroups(name, arguments, &node, &groups); !status.ok()) return status;
  int16_t version = -1;
  if (Status status = Connect(call, name, node, api, &version); !status.ok()) return status;
  const size_t group_count = version == api.max ? groups.size() : 1;
  for (size_t first = 0; first < groups.size(); first += group_count) {
    const std::vector<std::string_view> asked(groups.begin() + static_cast<ptrdiff_t>(first),
                                              groups.begin() +
                                                  static_cast<ptrdiff_t>(first + group_count));
    BrokerAnswer& answer = answers->emplace_back();
    Status status = AskBroker(
        call, name, node, api,
        [&](int16_t, EncodedRequest* request) { encode(asked, version, request); }, &answer);
    if (!status.ok()) return status;
    const size_t known = out->size();
    status = parse(answer.data(), answer.size(), version, out);
    if (!status.ok()) return status;
    if (group_count == 1 && out->size() > known) out->back().group = asked.front();
  }
  return Status::Ok();
}

Value OffsetsValue(const GroupOffsets& group) {
  Value::Array offsets;
  for (const CommittedOffset& committed : group.offsets)
    offsets.push_back(Value::Object{{"topic", committed.topic},
                                    {"partition", Value::Int32(committed.partition)},
                                    {"offset", Value::Int64(committed.offset)},
                                    {"metadata", committed.metadata}});
  Value::Object item{{"name", group.group}, {"offsets", std::move(offsets)}};
  AppendError(&item, group.error);
  return item;
}

}  // namespace

Status FindCoordinators(AdminCall& call, const Value& arguments, Value* result) {
  std::vector<Coordinator> found;
  std::deque<BrokerAnswer> answers;
  Status status = AskAboutGroups(call, "findCoordinators", arguments, kFindCoordinatorApi,
                                 EncodeFindCoordinator, ParseFindCoordinator, &answers, &found);
  if (!status.ok()) return status;
  Value::Array items;
  for (const Coordinator& coordinator : found) {
    Value::Object item{{"name", coordinator.group}, {"node", Value::Int32(coordinator.node)}};
    AppendError(&item, coordinator.error);
    items.push_back(std::move(item));
  }
  *result = std::move(items);
  return Status::Ok();
}

Status ListGroups(AdminCall& call, const Value& arguments, Value* result) {
  constexpr const char* kName = "listGroups";
  ValueReader reader(arguments);
  const int32_t node = reader.Int32("node");
  if (!reader.error().empty()) return Refused(kName, reader.error());
  BrokerAnswer answer;
  Status status = AskBroker(call, kName, node, kListGroupsApi, EncodeListGroups, &answer);
  if (!status.ok()) return status;
  int16_t error = 0;
  std::vector<ListedGroup> listed;
  status = ParseListGroups(answer.data(), answer.size(), answer.version(), &error, &listed);
  if (!status.ok()) return status;
  if (error != 0)
    return StatusOf(error, std::string(kName) + ": broker " + std::to_string(node));
  Value::Array items;
  for (const ListedGroup& group : listed)
    items.push_back(Value::Object{{"name", group.name},
                                  {"protocolType", group.protocol_type},
                                  {"state", group.state},
                                  {"type", group.type}});
  *result = std::move(items);
  return Status::Ok();
}

Status ListGroupOffsets(AdminCall& call, const Value& arguments, Value* result) {
  std::vector<GroupOffsets> found;
  std::deque<BrokerAnswer> answers;
  Status status = AskAboutGroups(call, "listGroupOffsets", arguments, kOffsetFetchApi,
                                 EncodeOffsetFetch, ParseOffsetFetch, &answers, &found);
  if (!status.ok()) return status;
  Value::Array items;
  for (const GroupOffsets& group : found) items.push_back(OffsetsValue(group));
  *result = std::move(items);
  return Status::Ok();
}

Status CommitGroupOffsets(AdminCall& call, const Value& arguments, Value* result) {
  constexpr const char* kName = "commitGroupOffsets";
  ValueReader reader(arguments);
  const int32_t node = reader.Int32("node");
  const std::string group = reader.String("group");
  std::vector<std::string> texts;  // the views in `offsets` point into these
  const Value::Array& wanted = reader.Array("offsets");
  texts.reserve(2 * wanted.size());
  std::vector<CommittedOffset> offsets;
  for (const Value& argument : wanted) {
    ValueReader item(argument);
    const std::string& topic = texts.emplace_back(item.String("topic"));
    const std::string& metadata = texts.emplace_back(item.String("metadata"));
    offsets.push_back({topic, item.Int32("partition"), item.Int64("offset"), metadata});
    if (!item.error().empty()) return Refused(kName, item.error());
    if (offsets.back().offset < 0) return Refused(kName, "offset must be 0n or more");
  }
  if (!reader.error().empty()) return Refused(kName, reader.error());
  BrokerAnswer answer;
  Status status = AskBroker(
      call, kName, node, kOffsetCommitApi,
      [&](int16_t, EncodedRequest* request) { EncodeOffsetCommit(group, offsets, request); },
      &answer);
  if (!status.ok()) return status;
  std::vector<CommitResult> committed;
  status = ParseOffsetCommit(answer.data(), answer.size(), &committed);
  if (!status.ok()) return status;
  Value::Array items;
  for (const CommitResult& partition : committed) {
    Value::Object item{{"topic", partition.topic},
                       {"partition", Value::Int32(partition.partition)}};
    AppendError(&item, partition.error);
    items.push_back(std::move(item));
  }
  *result = std::move(items);
  return Status::Ok();
}

}  // namespace longhaul
