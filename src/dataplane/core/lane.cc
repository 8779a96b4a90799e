#include "lane.h"

#include <algorithm>
#include <iterator>

namespace longhaul {
namespace {

int64_t* ReasonCounter(PartitionCounters* counters, size_t reason) {
  switch (reason) {
    case 0:
      return &counters->passed_through;
    case 6:
      return &counters->reencoded_compacted;
    case 7:
      return &counters->reencoded_old_magic;
    case 8:
      return &counters->reencoded_mid_batch;
    case 9:
      return &counters->reencoded_log_append_time;
    default:
      return &counters->reencoded_too_large;
  }
}

}  // namespace

ErrorClass ClassifyError(int32_t code) {
  auto in = [code](const auto& codes) {
    return std::find(std::begin(codes), std::end(codes), code) != std::end(codes);
  };
  if (code < -1) return {true, true};
  return {in(kRetriableCodes), in(kRefreshesMetadataCodes)};
}

Reach Lane::TryReach(Side side, int32_t node, int16_t api_key, int16_t min, int16_t max,
                     int16_t* version) {
  const bool up = transport->broker_state(side, node) == BrokerState::kUp;
  *version = up ? transport->api_version(side, node, api_key, min, max) : int16_t{-1};
  if (*version >= 0) {
    unreachable_since.erase({side, node});
    return Reach::kReady;
  }
  const int64_t since = unreachable_since.emplace(std::pair(side, node), now).first->second;
  if (now - since < kBrokerGraceMs) return Reach::kConnecting;
  return up ? Reach::kUnsupported : Reach::kDown;
}

void Lane::SetState(Partition* p, PartitionState state, int32_t code, std::string detail) {
  if (p->state == state && p->code == code && p->detail == detail) return;
  p->state = state;
  p->code = code;
  p->detail = std::move(detail);
  if (state == PartitionState::kStarting || state == PartitionState::kResuming)
    resuming.insert(p->id);
  events->State(*p, false);
}

void Lane::Fault(Partition* p, int32_t code, std::string detail, Unmirrorable what) {
  errors[code]++;
  p->outstanding = 0;
  p->failure_code = 0;
  p->ResetToProgress();
  p->unmirrorable = what;
  SetState(p, PartitionState::kFaulted, code, std::move(detail));
}

void Lane::FaultAfterQueue(Partition* p, int32_t code, std::string detail, Unmirrorable what) {
  if (p->queue.empty()) return Fault(p, code, std::move(detail), what);
  p->fault_code = code;
  p->fault_detail = std::move(detail);
  p->fault_unmirrorable = what;
}

void Lane::CountMirrored(Partition* p, const QueuedBatch& batch) {
  PartitionCounters& c = p->counters;
  c.records += batch.records;
  c.batches++;
  c.bytes += batch.size;
  ++*ReasonCounter(&c, batch.reason);
  c.acked_timestamp_ms = std::max(c.acked_timestamp_ms, batch.max_timestamp);
  if (batch.max_timestamp >= 0) latency.Add(wall_now - batch.max_timestamp, batch.records);
}

void Lane::NoteRetry(Partition* p, int32_t code, const std::string& detail) {
  errors[code]++;
  Show(p, code, detail);
}

BufferRef Lane::Hold(BufferRef buffer) {
  auto size = static_cast<int64_t>(buffer->size());
  *held_bytes += size;
  Buffer* raw = buffer.get();
  return BufferRef(raw, [account = held_bytes, size, owner = std::move(buffer)](Buffer*) mutable {
    *account -= size;
    owner.reset();
  });
}

}  // namespace longhaul
