// Reads requests and writes responses by code that follows Kafka's JSON schemas and shares nothing
// with core/protocol.cc, so that a mistake there cannot cancel itself out.
#include "simulated_cluster.h"

#include <set>
#include <stdexcept>

namespace longhaul::test {
namespace {

constexpr int16_t kUnknownTopicOrPartition = 3, kNotLeader = 6, kFencedLeaderEpoch = 74,
                  kUnknownLeaderEpoch = 75;

// Both know the two forms of a schema's types: since KIP-482 lengths are varints of one more, and
// structs end with tags.
class Out {
 public:
  explicit Out(bool is_flexible = false) : is_flexible_(is_flexible) {}
  void Int(int64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      bytes_.push_back(static_cast<uint8_t>(value >> shift));
  }
  void Text(const std::string& text) {
    Length(static_cast<int64_t>(text.size()), 2);
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }
  void Blob(const Bytes& bytes) {
    Length(static_cast<int64_t>(bytes.size()), 4);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  // -1: null.
  void Length(int64_t length, int bytes = 4) {
    if (!is_flexible_) return Int(length, bytes);
    for (++length; length >= 128; length /= 128) Int(length % 128 + 128, 1);
    Int(length, 1);
  }
  // At most one tag here; with a number of its own and small.
  void Tags(const Bytes& tag_0 = {}) {
    if (!is_flexible_) return;
    Int(tag_0.empty() ? 0 : 1, 1);
    if (tag_0.empty()) return;
    Int(0, 1);
    Int(static_cast<int64_t>(tag_0.size()), 1);
    bytes_.insert(bytes_.end(), tag_0.begin(), tag_0.end());
  }
  Bytes Take() { return std::move(bytes_); }

 private:
  bool is_flexible_;
  Bytes bytes_;
};

class In {
 public:
  explicit In(const Bytes& bytes, bool is_flexible = false)
      : bytes_(bytes), is_flexible_(is_flexible) {}
  int64_t Int(int count) {
    uint64_t value = 0;
    for (int i = 0; i < count; ++i) value = (value << 8) | bytes_.at(at_++);
    const int unused = 64 - 8 * count;
    return static_cast<int64_t>(value << unused) >> unused;
  }
  std::string Text() {
    std::string text;
    for (int64_t left = Length(2); left > 0; --left) text.push_back(static_cast<char>(Int(1)));
    return text;
  }
  int64_t Length(int bytes = 4) {
    if (!is_flexible_) return Int(bytes);
    int64_t length = 0;
    for (int shift = 0;; shift += 7) {
      const int64_t byte = Int(1) & 0xff;
      length += (byte & 127) << shift;
      if (byte < 128) return length - 1;
    }
  }
  void NoTags() {
    if (is_flexible_ && Int(1) != 0) throw std::runtime_error("tags");
  }
  Bytes Blob() {
    const auto size = static_cast<size_t>(Int(4));
    if (size > bytes_.size() - at_) throw std::runtime_error("blob");
    Bytes blob(bytes_.begin() + static_cast<ptrdiff_t>(at_),
               bytes_.begin() + static_cast<ptrdiff_t>(at_ + size));
    at_ += size;
    return blob;
  }
  bool AtEnd() const { return at_ == bytes_.size(); }

