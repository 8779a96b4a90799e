// One mirrored topic-partition inside a lane. Its members are grouped by the part of the lane that
// writes them; all of them belong to the loop thread. Its phase is written by PartitionMoves alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "contract/contract.generated.h"
#include "core/batch_queue.h"
#include "core/intake_queue.h"
#include "core/log_end_marks.h"
#include "core/per_side.h"
#include "core/progress.h"
#include "core/resume_verdict.h"
#include "core/stripes.h"
#include "core/transport.h"

namespace longhaul {

// Where the mirror can continue after a fault, if that is known: it skips to `next`.
struct SkipPoint {
  int64_t next = -1;          // the source offset after the batch or record, -1: not known
  int64_t records = -1;       // how many records a skip leaves out, at most
  int32_t leader_epoch = -1;  // of the batch before `next`, -1: not known
};

struct PartitionAssignment {
  uint32_t id = 0;  // unique in the flow; the caller's handle
  std::string topic;
  std::string remote_topic;
  int32_t partition = 0;
  Progress progress;
  int64_t scan_from = -1;  // the target's log start, if progress is before it; else -1
  // The ids of the topics that progress was recorded for; zeros: not known.
  TopicId topic_id = {};
  TopicId remote_topic_id = {};
  Batching batching = Batching::kPassThrough;
};

// A retriable error that a partition waits for to end.
struct Obstacle {
  int32_t code = 0;  // 0: none
  std::string detail;
};

struct Fault {
  int32_t code = 0;
  std::string detail;
  SkipPoint skip;
};

// Written by PartitionMoves: what the control plane shows.
struct Shown {
  PartitionState state = PartitionState::kStarting;
  int32_t code = 0;
  std::string detail;
  SkipPoint skip;
};

// Written by Leaders: the leader of one side.
struct Leadership {
  int32_t node = -1;  // -1: none, or not known yet
  int32_t epoch = -1;
  TopicId topic_id = {};
  bool has_metadata = false;  // metadata has named topic_id, or the assignment had no id
  int64_t missing_since = 0;  // first metadata without the partition; 0: the partition exists
};

// Written by Fetcher and BatchIntake: where the source is read.
struct SourcePosition {
  int64_t offset = 0;      // next to fetch
  int32_t epoch = -1;      // leader epoch of the batch before it, -1: not known
  int64_t not_before = 0;  // backoff after an error of the source, or after an eviction
  int64_t high_watermark = -1;
  int64_t last_stable_offset = -1;
  int64_t log_start_offset = -1;
  // Since it lacked ConnectionPace::behind_bytes it has not reached the end of its log. Otherwise
  // it follows its log.
  bool is_behind = true;
  int64_t damaged_at = -1;  // offset after which damaged bytes were received last
  int32_t refetches = 0;    // because of the damaged bytes
  Fault ending;           // phase ending: the fault that follows once the queue is acknowledged
  Fault refused;          // for the record before refused.skip.next, which the target refused;
                          // the records before it are mirrored first. Code 0: none
  LogEndMarks end_marks;
  // In phase skipping: records that the target holds.
  int64_t records_to_skip = 0;
  int64_t ended_at = 0;  // when the source was first seen to end before the last of these records
};

// Written by BatchIntake: up to where it is known which batches of the source inbound flows wrote
// (known_producers.h).
struct ProducerKnowledge {
  int64_t question = 0;      // whose answer the partition waits for; 0: it does not wait
  int64_t producer_id = -1;  // that the question is about
  int64_t asked_at = 0;
  int64_t asked_until = 0;   // the source held the batches below this offset at that time
  int64_t known_until = 0;   // below this offset, a producer is an inbound flow only if it is known
  int32_t known_epoch = -1;  // the leader epoch of the source for which known_until holds
};

// Written by ReadReplicas: which broker of the source is fetched from.
struct ReadFrom {
  int32_t follower = -1;      // -1: the leader
  int64_t ask_leader_at = 0;  // when to ask the leader again for a replica close to client.rack
  int32_t misses = 0;         // times in a row that no replica was named, or that one did not serve
  int64_t behind_since = 0;   // since when the follower lacks records that its leader has reported
};

// Written by Fetcher and StripeFetcher: whether and how the partition is fetched in stripes.
struct Striping {
  bool is_active = false;     // in stripes, and not in the session of its channel
  int32_t proven_epoch = -1;  // the leader epoch in which the session has fetched last
  BatchShape shape;
  int64_t not_before = 0;     // no stripes begin
  int64_t paused_until = 0;   // too many bytes were fetched twice
  // Bytes of stripes that were dropped, and of those that were stored, since the last pause.
  int64_t twice_bytes = 0;
  int64_t stored_bytes = 0;
};

// Written by Outbox: what is in flight to the target.
struct Delivery {
  int32_t ready_at = -1;           // node whose list of ready partitions has it, -1: none
  int32_t sent_to = -1;            // node that its batches in flight were sent to
  int32_t charged_to = -1;         // node whose memory share includes its queue, if is_charged
  bool is_charged = false;
  int32_t merged_bytes_max = 0;    // half a merged batch that was refused as too large; 0: none was
  int64_t merges_from = 0;         // no batch before this source offset is merged
  int32_t batch_bytes_max = 0;     // a batch of one more byte was refused; 0: not known
  int64_t dedup_proven_until = 0;  // until then the leader has the state of our producer (kProofMs)
  int32_t refetches = 0;           // in a row: the broker found the first batch damaged
  Obstacle refusal;                // for the earliest batch that was refused
  uint64_t refused_ordinal = 0;
  int32_t refused_record = -1;  // the index in that batch, -1: the broker names no record
  int32_t attempts = 0;  // in a row, for the first batch
  int64_t backoff_until = 0;
  int32_t scans_in_vain = 0;  // in a row, without an ack in between
  Obstacle unacknowledged;    // phase stopping: why the target has not acknowledged all batches
                              // sent. Code 0: it has
};

// Written by TargetScan.
struct ScanState {
  TargetFindings findings;
  uint64_t question = 0;   // number of the requests whose answers are awaited; 0: none yet
  int32_t unanswered = 0;  // how many of these requests have no answer
  int32_t attempts = 0;
  int64_t not_before = 0;
  // An ack that may be for the batch of another owner: its offset on the target and its append
  // time.
  int64_t doubted_offset = -1;
  int64_t doubted_time = -1;
  OffsetSpans spans;  // of the records that were skipped; reported once the seam is passed
  bool is_log_append_time = false;  // the topic has message.timestamp.type=LogAppendTime
};

struct Partition {
  // `incarnation`: unique in the lane.
  Partition(PartitionAssignment a, uint64_t incarnation)
      : id(a.id),
        topic(std::move(a.topic)),
        remote_topic(std::move(a.remote_topic)),
        number(a.partition),
        scan_from(a.scan_from),
        batching(a.batching),
        progress(a.progress),
        queue(incarnation << 32) {
    leaders.source.topic_id = a.topic_id;
    leaders.target.topic_id = a.remote_topic_id;
    ResetToProgress();
  }

