// Produces to the target brokers. One request carries one batch of each of many partitions, never
// two of one partition: a broker would append only the last, without an error. Up to
// partition_batches_in_flight batches of a partition are in flight, in order, to one broker.
//
// A refused batch waits until all batches of its partition in flight are answered; then the
// partition produces from its front again with the same sequences, so that order and deduplication
// hold through every retry (invariants B, F). If the refused batch may be on the target all the
// same, the target is scanned first (target_scan.h): its broker may have forgotten the producer,
// and would then append the batch a second time.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/lane_context.h"
#include "core/leaders.h"
#include "core/protocol/produce.h"
#include "core/rebatch.h"
#include "core/refused_batch.h"

namespace longhaul {

class Outbox {
 public:
  // How long an ack proves that the leader has the sequence state of our producer. The leader may
  // lose the state in a restart, if the last records are old (producer.id.expiration.ms is compared
  // with record timestamps). While nothing is in flight the lane does not notice a restart; but no
  // broker restarts this fast.
  static constexpr int64_t kProofMs = 1'000;
  // How long a broker may wait for followers before it answers. If they are late, the target is
  // scanned and the batch found (target_scan.h), which costs little; but until the broker answers,
  // it looks like a broker whose connection is dead.
  static constexpr int64_t kAckWaitMs = 5'000;
  // Added to request.timeout.ms, within which the broker answers: for the round trip.
  static constexpr int64_t kTimeoutMarginMs = 5'000;

  Outbox(LaneContext* lane, Leaders* leaders)
      : lane_(lane), leaders_(leaders), refused_(lane, leaders), rebatch_(lane) {}

  // The partition may have something to send now.
  void EnqueueReady(Partition* p);
  // Jobs of the partition are done: merged batches may be sent now.
  void OnEncoded(Partition* p) {
    rebatch_.Finish(p);
    EnqueueReady(p);
  }
  void Tick();
  bool Owns(uint64_t tag) const { return outstanding_.contains(tag); }
  void OnReply(const Reply& reply);

 private:
  struct Sent {
    uint32_t id;
    BatchQueue::Ticket ticket;
    HeldRef buffer;  // the request points into it, even if the partition is removed
    TopicId topic_id;
  };
  struct Outstanding {
    int32_t node;
    Patience patience;
    std::vector<Sent> sent;
  };
  struct Node {
    std::deque<uint32_t> ready;
    std::deque<uint32_t> merged;  // ready, too: linger.ms was over before their merges began
    int64_t ready_bytes = 0;      // of `ready`
    int64_t ready_since = 0;
    int64_t requests = 0;
    int32_t connection = kAnyConnection;  // the connection of all requests in flight
    int64_t not_before = 0;
    bool is_throttled = false;
    // Buffers that requests in flight point into, each with the number of its batches in flight;
    // and the bytes of these buffers.
    std::unordered_map<const HeldBuffer*, int32_t> pins;
    int64_t pinned_bytes = 0;
  };
  // The answer of a broker for one batch.
  struct Answer {
    int32_t code = 0;
    int64_t base_offset = -1;
    int64_t append_time = -1;
    std::string_view error_text;
    int32_t refused_record = -1;
  };

  size_t InFlightMax(const Partition& p) const;
  bool CanSend(const Partition& p) const;
  bool CanSendMore(int32_t node_id, const Node& node) const;
  static void Pin(Node* node, const HeldBuffer* buffer, int32_t times);
  bool IsDue(const Node& node) const;
  bool CanAsk(int32_t node_id, Node* node, int16_t* version);
  bool HasConnection(int32_t node_id, Node* node);
  void Flush(int32_t node_id, Node* node);
  static std::deque<uint32_t>* NextList(Node* node, bool is_due);
  std::vector<Partition*> Collect(int32_t node_id, Node* node, int16_t version, bool is_due);
  bool RefuseCodec(Partition* p, int16_t version);
  bool SendRequest(int32_t node_id, Node* node, int16_t version,
                   const std::vector<Partition*>& partitions);
  void TakeAnswers(const Outstanding& out, const ProduceResponse& response, bool by_id);
  void OnAck(const Sent& sent, Answer answer);
  bool IsDoubtful(Partition* p, const Answer& answer) const;
  void PopAcked(Partition* p);
  void CountLate(Partition* p, int64_t base_offset);
  void CountAck(Partition* p, const QueuedBatch& batch);

  LaneContext* lane_;
  Leaders* leaders_;
  RefusedBatch refused_;
  Rebatch rebatch_;
  std::map<int32_t, Node> nodes_;
  std::unordered_map<uint64_t, Outstanding> outstanding_;
  uint64_t next_tag_ = 1;
};

}  // namespace longhaul
