// From which broker each source partition is fetched: its leader, or a replica that is closer to
// client.rack (KIP-392). The leader chooses. It may answer a Fetch that names a rack without
// records and with the node of a replica; so the rack is sent only when the lane asks for a
// replica:
//
//   leader: Fetch with rack --> "read node 3" --> fetched from node 3 --> leader, and so on
//   |                                             |                    |
//   no other request for a replica                metadata.max.age.ms, or node 3 does not serve
//
// A replica that the leader does not name, or that does not serve, may only be late: it restarts,
// or was out of sync for a moment. So the leader is asked again after 10 s, and after twice as long
// each further time, at most after metadata.max.age.ms.
//
// The report of a follower describes only its own log, which may end earlier, start later, or hold
// records that the leader has truncated. So an error or a divergence that a follower reports does
// not fault the partition: the partition is fetched from its leader, whose report decides.
#pragma once

#include <cstdint>

#include "core/lane_context.h"
#include "core/leaders.h"
#include "core/protocol/fetch.h"

namespace longhaul {

class ReadReplicas {
 public:
  // How long a follower may lack records that the leader has reported. Followers that are in sync
  // learn of these records within one Fetch (500 ms).
  static constexpr int64_t kBehindMs = 5'000;
  // When to ask the leader again after its follower was not connected: connecting needs a moment.
  static constexpr int64_t kConnectMs = 1'000;
  // When to ask the leader again after the first time that no replica served.
  static constexpr int64_t kAskAgainMs = 10'000;

  ReadReplicas(LaneContext* lane, Leaders* leaders) : lane_(lane), leaders_(leaders) {}

  // Whether the next Fetch from the leader should ask for a closer replica.
  bool IsDue(const Partition& p) const {
    return !lane_->rack.empty() && p.read.follower < 0 && lane_->now >= p.read.ask_leader_at;
  }
  // Whether the partition may have to return from its follower to the leader.
  bool IsDoubtful(const Partition& p) const {
    return p.read.follower >= 0 && (p.read.behind_since != 0 || lane_->now >= p.read.ask_leader_at);
  }
  // The leader answered a Fetch; `with_rack`: the Fetch named the rack.
  void OnLeader(Partition* p, const FetchedPartition& fetched, bool with_rack);
  // A follower answered without error, and its records are stored.
  void OnFollower(Partition* p, const FetchedPartition& fetched);
  // Returns the partition to its leader: the follower does not serve.
  void Leave(Partition* p);
  // The follower returned an error, or reported that its log diverges.
  void Doubt(Partition* p, int16_t code);

 private:
  void ReturnToLeader(Partition* p, const ReadFrom& leader);
  // When to ask the leader again after `misses` times in a row without a replica that serves.
  int64_t AskAgainAt(int32_t misses) const;

  LaneContext* lane_;
  Leaders* leaders_;
};

}  // namespace longhaul
