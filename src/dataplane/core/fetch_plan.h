// Which partitions the next Fetch to each source broker asks for, and from which offset. No request
// costs a look at all partitions of a broker: LaneContext::fetch_changes names those whose entry in
// the request may have to change. Two kinds of partitions wait for a condition that no change
// reports; they are in separate sets:
//
//   held_back: wait for a time, or for room in their queue; checked before each Fetch
//   shut_out:  wait for room in the memory share of their target broker; checked when it has room
//
// A session response leaves out a partition without news. If the lane needs an answer for it all
// the same, the next request names the partition; if the response still leaves it out, the last
// report of the session is the answer.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/fetch_session.h"
#include "core/lane_context.h"
#include "core/read_replicas.h"

namespace longhaul {

struct FetchNode {
  std::unordered_set<uint32_t> members;  // partitions that are fetched from this broker
  std::unordered_set<uint32_t> changed, held_back, shut_out;
  std::set<int32_t> closed_targets;  // nothing is fetched for these target brokers
  FetchSession session;
  bool is_crowded = false;     // a partition is left out until there is room
  bool names_rack = false;     // the next request asks for closer replicas
  int64_t replicas_due_at = 0;  // when to ask the leader of a member for a closer replica
  bool asking = false;
  bool is_idle = false;        // the last response had no records
  int64_t not_before = 0;      // throttled or backing off
  int64_t answered_ms = 0;     // last response of its session, epoch ms

  // The broker keeps a session, and the lane no longer fetches from the broker.
  bool is_left() const { return members.empty() && session.is_open(); }
};

class FetchPlan {
 public:
  // How many bytes of a partition are fetched while its target refuses its batches: one or a few
  // batches to try again with. A full queue would cross the link at each try and be dropped again.
  static constexpr int64_t kRetryBytes = 64 * 1024;

  FetchPlan(LaneContext* lane, const ReadReplicas* replicas) : lane_(lane), replicas_(replicas) {}

  std::map<int32_t, FetchNode>& nodes() { return nodes_; }
  const std::map<int32_t, FetchNode>& nodes() const { return nodes_; }
  // Moves each changed partition to the members of the broker that it is to be fetched from.
  void Route();
  // Updates the session of the node to the partitions and offsets that the next Fetch asks for.
  void Update(int32_t node_id, FetchNode* node);
  // If the session of its broker has left out the partition, the end of its log is unchanged.
  // Returns that broker, or -1 if there is no such session.
  int32_t SeeUnchanged(Partition* p);
  // For each broker: when its session last answered, epoch ms.
  std::vector<std::pair<int64_t, int64_t>> QuietAnswers() const;
  // Asserts that no change was missed.
  void CheckInvariants() const;

 private:
  enum class Verdict : uint8_t { kWanted, kUnwanted, kNotDue, kCrowded, kShutOut };
  Verdict Judge(const Partition& p, const FetchNode& node) const;
  void Consider(uint32_t id, int32_t node_id, FetchNode* node);
  void CloseTargets(FetchNode* node);
  void FindReplicasDue(FetchNode* node);
  bool NeedsAnswer(const Partition& p) const;
  int64_t DueAt(const Partition& p) const;
  FetchPartition WantedOf(const Partition& p) const;
  void Leave(uint32_t id, FetchNode* node);

  LaneContext* lane_;
  const ReadReplicas* replicas_;
  std::map<int32_t, FetchNode> nodes_;
  std::unordered_map<uint32_t, int32_t> routes_;  // of each member
};

}  // namespace longhaul
