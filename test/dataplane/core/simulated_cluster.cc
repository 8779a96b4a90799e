// Reads requests and writes responses with code that follows Kafka's JSON schemas and shares
// nothing with core/protocol/, so that an error there cannot hide itself.
#include "simulated_cluster.h"

#include <set>

#include "simulated_wire.h"

namespace longhaul::test {
namespace {

constexpr int16_t kUnknownTopicOrPartition = 3, kNotLeader = 6, kUnknownTopicId = 100;

// Topics with their partitions, and to the end of both structs; `each` answers behind the index.
template <typename Each>
void AnswerEach(In* in, Out* out, Each each) {
  const int64_t topics = in->Length();
  out->Length(topics);
  for (int64_t t = 0; t < topics; ++t) {
    const std::string topic = in->Text();
    const int64_t partitions = in->Length();
    out->Text(topic);
    out->Length(partitions);
    for (int64_t p = 0; p < partitions; ++p) {
      const auto partition = static_cast<int32_t>(in->Int(4));
      out->Int(partition, 4);
      each(SimulatedCluster::Key{topic, partition});
    }
    in->NoTags();
    out->Tags();
  }
  in->NoTags();
  out->Tags();
}

}  // namespace

void SimulatedCluster::AddTopic(const std::string& topic, int32_t partitions) {
  for (int32_t partition = 0; partition < partitions; ++partition)
    logs_[{topic, partition}].leader = partition % broker_count();
  topic_ids_[topic] = {next_topic_id_++};
}

void SimulatedCluster::RecreateTopic(const std::string& topic) {
  topic_ids_[topic] = {next_topic_id_++};
  for (auto& [key, log] : logs_) {
    if (key.first != topic) continue;
    const int32_t leader = log.leader;
    log = SimulatedLog();
    log.leader = leader;
  }
}

void SimulatedCluster::MoveLeader(const Key& key) {
  SimulatedLog& log = logs_.at(key);
  for (int32_t step = 1; step < broker_count(); ++step) {
    const int32_t candidate = (std::max(log.leader, 0) + step) % broker_count();
    if (!broker(candidate).up) continue;
    return log.Elect(candidate);
  }
}

std::vector<TopicLeaders> SimulatedCluster::Metadata(const std::vector<std::string>& topics) const {
  std::vector<TopicLeaders> answer;
  for (const std::string& topic : topics) {
    const auto id = topic_ids_.find(topic);
    const bool has_id = has_topic_ids && id != topic_ids_.end();
    TopicLeaders leaders{topic, 0, has_id ? id->second : TopicId{}, {}};
    for (const auto& [key, log] : logs_) {
      if (key.first != topic) continue;
      leaders.partitions.push_back(
          {key.second, log.leader, log.leader_epoch(), log.leader < 0 ? 5 : 0});
    }
    if (leaders.partitions.empty()) leaders.error = kUnknownTopicOrPartition;
    if (auto it = topic_errors.find(topic); it != topic_errors.end()) {
      leaders.error = it->second;
      leaders.partitions.clear();
    }
    answer.push_back(std::move(leaders));
  }
  if (edit_metadata) edit_metadata(&answer);
  return answer;
}

const InjectedError* SimulatedCluster::Injected(std::map<Key, InjectedError>* errors,
                                                const Key& key) {
  auto it = errors->find(key);
  if (it == errors->end() || it->second.until <= *now_ || it->second.left <= 0) return nullptr;
  it->second.left--;
  return &it->second;
}

AppendResult SimulatedCluster::ProducePartition(int32_t node, const Key& key, const Bytes& batch) {
  const auto found = logs_.find(key);
  if (found == logs_.end()) return {kUnknownTopicOrPartition};
  SimulatedLog& log = found->second;
  if (log.leader != node) return {kNotLeader};
  const InjectedError* injected = Injected(&produce_errors, key);
  if (injected != nullptr && !injected->appends) return {injected->error};
  AppendResult result = log.Produce(batch);
  const bool is_invalid = result.error == kInvalidRecord || result.error == kInvalidTimestamp;
  if (is_invalid && result.refused.empty())
    protocol_violations.push_back("a batch that no broker accepts, for " + key.first);
  if (result.appended && on_append) on_append(key, batch, result.base_offset);
  if (result.error == 0 && injected != nullptr) return {injected->error};
  return result;
}

Bytes SimulatedCluster::Produce(int32_t node, int16_t version, const Bytes& request) {
  In in(request, version >= 9);
  if (in.Length(2) != -1) protocol_violations.push_back("a transactional id");
  if (in.Int(2) != -1) protocol_violations.push_back("acks other than all");
  in.Int(4);  // timeout
  Out out(version >= 9);
  std::set<Key> seen;
  const int64_t topics = in.Length();
  out.Length(topics);
  for (int64_t t = 0; t < topics; ++t) {
    const bool by_id = version > kProduceByNameMax;
    const TopicId id = by_id ? in.Id() : TopicId{};
    const std::string topic = by_id ? NameOf(id) : in.Text();
    const int64_t partitions = in.Length();
    if (by_id)
      out.Id(id);
    else
      out.Text(topic);
    out.Length(partitions);
    for (int64_t p = 0; p < partitions; ++p) {
      const Key key{topic, static_cast<int32_t>(in.Int(4))};
      const Bytes batch = in.Blob();
      in.NoTags();
      if (!seen.insert(key).second)
        protocol_violations.push_back("a partition twice in one request: " + topic);
      if (version < 7 && RecordBatchView(batch.data()).codec() == Codec::kZstd)
        protocol_violations.push_back("zstd in Produce v" + std::to_string(version));
      AppendResult result = ProducePartition(node, key, batch);
      if (by_id && topic.empty()) result.error = kUnknownTopicId;
      out.Int(key.second, 4);
      out.Int(result.error, 2);
      out.Int(result.error == 0 ? result.base_offset : -1, 8);
      out.Int(result.append_time, 8);
      if (version >= 5) out.Int(0, 8);
      if (version >= 8) {
        out.Length(static_cast<int64_t>(result.refused.size()));
        for (int32_t index : result.refused)
          out.Int(index, 4), out.Text("record " + std::to_string(index)), out.Tags();
        if (result.error == kInvalidRecord || result.error == kInvalidTimestamp)
          out.Text("invalid");
        else
          out.Length(-1, 2);
      }
      out.Tags({{0, version >= 10 ? LeaderHint(result.error, key) : Bytes()}});
    }
    in.NoTags();
    out.Tags();
  }
  in.NoTags();
  if (!in.AtEnd()) protocol_violations.push_back("bytes behind a Produce request");
  out.Int(broker(node).throttle_ms, 4);
  out.Tags();
  return out.Take();
}

Bytes SimulatedCluster::ListOffsets(int32_t node, const Bytes& request) {
  In in(request);
  Out out;
  const bool is_debugging = in.Int(4) == -2;
  AnswerEach(&in, &out, [&](const Key& key) {
    if (in.Int(8) != -1) protocol_violations.push_back("no such time");
    const SimulatedLog* log = nullptr;
    int16_t error = ErrorOf(node, key, &log);
    if (const InjectedError* injected = Injected(&list_errors, key)) error = injected->error;
    out.Int(error, 2);
    out.Int(-1, 8);
    out.Int(error != 0 ? -1 : is_debugging ? log->end() : log->high_watermark(), 8);
  });
  if (!in.AtEnd()) protocol_violations.push_back("bytes behind a ListOffsets request");
  return out.Take();
}

// KIP-951: the leader that the broker knows, with NOT_LEADER_OR_FOLLOWER.
Bytes SimulatedCluster::LeaderHint(int16_t error, const Key& key) const {
  const auto found = logs_.find(key);
  if (error != kNotLeader || found == logs_.end() || found->second.leader < 0) return {};
  return Out::Leader(found->second.leader, found->second.leader_epoch());
}

int16_t SimulatedCluster::ErrorOf(int32_t node, const Key& key, const SimulatedLog** log) const {
  const auto found = logs_.find(key);
  if (found == logs_.end()) return kUnknownTopicOrPartition;
  *log = &found->second;
  return found->second.leader == node ? int16_t{0} : kNotLeader;
}

Bytes SimulatedCluster::DescribeProducers(int32_t node, const Bytes& request) {
  In in(request, true);
  Out out(true);
  out.Int(0, 4);  // throttle time
  AnswerEach(&in, &out, [&](const Key& key) {
    const SimulatedLog* log = nullptr;
    int16_t error = ErrorOf(node, key, &log);
    if (const InjectedError* injected = Injected(&describe_errors, key)) error = injected->error;
    out.Int(error, 2);
    out.Length(-1, 2);  // no text
    const auto producers = error == 0 ? log->producers() : std::vector<int64_t>();
    out.Length(static_cast<int64_t>(producers.size()));
    for (const int64_t id : producers) {
      out.Int(id, 8);
      out.Int(0, 4);
      out.Int(log->LastSequence(id), 4);
      out.Int(-1, 8), out.Int(-1, 4), out.Int(-1, 8);
      out.Tags();
    }
    out.Tags();
  });
  if (!in.AtEnd()) protocol_violations.push_back("bytes behind a DescribeProducers request");
  return out.Take();
}

std::vector<SimulatedCluster::Key> SimulatedCluster::PartitionsOf(int16_t version,
                                                                  const Bytes& produce_request) {
  In in(produce_request, version >= 9);
  in.Length(2), in.Int(2), in.Int(4);
  std::vector<Key> keys;
  for (int64_t topics = in.Length(); topics > 0; --topics) {
    const std::string topic = version > kProduceByNameMax ? NameOf(in.Id()) : in.Text();
    for (int64_t partitions = in.Length(); partitions > 0; --partitions) {
      keys.emplace_back(topic, static_cast<int32_t>(in.Int(4)));
      in.Blob();
      in.NoTags();
    }
    in.NoTags();
  }
  return keys;
}

}  // namespace longhaul::test
