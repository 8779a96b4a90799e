#include "binding/forwarder_arguments.h"

#include <string>
#include <utility>

#include "core/topic_id.h"

namespace longhaul {

Status ReadAssignment(const Value& from, PartitionAssignment* to) {
  ValueReader reader(from);
  to->id = static_cast<uint32_t>(reader.Int32("id"));
  to->topic = reader.String("topic");
  to->remote_topic = reader.String("remoteTopic");
  to->partition = reader.Int32("partition");
  to->progress.upstream = reader.Int64("upstream");
  to->progress.downstream = reader.Int64("downstream");
  to->progress.sequence = reader.Int32("sequence");
  to->progress.leader_epoch = reader.Int32("leaderEpoch");
  if (from.Find("scanFrom") != nullptr) to->scan_from = reader.Int64("scanFrom");
  if (from.Find("batching") != nullptr) {
    const int32_t batching = reader.Int32("batching");
    if (batching < 0 || batching >= static_cast<int32_t>(kBatchingCount))
      return Status::Error(kErrorInvalidArgument, "batching must be an index of batchings");
    to->batching = static_cast<Batching>(batching);
  }
  const std::pair<const char*, TopicId*> ids[] = {{"topicId", &to->topic_id},
                                                  {"remoteTopicId", &to->remote_topic_id}};
  for (const auto& [name, id] : ids)
    if (from.Find(name) != nullptr && !ParseTopicId(reader.String(name), id))
      return Status::Error(kErrorInvalidArgument,
                           std::string(name) + " must be the text of a topic id");
  if (!reader.error().empty()) return Status::Error(kErrorInvalidArgument, reader.error());
  if (to->progress.upstream < 0 || to->progress.downstream < 0 || to->progress.sequence < 0)
    return Status::Error(kErrorInvalidArgument, "offsets and sequence must not be negative");
  return Status::Ok();
}

Status ReadProducers(const Value& from, ProducersAnswer* to) {
  ValueReader reader(from);
  to->question = reader.Int64("question");
  const Value* list = from.Find("inbound");
  if (list == nullptr || list->AsArray() == nullptr)
    return Status::Error(kErrorInvalidArgument, "inbound must be an array");
  for (const Value& each : *list->AsArray()) {
    ValueReader producer(each);
    to->inbound.push_back({producer.Int64("producerId"), producer.Bool("isLeftOut")});
    if (!producer.error().empty()) return Status::Error(kErrorInvalidArgument, producer.error());
  }
  if (!reader.error().empty()) return Status::Error(kErrorInvalidArgument, reader.error());
  return Status::Ok();
}

Status ReadTopicRates(const Value& from, std::vector<TopicRate>* to) {
  if (from.AsArray() == nullptr)
    return Status::Error(kErrorInvalidArgument, "topics must be an array");
  for (const Value& each : *from.AsArray()) {
    ValueReader reader(each);
    to->emplace_back(reader.String("topic"), reader.Int64("bytesPerSecond"));
    if (!reader.error().empty()) return Status::Error(kErrorInvalidArgument, reader.error());
    if (to->back().second <= 0)
      return Status::Error(kErrorInvalidArgument, "bytesPerSecond of a topic must be positive");
  }
  return Status::Ok();
}

}  // namespace longhaul
