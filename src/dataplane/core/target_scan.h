// Scans the target when it may hold more or fewer records than the progress of a partition counts
// (invariant D): reads from the recorded downstream offset on, and looks for batches with the
// flow's producer id. resume_verdict.h judges the findings. This file sends the requests: to which
// broker, when, again after an error; and it matches answers to partitions.
//
// There are three requests: Fetch reads the log. ListOffsets returns the end of the log, which only
// the leader knows, because batches after the high watermark cannot be read. DescribeProducers
// (KIP-664) returns the last sequence that the leader remembers. A scan works with every broker,
// and also after the broker has forgotten the producer.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/lane_context.h"
#include "core/leaders.h"
#include "core/protocol/describe_producers.h"
#include "core/protocol/fetch.h"
#include "core/protocol/list_ends.h"
#include "core/record_batch.h"

namespace longhaul {

class TargetScan {
 public:
  static constexpr size_t kPartitionsMax = 100;            // in one request
  static constexpr int64_t kPartitionBytes = 1024 * 1024;  // for each partition
  static constexpr int64_t kRequestBytes = 8 * 1024 * 1024;
  // How often a log that continues after its high watermark is checked.
  static constexpr int64_t kFollowersPollMs = 500;
  // Followers are always a little behind while producers write: an obstacle is shown only after
  // this many checks.
  static constexpr int32_t kQuietAttempts = 4;

  TargetScan(LaneContext* lane, Leaders* leaders) : lane_(lane), leaders_(leaders) {}

  void Tick();
  bool Owns(uint64_t tag) const { return outstanding_.contains(tag); }
  void OnReply(const Reply& reply);

 private:
  struct Asked {
    uint32_t id;
    uint64_t question;
  };
  struct Outstanding {
    int32_t node;
    int16_t api_key;
    int64_t reserved;
    Patience patience;
    std::vector<Asked> asked;
  };
  struct Node {
    int32_t unanswered = 0;
    int64_t not_before = 0;
  };
  using Partitions = std::vector<Partition*>;

  bool TryBegin(Partition* p);
  bool CanAsk(int32_t node_id, Node* node, const Partitions& partitions, int16_t* fetch_version);
  void AskForBatches(int32_t node_id, int16_t version, const Partitions& partitions);
  void AskForEnds(int32_t node_id, const Partitions& partitions);
  void AskForProducer(int32_t node_id, const Partitions& partitions);
  void Send(int32_t node_id, int16_t api_key, int16_t version, int64_t reserved,
            EncodedRequest request, const Partitions& partitions);
  // The partition, if it still waits for this answer. A partition that was assigned again meanwhile
  // does not: its scan may have to begin at an earlier offset.
  Partition* Waiting(const Asked& asked) const;
  template <typename Answer>
  void Match(const Outstanding& out, const std::vector<Answer>& answers,
             void (TargetScan::*take)(Partition*, const Answer&));
  void OnBatches(Partition* p, const FetchedPartition& fetched);
  bool Read(Partition* p, const FetchedPartition& fetched);
  bool ReadBatch(Partition* p, const RecordBatchView& batch, BatchFinding* finding);
  void OnReadError(Partition* p, int32_t code);
  void OnEnd(Partition* p, const ListedEnd& listed);
  void OnProducer(Partition* p, const DescribedProducer& described);
  void Retry(Partition* p, int32_t code, const std::string& where);
  void Take(Partition* p, ScanStep step);
  void WaitForFollowers(Partition* p);
  void Finish(Partition* p);

  LaneContext* lane_;
  Leaders* leaders_;
  std::map<int32_t, Node> nodes_;
  std::unordered_map<uint64_t, Outstanding> outstanding_;
  uint64_t questions_ = 0;
  uint64_t next_tag_ = uint64_t{1} << 61;  // differs from the tags of Fetch and Produce
};

}  // namespace longhaul
