// Fetches from the source brokers. A lane has one request in flight on each channel to a broker,
// for all partitions that are fetched over it and have room (fetch_plan.h, fetch_channels.h). The
// next request is sent as soon as the headers of the last response have been read, before its
// batches are produced.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/batch_intake.h"
#include "core/fetch_channels.h"
#include "core/fetch_plan.h"
#include "core/lane_context.h"
#include "core/leaders.h"
#include "core/memory_relief.h"
#include "core/protocol/fetch.h"
#include "core/read_replicas.h"
#include "core/stripe_fetcher.h"

namespace longhaul {

class Fetcher {
 public:
  // With less room than this a Fetch waits: most of a smaller response is overhead. With many
  // brokers and little memory the bound is the equal share of a broker.
  static constexpr int64_t kRoomMin = 256 * 1024;
  // How long a broker may hold a Fetch that leaves out a partition only because its queue is full.
  // Long enough that the lane does not poll all the time, short enough that the partition does not
  // wait for records of idle partitions.
  static constexpr int32_t kCrowdedWaitMs = 20;
  // The most bytes of records that a Fetch asks for: with the names and lists around them, a
  // response still fits into a block of the pool.
  static constexpr int64_t kRecordBytesMax = int64_t{kKeptBlockBytes} - (1 << 20);
  // What the lane asks of a broker that had no records last time. The broker may hold the request
  // for fetch.max.wait.ms, and busy brokers lack the memory that the request reserves meanwhile.
  static constexpr int64_t kIdleBytes = 64 * 1024;

  Fetcher(LaneContext* lane, Leaders* leaders, const ConnectionPace& pace)
      : lane_(lane), leaders_(leaders), replicas_(lane, leaders), plan_(lane, &replicas_),
        channels_(lane, &plan_, pace, kRoomMin),
        stripes_(lane, &plan_, &channels_, &replicas_, pace), intake_(lane), relief_(lane) {}

  void Tick();
  bool Owns(uint64_t tag) const { return outstanding_.contains(tag) || stripes_.Owns(tag); }
  // Appends the partitions that got batches to `filled`.
  void OnReply(const Reply& reply, std::vector<Partition*>* filled);
  // Jobs of the partition are done: queues its batches that were re-encoded, and those after them.
  void StoreEncoded(Partition* p) { intake_.Continue(p); }
  // Returns the partition from its follower to its leader.
  void LeaveFollower(Partition* p) { replicas_.Leave(p); }
  // See FetchPlan::SeeUnchanged.
  int64_t SeeUnchanged(Partition* p) { return plan_.SeeUnchanged(p); }
  std::vector<std::pair<int64_t, int64_t>> QuietAnswers() const { return plan_.QuietAnswers(); }
  // Fetch sessions that brokers may still keep although the lane no longer fetches from them.
  int64_t CountLeftSessions() const;
  int64_t CountConnections() const { return channels_.CountOpen(); }
  void CheckInvariants() const {
    plan_.CheckInvariants();
    stripes_.CheckInvariants();
  }

 private:
  using Node = FetchNode;
  using Entry = FetchSession::Entry;
  struct Outstanding {
    Channel channel;
    int64_t bytes_max;
    int64_t sent_at;
    int64_t spent;  // of the bandwidth, in advance
    bool with_rack;
    Patience patience;
  };

  // Bytes that one Fetch may reserve.
  struct Shares {
    int64_t equal;  // of each channel, if all had the same share
    int64_t idle;   // of an idle channel
    int64_t busy;   // of a busy channel
  };

  void Ask(const Channel& channel, Node* node);
  bool CanAsk(const Channel& channel, Node* node, int16_t* version);
  bool IsOpen(const Channel& channel, Node* node);
  void CloseSession(const Channel& channel, Node* node);
  void Send(const Channel& channel, Node* node, int16_t version, const FetchRequest& request);
  void LeaveFollowers(int32_t node_id, const Node& node);
  void BackOff(Node* node);
  Shares DivideRoom() const;
  void OnFailure(const Outstanding& asked, Node* node, int32_t error);
  void OnResponse(const FetchResponse& response, const Outstanding& asked, const HeldRef& buffer,
                  std::vector<Partition*>* filled);
  void OnSession(const Reply& reply, const Outstanding& asked, std::vector<Partition*>* filled);
  void Store(Partition* p, const FetchedPartition& fetched, const HeldRef& buffer);
  void StoreStripes(Partition* p, std::vector<Partition*>* filled);
  void SeeShape(Partition* p, const FetchedPartition& fetched, const Entry& entry);
  void OnSilence(const Outstanding& asked, Node* node);
  bool IsAwaited(const Partition& p, const Entry& entry, const Channel& channel) const;
  void OnPartition(const FetchedPartition& fetched, const Entry& entry, const Outstanding& asked,
                   const HeldRef& buffer, std::vector<Partition*>* filled);
  void SeeLogEnd(Partition* p, const FetchedPartition& fetched);
  void OnPartitionError(Partition* p, const FetchedPartition& fetched);
  void OnDivergence(Partition* p, const FetchedPartition& fetched);

  LaneContext* lane_;
  Leaders* leaders_;
  ReadReplicas replicas_;
  FetchPlan plan_;
  FetchChannels channels_;
  StripeFetcher stripes_;
  BatchIntake intake_;
  MemoryRelief relief_;
  Channel turn_{0};  // the one that is asked next if there is room
  std::unordered_map<uint64_t, Outstanding> outstanding_;
  uint64_t next_tag_ = uint64_t{1} << 62;  // differs from the tags of Produce and scans
};

}  // namespace longhaul
