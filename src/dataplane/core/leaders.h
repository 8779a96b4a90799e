// Who leads each partition on both clusters. Asks for metadata when a part of the lane has noticed
// that it is stale, and at least every metadata_max_age_ms, with one request a cluster at a time.
// While a partition has no leader, it asks less and less often: each answer is of all topics.
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
  // A broker may not know a topic for a moment after its creation: new metadata reaches all brokers
  // within one heartbeat of the controller (2 s). A partition that is missing for longer faults.
  static constexpr int64_t kMissingGraceMs = 10'000;
  // The longest wait while something is wrong: a fail-over is noticed within it.
  static constexpr int64_t kStaleWaitMaxMs = 1000;
  // A broker that takes longer may hang: another one is asked.
  static constexpr int64_t kAnswerMs = 5'000;

  explicit Leaders(LaneContext* lane) : lane_(lane) {}

  void Refresh(Side side) { sides_[side].stale = true; }
  void Tick();
  // A broker that does not lead the partition has named its leader (KIP-951). Whether that is news,
  // and of a broker that can be asked.
  bool Follow(Side side, Partition* p, const LeaderHint& hint);
  bool Owns(const Reply& reply) const { return reply.is_metadata; }
  void OnReply(const Reply& reply);

 private:
  struct SideState {
    bool stale = false;
    bool asking = false;
    uint64_t tag = 0;
    int32_t node = -1;  // that was asked
    int64_t asked_at = -1'000'000;
    int64_t give_up_at = 0;
    int32_t unsettled = 0;  // replies in a row that changed nothing and left something to ask
  };
  // By partition number, of one topic.
  using LeaderIndex = std::unordered_map<int32_t, const PartitionLeader*>;

  void Ask(Side side, SideState* state);
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
