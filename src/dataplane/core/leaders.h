// Which broker leads each partition, on both clusters. Requests metadata when a part of the lane
// has noticed that it is stale, and at least every metadata_max_age_ms, with one request at a time
// to each cluster. While a partition has no leader, the requests become less frequent: each
// response lists all topics.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/lane_context.h"
#include "core/per_side.h"
#include "core/protocol/request.h"

namespace longhaul {

class Leaders {
 public:
  // A broker may not know a topic for a short time after its creation: new metadata reaches all
  // brokers within one heartbeat of the controller (2 s). A partition that is missing for longer
  // faults.
  static constexpr int64_t kMissingGraceMs = 10'000;
  // The longest wait between requests while metadata is stale: a new leader is noticed within it.
  static constexpr int64_t kStaleWaitMaxMs = 1000;
  // A broker that needs longer may hang: another one is asked.
  static constexpr int64_t kAnswerMs = 5'000;
  // The same for a broker that owes an answer already. It is asked only while no other one is
  // connected, and a connection to another one needs less time.
  static constexpr int64_t kDoubtfulAnswerMs = 1'000;

  explicit Leaders(LaneContext* lane) : lane_(lane) {}

  // A broker that answers has reported that metadata is stale, or a partition has no leaders yet.
  void Refresh(Side side) { sides_[side].stale = true; }
  // A broker does not answer, or has no connection. Its partitions keep it as their leader in the
  // metadata of the other brokers until these elect another one, so each response would be followed
  // by the next request. Requests metadata, kStaleWaitMaxMs after the last request at the earliest.
  void RefreshEachSecond(Side side) { sides_[side].doubtful = true; }
  void Tick();
  // A broker that does not lead the partition has named its leader (KIP-951). True if that leader
  // is new and its broker is known.
  bool Follow(Side side, Partition* p, const LeaderHint& hint);
  bool Owns(const Reply& reply) const { return reply.is_metadata; }
  void OnReply(const Reply& reply);

 private:
  struct SideState {
    bool stale = false;
    bool doubtful = false;  // see RefreshEachSecond
    bool asking = false;
    uint64_t tag = 0;
    uint64_t applied_tag = 0;  // of the newest reply
    int32_t node = -1;  // the broker that was asked
    int64_t asked_at = -1'000'000;
    int64_t give_up_at = 0;
    // Replies in a row that were errors, or changed nothing while a leader was missing.
    int32_t unsettled = 0;
  };
  // By partition number, of one topic.
  using LeaderIndex = std::unordered_map<int32_t, const PartitionLeader*>;

  void Ask(Side side, SideState* state);
  // From one request to the next.
  int64_t WaitMs(const SideState& state) const;
  std::vector<std::string> Topics(Side side) const;
  // These return whether a leader changed.
  bool Apply(Side side, Partition* p, const TopicLeaders& topic, const LeaderIndex& leaders);
  bool SetLeader(Side side, Partition* p, int32_t node, int32_t epoch);
  bool Missing(Side side, Partition* p, int32_t code);
  bool IsNew(Leadership* leadership) const;

  LaneContext* lane_;
  PerSide<SideState> sides_;
  std::map<uint64_t, int32_t> asked_;  // nodes of requests in flight, by tag
  uint64_t next_tag_ = 1;
};

}  // namespace longhaul
