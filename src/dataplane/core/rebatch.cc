#include "core/rebatch.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/pooled_buffer.h"

namespace longhaul {

// The merged batch needs memory before its parts are freed. It may use half of what is kept free
// for scans of the target: a partition that has sent nothing for want of memory gets its scan.
int64_t Rebatch::BytesMax(const Partition& p) const {
  const MemoryAccount& memory = lane_->memory;
  int64_t bytes = std::min({lane_->settings.batch_size, lane_->settings.produce_request_bytes_max,
                            memory.fetch_room() + memory.scan_bytes_max() / 2});
  if (p.delivery.merged_bytes_max > 0)
    bytes = std::min<int64_t>(bytes, p.delivery.merged_bytes_max);
  if (p.delivery.batch_bytes_max > 0) bytes = std::min<int64_t>(bytes, p.delivery.batch_bytes_max);
  return bytes;
}

bool Rebatch::IsSmall(const QueuedBatch& batch) const {
  return batch.size <= std::min(lane_->settings.batch_size / kSmallShare,
                                SmallBytesMax(RecordBatchView(batch.data).codec()));
}

// A merge ends before a gap of the source (a control batch, an aborted transaction, a compacted
// record), so that the offsets of the merged records are contiguous on both sides.
std::vector<MergePart> Rebatch::FindParts(const Partition& p, int64_t bytes_max) const {
  std::vector<MergePart> parts;
  const bool is_auto = p.batching == Batching::kAuto;
  int64_t bytes = 0;
  for (size_t i = p.queue.sent(); i < p.queue.size() && parts.size() < kBatchesMax; i++) {
    const QueuedBatch& batch = p.queue[i];
    if (batch.was_sent || !batch.runs.empty() || batch.upstream_first < p.delivery.merges_from)
      break;
    if (is_auto && !IsSmall(batch)) break;
    if (i > p.queue.sent()) {
      const QueuedBatch& before = p.queue[i - 1];
      if (before.upstream_first + before.records != batch.upstream_first) break;
    }
    bytes += batch.size - static_cast<int64_t>(kRecordBatchHeaderSize);
    if (bytes > bytes_max) break;
    parts.push_back({RecordBatchView(batch.data), batch.upstream_first});
  }
  if (is_auto && parts.size() < static_cast<size_t>(kSmallShare)) parts.clear();
  return parts;
}

void Rebatch::TryMerge(Partition* p) {
  if (p->batching == Batching::kPassThrough || p->queue.unsent() < 2) return;
  const int64_t bytes_max = BytesMax(*p);
  const std::vector<MergePart> parts = FindParts(*p, bytes_max);
  if (parts.size() < 2) return;
  const MergeLimits limits{
      static_cast<size_t>(bytes_max),
      static_cast<size_t>(std::min(lane_->settings.decoded_bytes_max,
                                   lane_->settings.batch_size * kDecodedShare)),
      kBatchesMax};
  EncodedBatch encoded;
  const size_t count = MergeBatches(parts, limits, *lane_->codecs, &encoded);
  if (count == 0) return;
  const QueuedBatch& first = p->queue.first_unsent();
  const QueuedBatch& last = p->queue[p->queue.sent() + count - 1];
  auto kept = std::make_shared<PooledBuffer>(encoded.bytes.size());
  std::copy(encoded.bytes.begin(), encoded.bytes.end(), kept->data());
  QueuedBatch merged;
  merged.buffer = lane_->memory.Hold(std::move(kept));
  merged.data = merged.buffer->data();
  merged.size = static_cast<int32_t>(encoded.bytes.size());
  merged.records = encoded.records;
  merged.sequence = first.sequence;
  merged.upstream_first = first.upstream_first;
  merged.upstream_next = last.upstream_next;
  merged.leader_epoch = last.leader_epoch;
  merged.max_timestamp = encoded.max_timestamp;
  merged.reason = BatchReason::kMerged;
  const int32_t sequence = lane_->is_idempotent() ? merged.sequence : -1;
  PatchHeader(merged.data, encoded.bytes.size(), lane_->producer_id, lane_->producer_epoch,
              sequence);
  p->queue.ReplaceUnsent(count, std::move(merged));
}

}  // namespace longhaul
