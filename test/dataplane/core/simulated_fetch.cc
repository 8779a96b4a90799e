// Fetch, as brokers answer it: KafkaApis, ReplicaManager and Partition of Apache Kafka.
#include <algorithm>

#include "simulated_cluster.h"
#include "simulated_wire.h"

namespace longhaul::test {
namespace {

constexpr int16_t kUnknownTopicOrPartition = 3, kNotLeader = 6, kFencedLeaderEpoch = 74,
                  kUnknownLeaderEpoch = 75, kUnknownTopicId = 100;

}  // namespace

struct SimulatedCluster::FetchedFrom {
  Key key;
  int32_t leader_epoch = -1;
  int64_t offset = 0;
  int32_t last_epoch = -1;
  int32_t bytes_max = 0;
};

struct SimulatedCluster::FetchScope {
  FetchScope(int32_t asked, int16_t spoken)
      : node(asked), version(spoken), out(spoken >= 12) {}
  const int32_t node;
  const int16_t version;
  Out out;
  std::string rack;
  bool committed_only = false;
  bool whole_first = true;  // nothing was found yet
  bool is_empty = true;
  int64_t room = 0;
};

// No name is that of a topic that was deleted.
std::string SimulatedCluster::NameOf(const TopicId& id) {
  if (id == TopicId{}) protocol_violations.push_back("a Fetch by id without an id");
  for (const auto& [name, known] : topic_ids_)
    if (known == id && has_topic_ids) return name;
  return "";
}

int16_t SimulatedCluster::FetchError(const FetchScope& scope, const FetchedFrom& from) {
  const auto found = logs_.find(from.key);
  if (found == logs_.end())
    return scope.version > 12 ? kUnknownTopicId : kUnknownTopicOrPartition;
  const SimulatedLog& log = found->second;
  const bool is_follower = log.leader != scope.node;
  if (is_follower && !(scope.version >= 11 && selects_by_rack)) return kNotLeader;
  if (from.leader_epoch >= 0 && from.leader_epoch != log.leader_epoch())
    return from.leader_epoch < log.leader_epoch() ? kFencedLeaderEpoch : kUnknownLeaderEpoch;
  const InjectedError* injected =
      Injected(is_follower ? &follower_errors : &fetch_errors, from.key);
  return injected != nullptr ? injected->error : int16_t{0};
}

// ReplicaManager.findPreferredReadReplica with RackAwareReplicaSelector. Only replicas that hold
// the offset are chosen.
int32_t SimulatedCluster::PreferredReplica(const FetchScope& scope, const FetchedFrom& from,
                                           const SimulatedLog& log) const {
  const bool selects = selects_by_rack && scope.version >= 11 && log.leader == scope.node;
  const auto is_near = [&](int32_t node) {
    return brokers_[static_cast<size_t>(node)].rack == scope.rack;
  };
  if (!selects || scope.rack.empty() || is_near(log.leader)) return -1;
  for (int32_t node = 0; node < broker_count(); ++node)
    if (is_near(node) && log.EndAt(node) >= from.offset) return node;
  return -1;
}

void SimulatedCluster::FetchPartition(FetchScope* scope, const FetchedFrom& from) {
  int16_t error = FetchError(*scope, from);
  const SimulatedLog* log = error == 0 ? &logs_.at(from.key) : nullptr;
  const int64_t end = log == nullptr ? -1 : log->EndAt(scope->node);
  const int32_t preferred = log == nullptr ? -1 : PreferredReplica(*scope, from, *log);
  Bytes records;
  std::optional<SimulatedLog::EpochEnd> diverging;
  if (error == 0 && from.last_epoch >= 0 && preferred < 0) {  // Partition.readRecords
    diverging = log->EndOf(from.last_epoch);
    if (diverging) diverging->end = std::min(diverging->end, end);
    if (!diverging || from.offset < log->start())
      error = kOffsetOutOfRange;
    else if (diverging->epoch == from.last_epoch && diverging->end >= from.offset)
      diverging.reset();
  }
  if (error == 0 && !diverging && preferred < 0) {
    const auto limit = static_cast<size_t>(
        std::max<int64_t>(0, std::min<int64_t>(scope->room, from.bytes_max)));
    std::optional<Bytes> read =
        log->Read(from.offset, limit, scope->whole_first, scope->committed_only, end);
    if (read)
      records = std::move(*read);
    else
      error = kOffsetOutOfRange;
  }
  if (!records.empty()) scope->whole_first = false;
  scope->room -= static_cast<int64_t>(records.size());
  scope->is_empty =
      scope->is_empty && records.empty() && error == 0 && !diverging && preferred < 0;
  if (log != nullptr && log->leader != scope->node) follower_bytes += records.size();

  Out& out = scope->out;
  out.Int(from.key.second, 4);
  out.Int(error, 2);
  out.Int(error == 0 ? std::min(end, log->high_watermark()) : -1, 8);
  out.Int(error == 0 ? std::min(end, log->last_stable_offset()) : -1, 8);
  if (scope->version >= 5) out.Int(error == 0 ? log->start() : -1, 8);
  if (error == 0 && scope->committed_only) {
    const auto aborted = log->AbortedIn(from.offset, log->end());
    out.Length(static_cast<int64_t>(aborted.size()));
    for (const AbortedRange& range : aborted) {
      out.Int(range.producer_id, 8);
      out.Int(range.first, 8);
      out.Tags();
    }
  } else {
    out.Length(-1);
  }
  if (scope->version >= 11) out.Int(preferred, 4);
  out.Blob(records);
  Out tag(true);
  if (error == 0 && diverging) tag.Int(diverging->epoch, 4), tag.Int(diverging->end, 8), tag.Tags();
  out.Tags({{0, tag.Take()},
            {1, scope->version >= 16 ? LeaderHint(error, from.key) : Bytes()}});
}

Bytes SimulatedCluster::Fetch(int32_t node, int16_t version, const Bytes& request, int32_t* wait_ms,
                              bool* is_empty) {
  In in(request, version >= 12);
  if (version < 15) in.Int(4);  // replica id
  *wait_ms = static_cast<int32_t>(in.Int(4));
  in.Int(4);  // min bytes
  FetchScope scope(node, version);
  scope.room = in.Int(4);
  scope.committed_only = in.Int(1) == 1;
  if (version >= 7) in.Int(4), in.Int(4);
  struct Topic {
    std::string name;
    TopicId id;
    std::vector<FetchedFrom> partitions;
  };
  std::vector<Topic> topics;
  for (int64_t left = in.Length(); left > 0; --left) {
    const TopicId id = version > 12 ? in.Id() : TopicId{};
    const std::string topic = version > 12 ? NameOf(id) : in.Text();
    std::vector<FetchedFrom> partitions;
    for (int64_t p = in.Length(); p > 0; --p) {
      FetchedFrom from;
      from.key = {topic, static_cast<int32_t>(in.Int(4))};
      if (version >= 9) from.leader_epoch = static_cast<int32_t>(in.Int(4));
      from.offset = in.Int(8);
      if (version >= 12) from.last_epoch = static_cast<int32_t>(in.Int(4));
      if (version >= 5) in.Int(8);
      from.bytes_max = static_cast<int32_t>(in.Int(4));
      in.NoTags();
      partitions.push_back(from);
    }
    in.NoTags();
    topics.push_back({topic, id, std::move(partitions)});
  }
  if (version >= 7) in.Length();
  if (version >= 11) scope.rack = in.Text();
  in.NoTags();
  if (!in.AtEnd()) protocol_violations.push_back("bytes behind a Fetch request");

  scope.out.Int(broker(node).throttle_ms, 4);
  if (version >= 7) scope.out.Int(0, 2), scope.out.Int(0, 4);
  scope.out.Length(static_cast<int64_t>(topics.size()));
  for (const auto& [topic, id, partitions] : topics) {
    if (version > 12)
      scope.out.Id(id);
    else
      scope.out.Text(topic);
    scope.out.Length(static_cast<int64_t>(partitions.size()));
    for (const FetchedFrom& from : partitions) FetchPartition(&scope, from);
    scope.out.Tags();
  }
  scope.out.Tags();
  *is_empty = scope.is_empty;
  return scope.out.Take();
}

}  // namespace longhaul::test
