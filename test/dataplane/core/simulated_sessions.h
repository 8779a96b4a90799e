// Fetch sessions as a broker keeps them (KIP-227): FetchSession.scala of Apache Kafka.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/transport.h"

namespace longhaul::test {

// A partition of a Fetch request.
struct FetchedFrom {
  std::string topic;  // empty: named by id
  TopicId id{};
  int32_t partition = 0;
  int32_t leader_epoch = -1;
  int64_t offset = 0;
  int32_t last_epoch = -1;
  int32_t bytes_max = 0;

  bool IsOf(const FetchedFrom& other) const {
    return topic == other.topic && id == other.id && partition == other.partition;
  }
};

struct CachedPartition {
  FetchedFrom from;
  // As the last answer reported; -1: it reported an error, or there was none yet.
  int64_t high_watermark = -1;
  int64_t log_start = -1;
};

struct SimulatedSession {
  bool names_ids = false;
  int32_t epoch = 1;  // of the next request
  std::list<CachedPartition> partitions;

  void Update(const std::vector<FetchedFrom>& asked, const std::vector<FetchedFrom>& forgotten);
};

class SessionCache {
 public:
  size_t slots = 1000;  // max.incremental.fetch.session.cache.slots
  int64_t opened = 0, refused = 0, errors = 0;

  // Returns the session of a request. Sets *error if the broker refuses that session.
  std::shared_ptr<SimulatedSession> Use(int32_t id, int32_t epoch, bool names_ids, int16_t* error);
  // A request outside a session frees the session that it names.
  void Remove(int32_t id) { sessions_.erase(id); }
  // 0: the cache is full.
  int32_t Open(bool names_ids, const std::vector<CachedPartition>& partitions);
  void Evict(size_t index);
  void Clear() { sessions_.clear(); }
  size_t size() const { return sessions_.size(); }
  // What the broker knows after it has processed a request whose answer was lost.
  void Skip() {
    for (auto& [id, session] : sessions_) session->epoch++;
  }
  // What the broker knows if the last requests named topics by id, not by name, or vice versa.
  void SwapNaming() {
    for (auto& [id, session] : sessions_) session->names_ids = !session->names_ids;
  }
  // The partitions of all sessions.
  size_t partitions() const;

 private:
  std::map<int32_t, std::shared_ptr<SimulatedSession>> sessions_;
  int32_t last_id_ = 0;
};

}  // namespace longhaul::test