  const uint32_t id;
  const std::string topic;
  const std::string remote_topic;
  const int32_t number;
  const int64_t scan_from;
  const Batching batching;

  PartitionPhase phase = PartitionPhase::kStarting;
  PerSide<Obstacle> obstacles;
  Shown shown;

  PerSide<Leadership> leaders;
  SourcePosition source;
  Striping striping;
  ProducerKnowledge producers;
  ReadFrom read;
  Progress progress;  // written by Outbox, BatchIntake, TargetScan; (C) never ahead of acks
  BatchQueue queue;
  IntakeQueue intake;  // written by BatchIntake; behind `queue`
  Delivery delivery;
  ScanState scan;
  PartitionCounters counters;
  std::optional<PartitionCounters> counted;  // written by Forwarder: the last row of statistics

  const PhaseTraits& traits() const { return kPhaseTraits[static_cast<size_t>(phase)]; }
  std::string name() const { return topic + "-" + std::to_string(number); }
  std::string target_name() const {
    return "target " + remote_topic + "-" + std::to_string(number);
  }
  const std::string& topic_on(Side side) const {
    return side == Side::kSource ? topic : remote_topic;
  }
  // Whether the leader of the target may still answer for batches in flight. The answers of
  // a former leader are ignored (TargetScan::TryBegin).
  bool awaits_leader() const {
    const int32_t leader = leaders.target.node;
    return queue.outstanding() > 0 && (leader < 0 || delivery.sent_to == leader);
  }
  // The node that the partition is fetched from, -1: none.
  int32_t source_node() const {
    return read.follower >= 0 ? read.follower : leaders.source.node;
  }
  // Neither queued nor in the intake: all batches fetched are acknowledged, or were dropped.
  bool has_nothing_to_send() const { return queue.empty() && intake.empty(); }
  int64_t waiting_bytes() const { return queue.bytes() + intake.bytes(); }
  // Where to continue if the first batch of the queue is left out, which loses `records`.
  SkipPoint BehindFront(int64_t records) const {
    return {queue.front().upstream_next, records, queue.front().leader_epoch};
  }
  // All batches that are not acknowledged are fetched again.
  void ResetToProgress() {
    intake.Clear();
    queue.Clear(progress.sequence);
    source.offset = progress.upstream;
    source.epoch = progress.leader_epoch;
    source.records_to_skip = 0;
  }
  // All unsent batches after the first `keep` batches are fetched again.
  void DropUnsentBehind(size_t keep) {
    const bool dropped = queue.DropUnsentBehind(keep);
    if (dropped || !intake.empty()) DropIntake();
  }
  // All batches behind the queue are fetched again.
  void DropIntake() {
    intake.Clear();
    source.offset = queue_end();
    source.epoch = queue.empty() ? progress.leader_epoch : queue.back().leader_epoch;
  }
  int64_t queue_end() const {
    return queue.empty() ? progress.upstream : queue.back().upstream_next;
  }
  void CheckInvariants(bool in_full) const;
};

}  // namespace longhaul
