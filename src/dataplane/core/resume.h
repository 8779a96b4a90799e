// Finds out where a partition really stands (invariant D): scans the target from the recorded
// downstream offset for batches with our producer id. They tell how many records are already there;
// the intake then skips as many on the source, by headers, and checks the seam (invariant E). After
// a failure what arrived is still queued, and is taken from there instead.
// What the leader alone has is behind the high watermark, where nobody can read it: the scan waits
// until it has passed what was the end of the log, unless the leader knows a repetition anyway.
// Works on every broker, and after the broker has forgotten the producer. Only for that, and where
// the target may have trimmed all that it got, is the leader asked what it remembers (KIP-664). How
// many records there are is told by the sequences, not by counting: batches may have been thinned
// or deleted.
#pragma once

#include <map>
#include <unordered_map>
#include <vector>

#include "core/lane.h"
#include "core/leaders.h"
#include "core/protocol.h"
#include "core/record_batch.h"

namespace longhaul {

class Resume {
 public:
  static constexpr size_t kPartitionsMax = 100;              // a scan request
  static constexpr int32_t kPartitionBytes = 1024 * 1024;    // of each
  static constexpr int32_t kRequestBytes = 8 * 1024 * 1024;  // altogether

  Resume(Lane* lane, Leaders* leaders) : lane_(lane), leaders_(leaders) {}

  void Tick();
  bool Owns(uint64_t tag) const { return outstanding_.contains(tag); }
  void OnReply(const Reply& reply);
  bool idle() const { return outstanding_.empty(); }

 private:
  struct Asked {
    uint32_t id;
    uint64_t look;
  };
  struct Outstanding {
    int32_t node;
    int16_t api_key;
    std::vector<Asked> asked;
  };
  struct Node {
    int32_t asking = 0;
    int64_t not_before = 0;
  };
  using ByNode = std::map<int32_t, std::vector<Partition*>>;
  void ForEachReady(ByNode* by_node,
                    void (Resume::*ask)(int32_t, int16_t, const std::vector<Partition*>&));
  bool CanAsk(int32_t node_id, Node* node, const std::vector<Partition*>& partitions,
              int16_t* fetch_version);
  void AskForBatches(int32_t node_id, int16_t version, const std::vector<Partition*>& partitions);
  void AskForEnds(int32_t node_id, const std::vector<Partition*>& partitions);
  void AskForProducer(int32_t node_id, int16_t, const std::vector<Partition*>& partitions);
  void Send(int32_t node_id, int16_t api_key, int16_t version, EncodedRequest request,
            const std::vector<Partition*>& partitions);
  // The partition that still waits for this answer. One that was assigned anew meanwhile does not:
  // it may have to look further back.
  Partition* Waiting(const Asked& asked) const {
    Partition* p = lane_->Find(asked.id);
    return p != nullptr && p->look == asked.look ? p : nullptr;
  }
  template <typename Answer>
  void Match(const Outstanding& out, const std::vector<Answer>& answers,
             void (Resume::*take)(Partition*, const Answer&));
  void OnPartition(Partition* p, const FetchedPartition& fetched);
  void OnEnd(Partition* p, const ListedEnd& listed);
  void OnProducer(Partition* p, const DescribedProducer& described);
  void TakeProducer(Partition* p, int32_t last_sequence);
  void Retry(Partition* p, int32_t code, const std::string& where);
  void Scan(Partition* p, const FetchedPartition& fetched);
  bool IsLastOurs(Partition* p, const RecordBatchView& batch);
  bool ScanBatch(Partition* p, const RecordBatchView& batch);
  void CountUncertain(Partition* p);
  bool TakeFromQueue(Partition* p);
  void FinishAtEnd(Partition* p);
  void Finish(Partition* p);

  Lane* lane_;
  Leaders* leaders_;
  std::map<int32_t, Node> nodes_;
  std::unordered_map<uint64_t, Outstanding> outstanding_;
  uint64_t looks_ = 0;
  uint64_t next_tag_ = uint64_t{1} << 61;
};

}  // namespace longhaul