 private:
  const Bytes& bytes_;
  bool is_flexible_;
  size_t at_ = 0;
};

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
    TopicLeaders leaders{topic, 0, {1}, {}};
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

struct SimulatedCluster::FetchScope {
  explicit FetchScope(bool is_flexible) : out(is_flexible) {}
  Out out;
  bool committed_only = false;
  bool whole_first = true;  // nothing was found yet
  bool is_empty = true;
  int64_t room = 0;
  int32_t leader_epoch = -1;
  int32_t last_epoch = -1;
};

void SimulatedCluster::FetchPartition(FetchScope* scope, int32_t node, int16_t version,
                                      const Key& key, int64_t offset, int32_t bytes_max) {
  const auto found = logs_.find(key);
  const SimulatedLog* log = found == logs_.end() ? nullptr : &found->second;
  int16_t error = 0;
  if (log == nullptr) {
    error = kUnknownTopicOrPartition;
  } else if (log->leader != node) {
    error = kNotLeader;
  } else if (scope->leader_epoch >= 0 && scope->leader_epoch != log->leader_epoch()) {
    error = scope->leader_epoch < log->leader_epoch() ? kFencedLeaderEpoch : kUnknownLeaderEpoch;
  } else if (const InjectedError* injected = Injected(&fetch_errors, key)) {
    error = injected->error;
  }
  Bytes records;
  std::optional<SimulatedLog::EpochEnd> diverging;
  if (error == 0 && scope->last_epoch >= 0) {  // Partition.readRecords
    diverging = log->EndOf(scope->last_epoch);
    if (!diverging || offset < log->start())
      error = kOffsetOutOfRange;
    else if (diverging->epoch == scope->last_epoch && diverging->end >= offset)
      diverging.reset();
  }
  if (error == 0 && !diverging) {
    const auto limit =
        static_cast<size_t>(std::max<int64_t>(0, std::min<int64_t>(scope->room, bytes_max)));
    std::optional<Bytes> read = log->Read(offset, limit, scope->whole_first, scope->committed_only);
    if (read)
      records = std::move(*read);
    else
      error = kOffsetOutOfRange;
  }
  if (!records.empty()) scope->whole_first = false;
  scope->room -= static_cast<int64_t>(records.size());
  scope->is_empty = scope->is_empty && records.empty() && error == 0 && !diverging;

  Out& out = scope->out;
  out.Int(key.second, 4);
  out.Int(error, 2);
  out.Int(error == 0 ? log->high_watermark() : -1, 8);
  out.Int(error == 0 ? log->last_stable_offset() : -1, 8);
  if (version >= 5) out.Int(error == 0 ? log->start() : -1, 8);
  if (error == 0 && scope->committed_only) {
    const auto aborted = log->AbortedIn(offset, log->end());
    out.Length(static_cast<int64_t>(aborted.size()));
    for (const AbortedRange& range : aborted) {
      out.Int(range.producer_id, 8);
      out.Int(range.first, 8);
      out.Tags();
    }
  } else {
    out.Length(-1);
  }
  if (version >= 11) out.Int(-1, 4);
  out.Blob(records);
  Out tag(true);
  if (error == 0 && diverging) tag.Int(diverging->epoch, 4), tag.Int(diverging->end, 8), tag.Tags();
  out.Tags(tag.Take());
}

Bytes SimulatedCluster::Fetch(int32_t node, int16_t version, const Bytes& request, int32_t* wait_ms,
                              bool* is_empty) {
  const bool is_flexible = version >= 12;
  In in(request, is_flexible);
  in.Int(4);
  *wait_ms = static_cast<int32_t>(in.Int(4));
  in.Int(4);  // min bytes
  FetchScope scope(is_flexible);
  scope.room = in.Int(4);
  scope.committed_only = in.Int(1) == 1;
  if (version >= 7) in.Int(4), in.Int(4);
  scope.out.Int(broker(node).throttle_ms, 4);
  if (version >= 7) scope.out.Int(0, 2), scope.out.Int(0, 4);
  const int64_t topics = in.Length();
  scope.out.Length(topics);
  for (int64_t t = 0; t < topics; ++t) {
    const std::string topic = in.Text();
    const int64_t partitions = in.Length();
    scope.out.Text(topic);
    scope.out.Length(partitions);
    for (int64_t p = 0; p < partitions; ++p) {
      const auto partition = static_cast<int32_t>(in.Int(4));
      scope.leader_epoch = version >= 9 ? static_cast<int32_t>(in.Int(4)) : -1;
      const int64_t offset = in.Int(8);
      scope.last_epoch = version >= 12 ? static_cast<int32_t>(in.Int(4)) : -1;
      if (version >= 5) in.Int(8);
      FetchPartition(&scope, node, version, {topic, partition}, offset,
                     static_cast<int32_t>(in.Int(4)));
      in.NoTags();
    }
    in.NoTags();
    scope.out.Tags();
  }
  if (version >= 7) in.Length();
  // A leader whose cluster selects replicas by rack answers without records and names a follower.
  if (version >= 11 && !in.Text().empty())
    protocol_violations.push_back("a rack, but preferred replicas are not followed");
  in.NoTags();
  scope.out.Tags();
  if (!in.AtEnd()) protocol_violations.push_back("bytes behind a Fetch request");
  *is_empty = scope.is_empty;
  return scope.out.Take();
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
  In in(request);
  if (in.Int(2) != -1) protocol_violations.push_back("a transactional id");
  if (in.Int(2) != -1) protocol_violations.push_back("acks other than all");
  in.Int(4);  // timeout
  Out out;
  std::set<Key> seen;
  const int64_t topics = in.Int(4);
  out.Int(topics, 4);
  for (int64_t t = 0; t < topics; ++t) {
    const std::string topic = in.Text();
    const int64_t partitions = in.Int(4);
    out.Text(topic);
    out.Int(partitions, 4);
    for (int64_t p = 0; p < partitions; ++p) {
      const Key key{topic, static_cast<int32_t>(in.Int(4))};
      const Bytes batch = in.Blob();
      if (!seen.insert(key).second)
        protocol_violations.push_back("a partition twice in one request: " + topic);
      const AppendResult result = ProducePartition(node, key, batch);
      out.Int(key.second, 4);
      out.Int(result.error, 2);
      out.Int(result.error == 0 ? result.base_offset : -1, 8);
      out.Int(result.append_time, 8);
      if (version >= 5) out.Int(0, 8);
      if (version >= 8) {
        out.Int(static_cast<int64_t>(result.refused.size()), 4);
        for (int32_t index : result.refused)
          out.Int(index, 4), out.Text("record " + std::to_string(index));
        if (result.error == kInvalidRecord || result.error == kInvalidTimestamp)
          out.Text("invalid");
        else
          out.Int(-1, 2);
      }
    }
  }
  if (!in.AtEnd()) protocol_violations.push_back("bytes behind a Produce request");
  out.Int(broker(node).throttle_ms, 4);
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

std::vector<SimulatedCluster::Key> SimulatedCluster::PartitionsOf(const Bytes& produce_request) {
  In in(produce_request);
  in.Int(2), in.Int(2), in.Int(4);
  std::vector<Key> keys;
  for (int64_t topics = in.Int(4); topics > 0; --topics) {
    const std::string topic = in.Text();
    for (int64_t partitions = in.Int(4); partitions > 0; --partitions) {
      keys.emplace_back(topic, static_cast<int32_t>(in.Int(4)));
      in.Blob();
    }
  }
  return keys;
}

}  // namespace longhaul::test
