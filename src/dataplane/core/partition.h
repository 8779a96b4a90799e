// One mirrored topic-partition inside a lane: where it stands on both sides, and its queue of
// batches between Fetch and ack. The queue is in source order; its first `sent` batches are out.
// Invariants (F), (C): batches leave the queue only from its front and only when acked, and
// progress moves only there.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "contract/contract.generated.h"
#include "seam.h"
#include "sequence.h"
#include "transport.h"

namespace longhaul {

constexpr int32_t kRefetchesMax = 3;  // of a damaged batch, then a fault

struct Progress {
  int64_t upstream = 0;    // next source offset to mirror
  int64_t downstream = 0;  // next target offset, when this flow alone writes
  int32_t sequence = 0;    // of the next batch (invariant B)
  // Source leader epoch of the batch before `upstream`, -1: not known. With it a leader can tell
  // whether its log is still the one that was mirrored.
  int32_t leader_epoch = -1;
};

struct QueuedBatch {
  uint8_t* data = nullptr;
  int32_t size = 0;
  int32_t records = 0;
  int32_t sequence = 0;
  int64_t upstream_next = 0;  // grows over dropped batches that follow
  int32_t leader_epoch = -1;  // of the last source batch before upstream_next
  int64_t max_timestamp = -1;
  size_t reason = 0;  // BatchReason that made it re-encoded, 0: passed through
  BufferRef buffer;   // keeps data alive
  bool acked = false;
  int64_t base_offset = -1;
};

// What a fault is about on the source, where that is known: the mirror can go on at `next`.
struct Unmirrorable {
  int64_t next = -1;          // the offset behind it, -1: not known
  int64_t records = -1;       // at most so many
  int32_t leader_epoch = -1;  // of the batch before `next`, -1: not known
};

struct PartitionAssignment {
  uint32_t id = 0;  // unique in the flow; the caller's handle
  std::string topic;
  std::string remote_topic;
  int32_t partition = 0;
  Progress progress;
  int32_t batch_bytes_max = 0;  // of the target topic, 0: not known
  int64_t scan_from = -1;       // the target's log start where progress is older than that, or -1
};

struct Partition {
  explicit Partition(PartitionAssignment a)
      : id(a.id),
        topic(std::move(a.topic)),
        remote_topic(std::move(a.remote_topic)),
        partition(a.partition),
        batch_bytes_max(a.batch_bytes_max),
        scan_from(a.scan_from),
        progress(a.progress) {
    ResetToProgress();
    BeginResume();
  }

  const uint32_t id;
  const std::string topic;
  const std::string remote_topic;
  const int32_t partition;
  int32_t batch_bytes_max;
  const int64_t scan_from;

  PartitionState state = PartitionState::kStarting;
  int32_t code = 0;  // of the last state move or of the error being retried
  std::string detail;
  Unmirrorable unmirrorable;  // what the fault that it is in is about
  bool stopping = false;      // revoked: stops as soon as nothing is outstanding

  int32_t leaders[kSides] = {-1, -1};
  int32_t leader_epochs[kSides] = {-1, -1};
  int64_t missing_since[kSides] = {0, 0};  // first metadata without this partition, 0: it is there
  TopicId topic_ids[kSides] = {};

  // Source side.
  int64_t fetch_offset = 0;
  int32_t fetch_epoch = -1;      // leader epoch of the batch before it, -1: not known
  int64_t fetch_not_before = 0;  // backing off after an error of the source
  int32_t routed_to = -1;        // node whose fetch order it stands in
  int64_t high_watermark = -1;
  int64_t last_stable_offset = -1;
  int64_t log_start_offset = -1;
  int32_t refetches = 0;  // in a row, because of a damaged batch

  // The queue.
  std::deque<QueuedBatch> queue;
  uint64_t front_ordinal = 0;  // of queue.front(); a batch keeps its ordinal
  size_t sent = 0;             // batches at the front that have been sent and not popped
  size_t outstanding = 0;      // of those, without a reply
  int64_t queued_bytes = 0;
  int32_t next_sequence = 0;

  // Target side.
  Progress progress;
  int32_t ready_at = -1;     // node in whose line for the next request it stands
  int64_t proven_until = 0;  // a recent ack proves that the broker has our sequence state
  int32_t sent_to = -1;      // node that the outstanding batches went to
  int32_t failure_code = 0;
  uint64_t failure_ordinal = 0;
  std::string failure_detail;
  int64_t backoff_until = 0;
  int32_t attempts = 0;
  int32_t resumes = 0;     // in a row that found nothing new, without an ack in between
  int32_t fault_code = 0;  // faults with this as soon as what is queued has been acked
  std::string fault_detail;
  Unmirrorable fault_unmirrorable;

  // Resume.
  int64_t scan_offset = 0;  // the end of what was looked at
  uint64_t look = 0;        // which question of a resume it waits for, 0: none yet
  int32_t asking = 0;       // questions of that without an answer
  int64_t foreign_offset = -1;  // of an ack that seems to be for somebody else's batch, and its
  int64_t foreign_time = -1;    // append time
  bool tells_append_time = false;  // each ack does, as of a topic with append times
  // The target has a new leader, which may lack what the old one acked (unclean election): it is
  // looked at before anything more is sent.
  bool look_first = false;
  Seam seam;

  PartitionCounters counters;

  std::string target_name() const {
    return "target " + remote_topic + "-" + std::to_string(partition);
  }
  size_t unsent() const { return queue.size() - sent; }
  bool running() const { return state == PartitionState::kRunning && !stopping; }

  // Where to go on if the first batch of the queue cannot be mirrored, at the cost of `records`.
  Unmirrorable BehindFront(int64_t records) const {
    return {queue.front().upstream_next, records, queue.front().leader_epoch};
  }
  // The target holds the first batch of the queue.
  void PopFront() {
    queued_bytes -= queue.front().size;
    queue.pop_front();
    front_ordinal++;
  }
  // Forgets everything that is not acked; it is fetched again. Nothing may be outstanding.
  void ResetToProgress() {
    front_ordinal += queue.size() + 1;  // replies that still name an old ordinal find nothing
    queue.clear();
    sent = 0;
    queued_bytes = 0;
    fetch_offset = progress.upstream;
    fetch_epoch = progress.leader_epoch;
    next_sequence = progress.sequence;
    seam.records_left = 0;
    fault_code = 0;
  }
  // The target is to be looked at anew. Nothing may be outstanding: an ack that came after this
  // would be counted twice, by progress and by the scan.
  void BeginResume() {
    scan_offset = std::max(progress.downstream, scan_from);
    seam = {};
    // What the target has trimmed may have held batches of ours that progress does not know of.
    seam.offsets_missing = seam.offsets_trimmed = scan_offset - progress.downstream;
    seam.sequence_next = progress.sequence;
    seam.checks_last = progress.sequence > 0 && seam.offsets_trimmed == 0;
    proven_until = 0;
    look_first = false;
  }
  // Forgets all but the first `keep` batches; never what was sent.
  void DropUnsentBehind(size_t keep) {
    bool dropped = false;
    for (; queue.size() > std::max(keep, sent); dropped = true) {
      queued_bytes -= queue.back().size;
      next_sequence = queue.back().sequence;
      queue.pop_back();
    }
    if (!dropped) return;
    fetch_offset = queue.empty() ? progress.upstream : queue.back().upstream_next;
    fetch_epoch = queue.empty() ? progress.leader_epoch : queue.back().leader_epoch;
  }
};

}  // namespace longhaul
