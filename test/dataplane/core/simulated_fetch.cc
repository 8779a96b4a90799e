// Fetch, as brokers answer it: KafkaApis, ReplicaManager and Partition of Apache Kafka.
#include <algorithm>

#include "simulated_cluster.h"
#include "simulated_wire.h"

namespace longhaul::test {
namespace {

constexpr int16_t kUnknownTopicOrPartition = 3, kNotLeader = 6, kFencedLeaderEpoch = 74,
                  kUnknownLeaderEpoch = 75, kUnknownTopicId = 100;

}  // namespace

struct SimulatedCluster::FetchScope {
  explicit FetchScope(const OpenedFetch& fetch)
      : node(fetch.node), version(fetch.version), rack(fetch.rack),
        committed_only(fetch.committed_only), room(fetch.room) {}
  const int32_t node;
  const int16_t version;
  const std::string& rack;
  const bool committed_only;
  bool whole_first = true;  // nothing was found yet
  int64_t room;
};

// The part of a response for one partition.
struct SimulatedCluster::Fetched {
  Bytes bytes;
  bool has_records = false;
  bool is_urgent = false;  // the broker does not wait for more
  int64_t high_watermark = -1;
  int64_t log_start = -1;
};

// A deleted topic has no name.
std::string SimulatedCluster::NameOf(const TopicId& id) {
  if (id == TopicId{}) protocol_violations.push_back("a request by id without an id");
  for (const auto& [name, known] : topic_ids_)
    if (known == id && has_topic_ids) return name;
  return "";
}

SimulatedCluster::Key SimulatedCluster::KeyOf(int16_t version, const FetchedFrom& from) {
  return {version > 12 ? NameOf(from.id) : from.topic, from.partition};
}

int16_t SimulatedCluster::FetchError(const FetchScope& scope, const FetchedFrom& from,
                                     const Key& key) {
  const auto found = logs_.find(key);
  if (found == logs_.end())
    return scope.version > 12 ? kUnknownTopicId : kUnknownTopicOrPartition;
  const SimulatedLog& log = found->second;
  const bool is_follower = log.leader != scope.node;
  if (is_follower && !(scope.version >= 11 && selects_by_rack)) return kNotLeader;
  if (from.leader_epoch >= 0 && from.leader_epoch != log.leader_epoch())
    return from.leader_epoch < log.leader_epoch() ? kFencedLeaderEpoch : kUnknownLeaderEpoch;
  // During a slow election the former leader does not know yet that it leads no more.
  const bool fails_as_follower = is_follower && log.leader >= 0;
  const InjectedError* injected =
      Injected(fails_as_follower ? &follower_errors : &fetch_errors, key);
  return injected != nullptr ? injected->error : int16_t{0};
}

// ReplicaManager.findPreferredReadReplica with RackAwareReplicaSelector. Only replicas with the
// offset are chosen.
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

SimulatedCluster::Fetched SimulatedCluster::FetchPartition(FetchScope* scope,
                                                           const FetchedFrom& from) {
  const Key key = KeyOf(scope->version, from);
  int16_t error = FetchError(*scope, from, key);
  const SimulatedLog* log = error == 0 ? &logs_.at(key) : nullptr;
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
  if (log != nullptr && log->leader != scope->node) follower_bytes += records.size();

  Fetched fetched;
  fetched.has_records = !records.empty();
  fetched.is_urgent = !records.empty() || error != 0 || diverging || preferred >= 0;
  if (error == 0) {
    fetched.high_watermark = std::min(end, log->high_watermark());
    fetched.log_start = log->start();
  }
  Out out(scope->version >= 12);
  out.Int(from.partition, 4);
  out.Int(error, 2);
  out.Int(fetched.high_watermark, 8);
  out.Int(error == 0 ? std::min(end, log->last_stable_offset()) : -1, 8);
  if (scope->version >= 5) out.Int(fetched.log_start, 8);
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
            {1, scope->version >= 16 ? LeaderHint(error, key) : Bytes()}});
  fetched.bytes = out.Take();
  return fetched;
}

std::vector<FetchedFrom> SimulatedCluster::ReadFetched(In* in, int16_t version, bool is_forgotten) {
  std::vector<FetchedFrom> all;
  for (int64_t left = in->Length(); left > 0; --left) {
    FetchedFrom from;
    if (version > 12)
      from.id = in->Id();
    else
      from.topic = in->Text();
    for (int64_t p = in->Length(); p > 0; --p) {
      from.partition = static_cast<int32_t>(in->Int(4));
      if (!is_forgotten) {
        if (version >= 9) from.leader_epoch = static_cast<int32_t>(in->Int(4));
        from.offset = in->Int(8);
        if (version >= 12) from.last_epoch = static_cast<int32_t>(in->Int(4));
        if (version >= 5) in->Int(8);
        from.bytes_max = static_cast<int32_t>(in->Int(4));
        in->NoTags();
      }
      all.push_back(from);
    }
    in->NoTags();
  }
  return all;
}

