// Fetches from the source brokers: one request outstanding a broker, filled in rotating partition
// order, never for more bytes than the lane may still hold. The next request leaves as soon as the
// headers of the last response are walked, before its batches are produced.
#pragma once

#include <algorithm>
#include <map>
#include <unordered_map>
#include <vector>

#include "core/batch_intake.h"
#include "core/lane.h"
#include "core/leaders.h"
#include "core/protocol.h"

namespace longhaul {

class Fetcher {
 public:
  // Below this much room a Fetch waits: a response of less is mostly overhead. A broker answers
  // with at least one whole batch however large (KIP-74), so the bound is overshot by one batch at
  // most.
  // With many brokers and little memory it is a broker's share.
  static constexpr int64_t kRoomMin = 256 * 1024;
  // How long a broker may hold a Fetch that leaves out a partition only because its queue is full:
  // long enough not to spin, short enough that the partition does not wait for idle ones.
  static constexpr int32_t kCrowdedWaitMs = 20;
  // What a partition is asked for while its target refuses it: a batch or a few to try again with.
  // All that it may hold would cross the link at each try and be dropped again.
  static constexpr int32_t kRetryBytes = 64 * 1024;

  Fetcher(Lane* lane, Leaders* leaders) : lane_(lane), leaders_(leaders), intake_(lane) {}

  void Tick();
  bool Owns(uint64_t tag) const { return outstanding_.contains(tag); }
  // Partitions that got batches are appended to `filled`.
  void OnReply(const Reply& reply, std::vector<Partition*>* filled);
  bool idle() const { return outstanding_.empty(); }

 private:
  struct Wanted {
    uint32_t id;
    int64_t offset;
  };
  struct Outstanding {
    int32_t node;
    int64_t bytes_max;
    std::vector<Wanted> wanted;
  };
  struct Node {
    std::vector<uint32_t> order;  // partition ids led by this broker; the head is filled first
    bool asking = false;
    int64_t not_before = 0;  // throttled or backing off
  };

  // A response names partitions by topic and number, in the order of the request.
  class AskedFinder;

  void Route();
  bool Eligible(const Partition& p) const;
  int64_t Room() const;
  void EvictStalled();
  void Ask(int32_t node_id, Node* node);
  bool CanAsk(int32_t node_id, Node* node, const std::vector<Wanted>& wanted, int16_t* version);
  void Send(int32_t node_id, Node* node, FetchRequest* request, std::vector<Wanted> wanted);
  void BackOff(Node* node);
  int64_t Share() const;
  int64_t RoomMin() const { return std::min(kRoomMin, Share()); }
  void OnPartition(const FetchedPartition& fetched, const Wanted& wanted, const BufferRef& buffer,
                   std::vector<Partition*>* filled);
  void OnPartitionError(Partition* p, int16_t code);
  void OnDivergence(Partition* p, const FetchedPartition& fetched);
  void Rotate(Node* node, const std::vector<Partition*>& filled);

  Lane* lane_;
  Leaders* leaders_;
  BatchIntake intake_;
  std::map<int32_t, Node> nodes_;
  std::unordered_map<uint64_t, Outstanding> outstanding_;
  uint64_t next_tag_ = uint64_t{1} << 62;  // tells Fetch tags from Produce tags
  int64_t reserved_bytes_ = 0;             // what outstanding requests may bring
};

}  // namespace longhaul
