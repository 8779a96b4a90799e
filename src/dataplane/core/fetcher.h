// Fetches from the source brokers: one request in flight a broker and lane, for all partitions led
// there that may take more. The next request leaves as soon as the headers of the last response are
// walked, before its batches are produced.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/batch_intake.h"
#include "core/lane_context.h"
#include "core/leaders.h"
#include "core/memory_relief.h"
#include "core/protocol/fetch.h"
#include "core/read_replicas.h"

namespace longhaul {

class Fetcher {
 public:
  // With less room than this a Fetch waits: most of a smaller response is overhead. With many
  // brokers and little memory it is a broker's equal share.
  static constexpr int64_t kRoomMin = 256 * 1024;
  // How long a broker may hold a Fetch that leaves out a partition only because its queue is full:
  // long enough not to spin, short enough that the partition does not wait for idle ones.
  static constexpr int32_t kCrowdedWaitMs = 20;
  // What a partition is asked for while its target refuses it: a batch or a few to try again with.
  // All that it may hold would cross the link at each try and be dropped again.
  static constexpr int64_t kRetryBytes = 64 * 1024;
  // Records that a Fetch asks for at most: with the names and lists around them a response stays
  // below what malloc keeps.
  static constexpr int64_t kRecordBytesMax = int64_t{kKeptResponseBytes} - (1 << 20);
  // What a broker is asked for that had no records last time: it may hold the request for
  // fetch.max.wait.ms, and what the request reserves is lacking for busy brokers meanwhile.
  static constexpr int64_t kIdleBytes = 64 * 1024;

  Fetcher(LaneContext* lane, Leaders* leaders)
      : lane_(lane), leaders_(leaders), replicas_(lane, leaders), intake_(lane), relief_(lane) {}

  void Tick();
  bool Owns(uint64_t tag) const { return outstanding_.contains(tag); }
  // Partitions that got batches are appended to `filled`.
  void OnReply(const Reply& reply, std::vector<Partition*>* filled);
  // The follower that the partition is fetched from is of no use.
  void LeaveFollower(Partition* p) { replicas_.Leave(p); }

 private:
  struct Wanted {
    uint32_t id;
    int64_t offset;
    bool is_follower;  // the broker is asked as a follower of its leader
    TopicId topic_id;
  };
  struct Outstanding {
    int32_t node;
    int64_t bytes_max;
    bool with_rack;
    Patience patience;
    std::vector<Wanted> wanted;
  };
  struct Node {
    std::vector<uint32_t> order;  // ids of partitions read there; the head is filled first
    bool asking = false;
    bool is_idle = false;    // its last answer had no records
    int64_t not_before = 0;  // throttled or backing off
  };

  // Bytes that one Fetch may reserve.
  struct Shares {
    int64_t equal;  // of a broker, if all were alike
    int64_t idle;   // of a broker that is idle
    int64_t busy;
  };

  // Finds the request entry of a partition that a response names.
  class AskedFinder;

  void Route();
  bool IsEligible(const Partition& p) const;
  bool IsCrowded(const Partition& p) const;
  int64_t DueAt(const Partition& p) const;
  int64_t BytesMax(const Partition& p) const;
  void Ask(int32_t node_id, Node* node);
  bool CanAsk(int32_t node_id, Node* node, const std::vector<Wanted>& wanted, int16_t* version);
  void Send(int32_t node_id, Node* node, FetchRequest* request, std::vector<Wanted> wanted);
  void LeaveFollowers(int32_t node_id, const std::vector<Wanted>& wanted);
  void BackOff(Node* node);
  Shares DivideRoom() const;
  void OnPartition(const FetchedPartition& fetched, const Wanted& wanted, bool with_rack,
                   const HeldRef& buffer, std::vector<Partition*>* filled);
  bool IsAwaited(const Wanted& wanted, int32_t node) const;
  void SeeLogEnd(Partition* p, const FetchedPartition& fetched);
  void OnPartitionError(Partition* p, const FetchedPartition& fetched);
  void OnDivergence(Partition* p, const FetchedPartition& fetched);
  void Rotate(Node* node, const std::vector<Partition*>& filled);

  LaneContext* lane_;
  Leaders* leaders_;
  ReadReplicas replicas_;
  BatchIntake intake_;
  MemoryRelief relief_;
  std::map<int32_t, Node> nodes_;
  int32_t turn_ = 0;  // the next of nodes_ to be asked if there is room
  std::unordered_map<uint64_t, Outstanding> outstanding_;
  uint64_t next_tag_ = uint64_t{1} << 62;  // tells its tags from those of Produce and scans
};

}  // namespace longhaul