SimulatedCluster::OpenedFetch SimulatedCluster::OpenFetch(int32_t node, int16_t version,
                                                          const Bytes& request) {
  OpenedFetch fetch;
  fetch.node = node;
  fetch.version = version;
  In in(request, version >= 12);
  if (version < 15) in.Int(4);  // replica id
  fetch.wait_ms = static_cast<int32_t>(in.Int(4));
  in.Int(4);  // min bytes
  fetch.room = in.Int(4);
  fetch.committed_only = in.Int(1) == 1;
  const auto session_id = static_cast<int32_t>(version >= 7 ? in.Int(4) : 0);
  fetch.epoch = static_cast<int32_t>(version >= 7 ? in.Int(4) : -1);
  fetch.partitions = ReadFetched(&in, version, false);
  const auto forgotten =
      version >= 7 ? ReadFetched(&in, version, true) : std::vector<FetchedFrom>();
  if (version >= 11) fetch.rack = in.Text();
  in.NoTags();
  if (!in.AtEnd()) protocol_violations.push_back("bytes behind a Fetch request");
  fetched_partitions += static_cast<int64_t>(fetch.partitions.size());
  if (fetch.wait_ms == 0 && fetch.epoch == -1) stripes++;

  SessionCache& sessions = broker(node).sessions;
  if (fetch.epoch <= 0) {
    if (!forgotten.empty()) protocol_violations.push_back("a full Fetch that forgets partitions");
    sessions.Remove(session_id);
    return fetch;
  }
  fetch.session = sessions.Use(session_id, fetch.epoch, version > 12, &fetch.error);
  fetch.session_id = session_id;
  if (fetch.session != nullptr) fetch.session->Update(fetch.partitions, forgotten);
  return fetch;
}

// A response with these partitions; consecutive ones of one topic are grouped.
Bytes SimulatedCluster::FetchAnswer(
    const OpenedFetch& fetch, int32_t session_id,
    const std::vector<std::pair<FetchedFrom, Bytes>>& partitions) {
  Out out(fetch.version >= 12);
  out.Int(broker(fetch.node).throttle_ms, 4);
  if (fetch.version >= 7) out.Int(fetch.error, 2), out.Int(session_id, 4);
  std::vector<size_t> firsts;
  for (size_t i = 0; i < partitions.size(); ++i) {
    const FetchedFrom& from = partitions[i].first;
    const FetchedFrom& before = partitions[i == 0 ? 0 : i - 1].first;
    if (i == 0 || from.topic != before.topic || from.id != before.id) firsts.push_back(i);
  }
  out.Length(static_cast<int64_t>(firsts.size()));
  firsts.push_back(partitions.size());
  for (size_t t = 0; t + 1 < firsts.size(); ++t) {
    const FetchedFrom& topic = partitions[firsts[t]].first;
    if (fetch.version > 12)
      out.Id(topic.id);
    else
      out.Text(topic.topic);
    out.Length(static_cast<int64_t>(firsts[t + 1] - firsts[t]));
    for (size_t i = firsts[t]; i < firsts[t + 1]; ++i) out.Raw(partitions[i].second);
    out.Tags();
  }
  out.Tags();
  return out.Take();
}

Bytes SimulatedCluster::AnswerFetch(const OpenedFetch& fetch, bool is_last, bool* is_empty) {
  *is_empty = false;
  const SimulatedBroker& of = broker(fetch.node);
  const int32_t session_id = fetch.session == nullptr ? 0 : fetch.session_id;
  const bool is_throttled = of.throttles_empty && of.throttle_ms > 0 && fetch.version >= 8;
  if (fetch.error != 0 || is_throttled) return FetchAnswer(fetch, session_id, {});

  std::vector<CachedPartition> cached;
  if (fetch.session == nullptr) {
    for (const FetchedFrom& from : fetch.partitions) cached.push_back({from});
  } else {
    cached.assign(fetch.session->partitions.begin(), fetch.session->partitions.end());
  }
  FetchScope scope(fetch);
  std::vector<std::pair<FetchedFrom, Bytes>> named;
  std::vector<CachedPartition> kept, filled;
  *is_empty = true;
  for (CachedPartition& partition : cached) {
    Fetched fetched = FetchPartition(&scope, partition.from);
    if (fetched.is_urgent) *is_empty = false;
    const bool has_news = fetched.is_urgent ||
                          partition.high_watermark != fetched.high_watermark ||
                          partition.log_start != fetched.log_start;
    partition.high_watermark = fetched.high_watermark;
    partition.log_start = fetched.log_start;
    (fetched.has_records ? filled : kept).push_back(partition);
    if (has_news || fetch.session == nullptr)
      named.emplace_back(partition.from, std::move(fetched.bytes));
  }
  if (*is_empty && !is_last) return {};
  // FetchSession.PartitionIterator: partitions with records move to the end.
  kept.insert(kept.end(), filled.begin(), filled.end());
  if (fetch.session != nullptr) {
    fetch.session->partitions.assign(kept.begin(), kept.end());
    return FetchAnswer(fetch, session_id, named);
  }
  const int32_t opened =
      fetch.epoch == 0 ? broker(fetch.node).sessions.Open(fetch.version > 12, cached) : 0;
  return FetchAnswer(fetch, opened, named);
}

}  // namespace longhaul::test
