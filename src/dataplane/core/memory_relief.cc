#include "core/memory_relief.h"

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/pooled_buffer.h"

namespace longhaul {

void MemoryRelief::Relieve() {
  if (lane_->now < not_before_) return lane_->WakeAt(not_before_);
  not_before_ = lane_->now + kEveryMs;
  EvictStalled();
  CopyOut();
}

bool MemoryRelief::IsStalled(const Partition& p) const {
  if (p.phase == PartitionPhase::kMoving) return true;
  if (p.phase == PartitionPhase::kRetrying) return p.delivery.backoff_until > lane_->now;
  return p.traits().is_active && lane_->watch.IsSuspect(Side::kTarget, p.leaders.target.node);
}

void MemoryRelief::EvictStalled() {
  for (const auto& [id, p] : lane_->partitions) {
    if (p->queue.unsent() == 0 || !IsStalled(*p)) continue;
    if (p->queue.sent() == 0)
      p->ResetToProgress();
    else
      p->DropUnsentBehind(0);
    p->source.not_before = lane_->now + lane_->settings.retry_backoff_max_ms;
    lane_->FetchChanged(*p);
    lane_->counters.evictions++;
  }
}

// One response after another: each is freed before the batches of the next one are copied.
void MemoryRelief::CopyOut() {
  struct Place {
    Partition* p;
    size_t index;
  };
  std::unordered_map<HeldBuffer*, std::vector<Place>> dead;
  for (const auto& [id, p] : lane_->partitions) {
    for (size_t i = p->queue.sent(); i < p->queue.size(); i++) {
      HeldBuffer* buffer = p->queue[i].buffer.get();
      if (buffer->in_flight == 0 && buffer->queued_bytes() * kDeadShare <= buffer->size())
        dead[buffer].push_back({p.get(), i});
    }
  }
  for (const auto& [buffer, places] : dead) {
    size_t bytes = 0;
    for (const Place& place : places)
      bytes += static_cast<size_t>(place.p->queue[place.index].size);
    if (static_cast<int64_t>(bytes) >
        std::max(lane_->memory.scan_bytes_max(), lane_->memory.bound() - lane_->memory.held()))
      continue;
    const HeldRef copies = lane_->memory.Hold(std::make_shared<PooledBuffer>(bytes));
    uint8_t* to = copies->data();
    for (const Place& place : places) {
      const QueuedBatch& batch = place.p->queue[place.index];
      std::copy_n(batch.data, batch.size, to);
      const int32_t size = batch.size;
      place.p->queue.MoveBatch(place.index, copies, to);
      to += size;
    }
    lane_->counters.copied_out_responses++;
  }
}

}  // namespace longhaul
