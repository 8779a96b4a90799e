// From which broker each source partition is fetched: its leader, or a replica that is closer to
// client.rack (KIP-392). The leader chooses. A Fetch that names a rack may be answered without
// records and with the node of a replica; so the rack is sent only when the answer is wanted:
//
//   leader: Fetch with rack --> "read node 3" --> fetched from node 3 --> leader, and so on
//   |                                             |                    |
//   nothing else is asked                         metadata.max.age.ms, or node 3 is of no use
//
// What a follower reports is true of its own log only, which may end earlier, start later, or hold
// what the leader has truncated. So an error or a divergence that a follower reports is no fault of
// the partition: the partition is fetched from its leader for metadata.max.age.ms, and the leader's
// report counts.
#pragma once

#include <cstdint>

#include "core/lane_context.h"
#include "core/leaders.h"
#include "core/protocol/fetch.h"

namespace longhaul {

class ReadReplicas {
 public:
  // How long a follower may lack records that the leader has reported. Followers that are in sync
  // learn of them within one Fetch of their own (500 ms).
  static constexpr int64_t kBehindMs = 5'000;
  // When a follower that is not connected is offered again: connecting takes a moment.
  static constexpr int64_t kConnectMs = 1'000;

  ReadReplicas(LaneContext* lane, Leaders* leaders) : lane_(lane), leaders_(leaders) {}

  // Whether the next Fetch from the leader should ask for a closer replica.
  bool IsDue(const Partition& p) const {
    return !lane_->rack.empty() && p.read.follower < 0 && lane_->now >= p.read.ask_leader_at;
  }
  // Whether the follower that it is read from may have to be left.
  bool IsDoubtful(const Partition& p) const {
    return p.read.follower >= 0 && (p.read.behind_since != 0 || lane_->now >= p.read.ask_leader_at);
  }
  // The leader answered a Fetch; `with_rack`: one that named the rack.
  void OnLeader(Partition* p, const FetchedPartition& fetched, bool with_rack);
  // A follower answered, without error, and what it returned is stored.
  void OnFollower(Partition* p, const FetchedPartition& fetched);
  // The follower is of no use.
  void Leave(Partition* p);
  // The follower returned an error, or says that the log is another one.
  void Doubt(Partition* p, int16_t code);

 private:
  void ReturnToLeader(Partition* p, int64_t ask_leader_at);

  LaneContext* lane_;
  Leaders* leaders_;
};

}  // namespace longhaul
