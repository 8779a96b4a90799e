// A simulated cluster. Its brokers answer the requests of core/protocol as bytes, in all versions
// that the lane sends. A test injects errors of a leader with InjectedError.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/protocol/describe_producers.h"
#include "core/protocol/fetch.h"
#include "core/protocol/list_ends.h"
#include "core/protocol/produce.h"
#include "simulated_log.h"
#include "simulated_sessions.h"

namespace longhaul::test {

class In;

struct SimulatedBroker {
  bool up = true;
  std::string rack;
  int64_t down_until = 0;
  int64_t frozen_until = 0;  // until then it accepts requests, and reads none
  int16_t fetch_version = kFetchApi.max;
  int16_t produce_version = kProduceApi.max;
  bool describes_producers = true;
  bool lists_offsets = true;
  int32_t throttle_ms = 0;  // before KIP-219 the broker itself waits
  bool throttles_empty = false;  // the response to a Fetch that it throttles has no partitions
  SessionCache sessions;
};

// The error that a leader returns instead of the true result, and whether it appends the batch.
struct InjectedError {
  int16_t error = 0;
  bool appends = false;
  int64_t until = 0;
  int64_t left = INT64_MAX;  // times
};

class SimulatedCluster {
 public:
  using Key = std::pair<std::string, int32_t>;

  SimulatedCluster(int32_t brokers, int64_t* now) : now_(now), brokers_(brokers) {}

  void AddTopic(const std::string& topic, int32_t partitions);
  SimulatedLog& log(const Key& key) { return logs_.at(key); }
  std::map<Key, SimulatedLog>& logs() { return logs_; }
  SimulatedBroker& broker(int32_t node) { return brokers_.at(static_cast<size_t>(node)); }
  int32_t broker_count() const { return static_cast<int32_t>(brokers_.size()); }
  void MoveLeader(const Key& key);

  std::vector<TopicLeaders> Metadata(const std::vector<std::string>& topics) const;
  // A Fetch that has arrived. The broker may hold it until there are records.
  struct OpenedFetch {
    int32_t node = 0;
    int16_t version = 0;
    int32_t wait_ms = 0;
    int64_t room = 0;
    bool committed_only = false;
    std::string rack;
    int32_t session_id = 0;
    int32_t epoch = -1;
    int16_t error = 0;  // why the broker refuses the session
    std::vector<FetchedFrom> partitions;
    std::shared_ptr<SimulatedSession> session;  // nullptr: the request has no session
  };
  OpenedFetch OpenFetch(int32_t node, int16_t version, const Bytes& request);
  // *is_empty: there is no record and no error. Then the broker answers only if `is_last`.
  Bytes AnswerFetch(const OpenedFetch& fetch, bool is_last, bool* is_empty);
  Bytes Produce(int32_t node, int16_t version, const Bytes& request);
  Bytes ListOffsets(int32_t node, const Bytes& request);
  Bytes DescribeProducers(int32_t node, const Bytes& request);
  std::vector<Key> PartitionsOf(int16_t version, const Bytes& produce_request);
  // Deletes the topic and creates one with the same name, empty logs and another id.
  void RecreateTopic(const std::string& topic);

  // Each broker has a replica of each partition, and leaders send readers to their racks (KIP-392).
  bool selects_by_rack = false;
  bool has_topic_ids = true;
  int64_t fetched_partitions = 0;  // how many partitions all Fetches together have named
  int64_t stripes = 0;  // Fetches outside a session that the broker answers at once
  size_t follower_bytes = 0;  // bytes of records that followers have returned
  std::map<Key, InjectedError> follower_errors;
  std::map<Key, InjectedError> fetch_errors;
  std::map<Key, InjectedError> produce_errors;
  std::map<Key, InjectedError> list_errors;
  std::map<Key, InjectedError> describe_errors;
  std::map<std::string, int32_t> topic_errors;  // in metadata
  // Changes a metadata answer before it is sent, to that of a broker whose metadata is stale.
  std::function<void(std::vector<TopicLeaders>*)> edit_metadata;
  // Called for each batch that was appended by a Produce request, with the bytes that were sent.
  std::function<void(const Key& key, const Bytes& sent, int64_t base_offset)> on_append;
  std::vector<std::string> protocol_violations;

 private:
  struct Fetched;
  struct FetchScope;
  std::string NameOf(const TopicId& id);
  Key KeyOf(int16_t version, const FetchedFrom& from);
  static std::vector<FetchedFrom> ReadFetched(In* in, int16_t version, bool is_forgotten);
  Bytes FetchAnswer(const OpenedFetch& fetch, int32_t session_id,
                    const std::vector<std::pair<FetchedFrom, Bytes>>& partitions);
  int16_t FetchError(const FetchScope& scope, const FetchedFrom& from, const Key& key);
  int32_t PreferredReplica(const FetchScope& scope, const FetchedFrom& from,
                           const SimulatedLog& log) const;
  Fetched FetchPartition(FetchScope* scope, const FetchedFrom& from);
  AppendResult ProducePartition(int32_t node, const Key& key, const Bytes& batch);
  Bytes LeaderHint(int16_t error, const Key& key) const;
  int16_t ErrorOf(int32_t node, const Key& key, const SimulatedLog** log) const;
  const InjectedError* Injected(std::map<Key, InjectedError>* errors, const Key& key);

  int64_t* now_;
  std::vector<SimulatedBroker> brokers_;
  std::map<Key, SimulatedLog> logs_;
  std::map<std::string, TopicId> topic_ids_;
  uint8_t next_topic_id_ = 1;
};

}  // namespace longhaul::test
