// Which partitions the next Fetch on each channel to a source broker asks for, and from which
// offset. A broker has one channel, or several with disjoint partitions (fetch_channels.h). No
// request costs a look at all partitions of a broker: LaneContext::fetch_changes names those whose
// entry in the request may have to change. Two kinds of partitions wait for a condition that no
// change reports; they are in separate sets:
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

#include "core/fetch_pace.h"
#include "core/fetch_session.h"
#include "core/fetch_spread.h"
#include "core/lane_context.h"
#include "core/read_replicas.h"

namespace longhaul {

// A channel, as far as fetching goes.
struct FetchNode {
  std::unordered_set<uint32_t> members;  // partitions that are fetched over this channel
  std::map<uint32_t, int32_t> moves;     // of those: to which channel of the broker each is to move
  bool is_used = true;                   // false: members move to other channels
  std::unordered_set<uint32_t> changed, held_back, shut_out;
  std::set<int32_t> closed_targets;  // nothing is fetched for these target brokers
  FetchSession session;
  FetchPace pace;
  bool is_crowded = false;     // a partition is left out until there is room
  bool names_rack = false;     // the next request asks for closer replicas
  int64_t replicas_due_at = 0;  // when to ask the leader of a member for a closer replica
  bool asking = false;
  bool is_idle = false;        // the last response had no records
  int64_t not_before = 0;      // throttled or backing off
  int64_t answered_ms = 0;     // last response of its session, epoch ms
  int64_t asked_bytes = 0;     // that the last request of the session asked for, at most
  // Written by StripeFetcher: requests for stripes in flight, and the bytes that they reserve.
  int32_t stripes = 0;
  int64_t stripe_bytes = 0;
  // Bytes a ms, the most of the last windows; and of the present window: its begin, and the bytes
  // that had moved until then.
  int64_t stripe_rate = 0;
  int64_t rate_since = 0;
  int64_t rate_bytes = 0;

  // The broker keeps a session, and the lane no longer fetches over the channel.
  bool is_left() const { return members.empty() && session.is_open(); }
};

// How many partitions of a broker lack what its logs hold.
struct Backlogs {
  int32_t busy = 0;   // have records to fetch, and room for them
  int32_t none = 0;   // are at the end of their log
  int32_t small = 0;
  int32_t large = 0;  // and could be fetched, if their queue were not full
  int32_t following = 0;  // follow their logs
  int32_t behind = 0;     // do not
  int32_t behind_busy = 0;   // of these: busy
  bool has_backlog = false;  // one that does not follow its log lacks much
};

class FetchPlan {
 public:
  // How many bytes of a partition are fetched while its target refuses its batches: one or a few
  // batches to try again with. A full queue would cross the link at each try and be dropped again.
  static constexpr int64_t kRetryBytes = 64 * 1024;

  FetchPlan(LaneContext* lane, const ReadReplicas* replicas) : lane_(lane), replicas_(replicas) {}

  std::map<Channel, FetchNode>& nodes() { return nodes_; }
  const std::map<Channel, FetchNode>& nodes() const { return nodes_; }
  // Moves each changed partition to the members of a channel of the broker that it is to be fetched
  // from.
  void Route();
  // Updates the session of the channel to the partitions and offsets that the next Fetch asks for.
  void Update(int32_t node_id, FetchNode* node);
  // Whether the partition is a member of the channel.
  bool IsAt(const Partition& p, const Channel& channel) const;

  // A further channel is open: it gets partitions from now on. It gets none any more.
  void Use(const Channel& channel);
  void StopUsing(const Channel& channel);
  bool IsUsed(const Channel& channel) const;
  std::vector<int32_t> UsedChannels(int32_t node) const;
  // Chooses which partitions of the broker are to move, so that its channels have as many as each
  // other. `is_apart`: partitions that follow their logs have channel 0 to themselves, if there are
  // others.
  void Spread(int32_t node, bool is_apart);
  bool IsMoving(int32_t node) const;
  // While the channels of the broker fetch partitions in stripes, all members are on channel 0.
  void SetStriped(int32_t node, bool is_striped);
  bool IsStriped(int32_t node) const { return striped_.contains(node); }
  const std::set<int32_t>& striped() const { return striped_; }
  std::vector<uint32_t> MembersOf(int32_t node) const;
  Channel ChannelOf(const Partition& p) const { return routes_.at(p.id); }
  // Whether more of the partition may be fetched now, by the session or in stripes. Whether only
  // its full queue is in the way.
  bool MayFetch(const Partition& p) const;
  bool IsCrowded(const Partition& p) const;
  // A backlog of `large` bytes is large, one of `much` bytes is much.
  Backlogs CountBacklogs(int32_t node, int64_t large, int64_t much) const;
  // Lets members leave that are to be fetched over another channel. No Fetch may be in flight on
  // this one.
  void MoveMembers(const Channel& channel, FetchNode* node);
  int32_t CountMembers(int32_t node) const;

  // If the session of its channel has left out the partition, the end of its log is unchanged.
  // Returns a number of that channel, or -1 if there is no such session.
  int64_t SeeUnchanged(Partition* p);
  // For each channel, by that number: when its session last answered, epoch ms.
  std::vector<std::pair<int64_t, int64_t>> QuietAnswers() const;
  // Asserts that no change was missed.
  void CheckInvariants() const;

 private:
  enum class Verdict : uint8_t { kWanted, kUnwanted, kNotDue, kCrowded, kShutOut };
  Verdict Judge(const Partition& p, const FetchNode& node) const;
  Verdict JudgeRoom(const Partition& p, const FetchNode& node) const;
  void Consider(uint32_t id, int32_t node_id, FetchNode* node);
  void CloseTargets(FetchNode* node);
  void FindReplicasDue(FetchNode* node);
  bool NeedsAnswer(const Partition& p) const;
  int64_t DueAt(const Partition& p) const;
  FetchPartition WantedOf(const Partition& p) const;
  void Leave(uint32_t id, FetchNode* node);
  void Remove(uint32_t id, FetchNode* node);
  void Join(uint32_t id, const Channel& channel);
  bool IsBusy(const Partition& p, const FetchNode& node) const;
  void Move(const std::vector<SpreadMove>& moves);
  // The channel of the broker with the fewest members.
  Channel Emptiest(int32_t node) const;
  // Calls `see` with each channel of the broker.
  template <typename See>
  void EachOf(int32_t node, See see) const {
    for (auto it = nodes_.lower_bound({node}); it != nodes_.end() && it->first.node == node; ++it)
      see(it->first, it->second);
  }

  LaneContext* lane_;
  const ReadReplicas* replicas_;
  std::map<Channel, FetchNode> nodes_;
  std::unordered_map<uint32_t, Channel> routes_;  // of each member
  std::set<int32_t> striped_;                     // brokers
};

}  // namespace longhaul
