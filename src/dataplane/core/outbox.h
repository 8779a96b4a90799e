// Produces to the target brokers. One request carries one batch of each of many partitions: never
// two of one partition, because the broker silently keeps the last (see ARCHITECTURE.md). Up to
// partition_batches_in_flight batches of a partition are out at a time, in order, to one broker.
// A failed partition waits until all its requests are answered, then sends again from its front
// with the same sequences: order and deduplication hold through every retry (invariants B, F). When
// the batch may have arrived all the same, the target is looked at first (resume.h): it may have
// forgotten our producer meanwhile, and would then take the batch twice.
#pragma once

#include <deque>
#include <map>
#include <unordered_map>
#include <vector>

#include "core/lane.h"
#include "core/leaders.h"
#include "core/protocol.h"

namespace longhaul {

class Outbox {
 public:
  static constexpr int32_t kResumesMax = 6;  // in a row and to no avail, then a fault
  // How long an ack proves that the broker holds our sequence state. It may have forgotten when it
  // comes back from a restart (old records: producer.id.expiration.ms is in record time), which we
  // do not see while nothing is out; none comes back this fast.
  static constexpr int64_t kProofMs = 1'000;

  Outbox(Lane* lane, Leaders* leaders) : lane_(lane), leaders_(leaders) {}

  // The partition may have something to send now.
  void Offer(Partition* p);
  void OfferAll();
  void Tick();
  bool Owns(uint64_t tag) const { return outstanding_.contains(tag); }
  void OnReply(const Reply& reply);
  bool idle() const { return outstanding_.empty(); }

 private:
  struct Sent {
    uint32_t id;
    uint64_t ordinal;
    BufferRef buffer;  // the request points into it, whatever becomes of the partition
  };
  struct Outstanding {
    int32_t node;
    std::vector<Sent> sent;
  };
  struct Node {
    std::deque<uint32_t> ready;
    int64_t ready_bytes = 0;
    int64_t ready_since = 0;
    int64_t requests = 0;
    int64_t not_before = 0;
  };

  bool CanSend(const Partition& p) const;
  bool Due(const Node& node) const;
  bool CanAsk(int32_t node_id, Node* node, int16_t* version);
  void Flush(int32_t node_id, Node* node);
  std::vector<Partition*> Collect(int32_t node_id, Node* node);
  bool SendRequest(int32_t node_id, Node* node, int16_t version,
                   const std::vector<Partition*>& partitions);
  void OnBatch(const Sent& sent, int32_t code, int64_t base_offset, int64_t append_time,
               std::string_view error_text);
  bool IsForeign(Partition* p, int64_t base_offset, int64_t append_time) const;
  void NoteFailure(Partition* p, uint64_t ordinal, int32_t code, std::string_view text);
  void PopAcked(Partition* p);
  void Ack(Partition* p, const QueuedBatch& batch);
  void OnFailure(Partition* p);
  void FailBatch(Partition* p, int32_t code, const std::string& where);
  void Split(Partition* p, int32_t code, const std::string& where);
  void Retry(Partition* p, int32_t code, const std::string& where);
  void Look(Partition* p, const std::string& where);
  void Rescan(Partition* p, int32_t code, const std::string& where);

  Lane* lane_;
  Leaders* leaders_;
  std::map<int32_t, Node> nodes_;
  std::unordered_map<uint64_t, Outstanding> outstanding_;
  uint64_t next_tag_ = 1;
};

}  // namespace longhaul
