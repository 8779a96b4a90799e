#include "core/lane_context.h"

#include <algorithm>
#include <iterator>

#include "core/assertion.h"

namespace longhaul {
namespace {

int64_t* ReasonCounter(PartitionCounters* counters, BatchReason reason) {
  switch (reason) {
    case BatchReason::kNone:
      return &counters->passed_through;
    case BatchReason::kCompacted:
      return &counters->reencoded_compacted;
    case BatchReason::kOldMagic:
      return &counters->reencoded_old_magic;
    case BatchReason::kMidBatch:
      return &counters->reencoded_mid_batch;
    case BatchReason::kLogAppendTime:
      return &counters->reencoded_log_append_time;
    case BatchReason::kCodec:
      return &counters->reencoded_codec;
    case BatchReason::kTooLarge:
      return &counters->reencoded_too_large;
    case BatchReason::kMerged:
      return &counters->reencoded_merged;
    case BatchReason::kControl:
    case BatchReason::kEmpty:
    case BatchReason::kAborted:
    case BatchReason::kLooped:
    case BatchReason::kStale:
      break;
  }
  FailAssertion("a batch that was left out is counted as mirrored");
}

std::string Mebibytes(int64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

}  // namespace

ErrorClass ClassifyError(int32_t code) {
  auto in = [code](const auto& codes) {
    return std::find(std::begin(codes), std::end(codes), code) != std::end(codes);
  };
  if (code < -1) return {true, true};
  return {in(kRetriableCodes), in(kRefreshesMetadataCodes)};
}

std::string WithNeed(int32_t code, std::string what, const char* operation) {
  if (code == kafka_error::kTopicAuthorizationFailed)
    what += std::string(", which needs ") + operation + " on the topic";
  return what;
}

void LaneContext::SettleMemory() {
  const int64_t before = memory.bound_of_all();
  const int64_t bytes = std::min(line_memory.Look(now, transport->bytes_fetched_by_all(), before),
                                 settings.in_flight_bytes_raised_max);
  if (bytes > before && memory.RaiseAll(bytes))
    events->Log(kLogShown,
                "the process may have " + Mebibytes(bytes) + " of records in flight, no longer " +
                    Mebibytes(before) + ": its lanes fetch " +
                    Mebibytes(line_memory.bytes_per_second()) + " a second over round trips of " +
                    std::to_string(line_memory.round_trips_ms()) +
                    " ms; in.flight.bytes.max sets a fixed limit");
  memory.Settle(now);
  if (memory.lacks()) WakeAt(now + kLackLookMs);
}

// A debt shrinks faster when nobody else fetches, so a long wait is looked at again meanwhile.
int64_t LaneContext::HeldUntil(const Partition& p) {
  const int64_t due =
      std::max(bandwidth.OwesUntil(p.id, now), topic_bandwidth.DueAt(p.topic, now));
  return std::min(due, now + kHeldLookMs);
}

void LaneContext::SpendBandwidth(const Partition& p, int64_t asked, int64_t returned) {
  topic_bandwidth.Spend(p.topic, returned);
  bandwidth.Owe(p.id, returned - asked);
}

void LaneContext::CountMirrored(Partition* p, const QueuedBatch& batch) {
  PartitionCounters& c = p->counters;
  c.records += batch.records;
  c.batches++;
  c.bytes += batch.size;
  ++*ReasonCounter(&c, batch.reason);
  c.acked_timestamp_ms = std::max(c.acked_timestamp_ms, batch.max_timestamp);
  if (batch.max_timestamp < 0) return;
  const int64_t latency_ms = std::max<int64_t>(0, wall_now - batch.max_timestamp);
  latency.Add(latency_ms, batch.records);
  c.latency_sum_ms += latency_ms * batch.records;
}

void LaneContext::BeginScan(Partition* p, PartitionEvent event) {
  Assert(p->queue.outstanding() == 0, "a scan begins with nothing in flight");
  p->queue.RecallSent();
  p->delivery.refusal = {};
  p->delivery.dedup_proven_until = 0;
  p->scan.findings = TargetFindings(p->progress, p->scan_from);
  p->scan.spans.Clear();
  p->scan.question = 0;
  p->scan.unanswered = 0;
  p->scan.attempts = 0;
  p->scan.not_before = 0;
  counters.target_scans++;
  moves.Move(p, event);
}

}  // namespace longhaul
