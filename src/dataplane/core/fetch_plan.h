// Which partitions the next Fetch to each source broker asks for, and from where. Nothing here
// looks at all partitions of a broker with each request: LaneContext::fetch_changes names those
// that may be asked for differently from now on. Those that wait for something which nobody
// reports wait in sets of their own:
//
//   held_back: for a time, or until the partition's own queue has room: looked at before each Fetch
//   shut_out:  until their target broker has room in its share of memory: looked at when it has
//
// A session is silent about a partition without news. If the lane needs an answer all the same, the
// next request names the partition, and the last report of the session counts as its answer.
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
  std::unordered_set<uint32_t> members;  // partitions that are read there
  std::unordered_set<uint32_t> changed, held_back, shut_out;
  std::set<int32_t> closed_targets;  // nothing is fetched for these target brokers
  FetchSession session;
  bool is_crowded = false;     // a partition is left out until there is room
  bool names_rack = false;     // the next request asks for closer replicas
  int64_t replicas_due_at = 0;  // when a member has to ask its leader for a closer replica
  bool asking = false;
  bool is_idle = false;        // its last answer had no records
  int64_t not_before = 0;      // throttled or backing off
  int64_t answered_ms = 0;     // when its session last said what is new, epoch ms

  // The broker keeps a session, and the lane reads nothing there any more.
  bool is_left() const { return members.empty() && session.is_open(); }
};

class FetchPlan {
 public:
  // What a partition is asked for while its target refuses it: a batch or a few to try again with.
  // All that it may hold would cross the link at each try and be dropped again.
  static constexpr int64_t kRetryBytes = 64 * 1024;

  FetchPlan(LaneContext* lane, const ReadReplicas* replicas) : lane_(lane), replicas_(replicas) {}

  std::map<int32_t, FetchNode>& nodes() { return nodes_; }
  const std::map<int32_t, FetchNode>& nodes() const { return nodes_; }
  // Brings the members of all nodes in line with the brokers that partitions are fetched from.
  void Route();
  // Brings the session of the node in line with what is to be asked for now.
  void Update(int32_t node_id, FetchNode* node);
  // If the session of its broker has been silent about the partition, its log ends where it did.
  // Returns that broker, -1: none says so.
  int32_t SeeUnchanged(Partition* p);
  // By broker: when it last said so, epoch ms.
  std::vector<std::pair<int64_t, int64_t>> QuietAnswers() const;
  // That no change was missed.
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
