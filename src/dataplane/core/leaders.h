// Who leads each partition on both sides. Asks for metadata when somebody noticed that it is stale,
// at least every metadata_max_age_ms, one request a side at a time. A partition that stays without
// a leader makes it ask less and less often: the answer is of all topics.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "core/lane.h"

namespace longhaul {

class Leaders {
 public:
  // A topic may be unknown to a broker for a moment after its creation; after this long a missing
  // partition is a fault. Brokers propagate new metadata within one controller heartbeat (2 s).
  static constexpr int64_t kMissingGraceMs = 10'000;
  // The longest wait while something is wrong: a fail-over is noticed within it.
  static constexpr int64_t kStaleWaitMaxMs = 1000;

  explicit Leaders(Lane* lane) : lane_(lane) {}

  void Refresh(Side side) { sides_[Index(side)].stale = true; }
  void Tick();
  bool Owns(const Reply& reply) const { return reply.is_metadata; }
  // True when a leader changed, so that work can be routed anew.
  bool OnReply(const Reply& reply);

 private:
  struct SideState {
    bool stale = false;
    bool asking = false;
    uint64_t tag = 0;
    int64_t asked_at = -1'000'000;
    int64_t give_up_at = 0;
    int32_t unsettled = 0;  // replies in a row that brought nothing new and left something to ask
  };
  static size_t Index(Side side) { return static_cast<size_t>(side); }
  std::vector<std::string> Topics(Side side) const;
  // By partition number, of one topic.
  using LeaderIndex = std::unordered_map<int32_t, const PartitionLeader*>;
  bool Apply(Side side, Partition* p, const TopicLeaders& topic, const LeaderIndex& leaders);
  bool SetLeader(Side side, Partition* p, int32_t leader);
  void LookFirst(Partition* p);
  void Missing(Side side, Partition* p, int32_t code);

  Lane* lane_;
  SideState sides_[kSides];
  uint64_t next_tag_ = 1;
};

}  // namespace longhaul
