// Fetches from the source brokers: one request in flight a broker and lane, for all partitions that
// are read there and have room (fetch_plan.h). The next request leaves as soon as the headers of
// the last response are walked, before its batches are produced.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/batch_intake.h"
#include "core/fetch_plan.h"
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
  // Records that a Fetch asks for at most: with the names and lists around them a response stays
  // below what malloc keeps.
  static constexpr int64_t kRecordBytesMax = int64_t{kKeptBlockBytes} - (1 << 20);
  // What a broker is asked for that had no records last time: it may hold the request for
  // fetch.max.wait.ms, and what the request reserves is lacking for busy brokers meanwhile.
  static constexpr int64_t kIdleBytes = 64 * 1024;

  Fetcher(LaneContext* lane, Leaders* leaders)
      : lane_(lane), leaders_(leaders), replicas_(lane, leaders), plan_(lane, &replicas_),
        intake_(lane), relief_(lane) {}

  void Tick();
  bool Owns(uint64_t tag) const { return outstanding_.contains(tag); }
  // Partitions that got batches are appended to `filled`.
  void OnReply(const Reply& reply, std::vector<Partition*>* filled);
  // The follower that the partition is fetched from is of no use.
  void LeaveFollower(Partition* p) { replicas_.Leave(p); }
  // Brings up to date what is known of the end of the partition's log.
  int32_t SeeUnchanged(Partition* p) { return plan_.SeeUnchanged(p); }
  std::vector<std::pair<int64_t, int64_t>> QuietAnswers() const { return plan_.QuietAnswers(); }
  // Fetch sessions of which the lane wants nothing more, and which brokers may still keep.
  int64_t CountLeftSessions() const;
  void CheckInvariants() const { plan_.CheckInvariants(); }

 private:
  using Node = FetchNode;
  using Entry = FetchSession::Entry;
  struct Outstanding {
    int32_t node;
    int64_t bytes_max;
    bool with_rack;
    Patience patience;
  };

  // Bytes that one Fetch may reserve.
  struct Shares {
    int64_t equal;  // of a broker, if all were alike
    int64_t idle;   // of a broker that is idle
    int64_t busy;
  };

  void Ask(int32_t node_id, Node* node);
  bool CanAsk(int32_t node_id, Node* node, int16_t* version);
  void CloseSession(int32_t node_id, Node* node);
  void Send(int32_t node_id, Node* node, int16_t version, const FetchRequest& request);
  void LeaveFollowers(int32_t node_id, const Node& node);
  void BackOff(Node* node);
  Shares DivideRoom() const;
  void OnFailure(const Outstanding& asked, Node* node, int32_t error);
  void OnResponse(const FetchResponse& response, const Outstanding& asked, const HeldRef& buffer,
                  std::vector<Partition*>* filled);
  void OnSilence(const Outstanding& asked, Node* node);
  bool IsAwaited(const Partition& p, const Entry& entry, int32_t node) const;
  void OnPartition(const FetchedPartition& fetched, const Entry& entry, const Outstanding& asked,
                   const HeldRef& buffer, std::vector<Partition*>* filled);
  void SeeLogEnd(Partition* p, const FetchedPartition& fetched);
  void OnPartitionError(Partition* p, const FetchedPartition& fetched);
  void OnDivergence(Partition* p, const FetchedPartition& fetched);

  LaneContext* lane_;
  Leaders* leaders_;
  ReadReplicas replicas_;
  FetchPlan plan_;
  BatchIntake intake_;
  MemoryRelief relief_;
  int32_t turn_ = 0;  // the next broker to be asked if there is room
  std::unordered_map<uint64_t, Outstanding> outstanding_;
  uint64_t next_tag_ = uint64_t{1} << 62;  // tells its tags from those of Produce and scans
};

}  // namespace longhaul
