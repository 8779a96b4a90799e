#include "core/rebatch.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace longhaul {

// The merged batch needs memory before its parts are freed, and counts as held from the begin of
// its job on. It may use half of what is kept free for scans of the target: a partition that has
// sent nothing for want of memory gets its scan.
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
std::vector<MergeJob::Part> Rebatch::FindParts(const Partition& p, size_t first,
                                               int64_t bytes_max) const {
  std::vector<MergeJob::Part> parts;
  const bool is_auto = p.batching == Batching::kAuto;
  int64_t bytes = 0;
  for (size_t i = first; i < p.queue.size() && parts.size() < kBatchesMax; i++) {
    const QueuedBatch& batch = p.queue[i];
    if (!batch.MayMerge() || batch.upstream_first < p.delivery.merges_from) break;
    if (is_auto && !IsSmall(batch)) break;
    if (i > first) {
      const QueuedBatch& before = p.queue[i - 1];
      if (before.upstream_first + before.records != batch.upstream_first) break;
    }
    bytes += batch.size - static_cast<int64_t>(kRecordBatchHeaderSize);
    if (bytes > bytes_max) break;
    parts.push_back({{RecordBatchView(batch.data), batch.upstream_first}, batch.buffer});
  }
  if (is_auto && parts.size() < static_cast<size_t>(kSmallShare)) parts.clear();
  return parts;
}

void Rebatch::Begin(Partition* p, size_t in_flight_max) {
  if (p->batching == Batching::kPassThrough) return;
  size_t first = p->queue.sent();
  for (size_t ahead = first; ahead < in_flight_max && first < p->queue.size();) {
    const QueuedBatch& batch = p->queue[first];
    const bool is_ahead = batch.merge != nullptr || batch.reason == BatchReason::kMerged;
    if (is_ahead) {
      first += p->queue.CountParts(first);
      ahead++;
    } else if (!TryBegin(p, first)) {
      return;
    }
  }
}

bool Rebatch::TryBegin(Partition* p, size_t first) {
  const int64_t bytes_max = BytesMax(*p);
  std::vector<MergeJob::Part> parts = FindParts(*p, first, bytes_max);
  if (parts.size() < 2) return false;
  const MergeLimits limits{
      static_cast<size_t>(bytes_max),
      static_cast<size_t>(std::min(lane_->settings.decoded_bytes_max,
                                   lane_->settings.batch_size * kDecodedShare)),
      kBatchesMax};
  const auto job = std::make_shared<MergeJob>(p->id, std::move(parts), limits, &lane_->memory);
  p->queue.BeginMerge(first, job->parts(), job);
  lane_->encode_jobs.Add(job);
  if (!job->is_done) return true;
  Finish(p);
  return job->merged > 0;
}

void Rebatch::Finish(Partition* p) {
  size_t left = p->queue.merging();  // batches that wait for a merge
  for (size_t i = p->queue.sent(); left > 0; i++) {
    const std::shared_ptr<MergeJob> job = p->queue[i].merge;
    if (job == nullptr) continue;
    const size_t parts = p->queue.CountParts(i);
    left -= parts;
    if (!job->is_done) {
      i += parts - 1;
      continue;
    }
    p->queue.EndMerge(i, parts);
    if (parts < job->parts()) continue;  // some were dropped, and are fetched again
    if (job->merged > 0)
      Replace(p, i, *job);
    else
      p->queue.KeepApart(i);
  }
}

void Rebatch::Replace(Partition* p, size_t index, const MergeJob& job) {
  const QueuedBatch& first = p->queue[index];
  const QueuedBatch& last = p->queue[index + job.merged - 1];
  QueuedBatch merged;
  merged.buffer = job.held;
  merged.data = merged.buffer->data();
  merged.size = static_cast<int32_t>(merged.buffer->size());
  merged.records = job.encoded.records;
  merged.sequence = first.sequence;
  merged.upstream_first = first.upstream_first;
  merged.upstream_next = last.upstream_next;
  merged.leader_epoch = last.leader_epoch;
  merged.max_timestamp = job.encoded.max_timestamp;
  merged.reason = BatchReason::kMerged;
  const int32_t sequence = lane_->is_idempotent() ? merged.sequence : -1;
  PatchHeader(merged.data, static_cast<size_t>(merged.size), lane_->producer_id,
              lane_->producer_epoch, sequence);
  p->queue.ReplaceUnsent(index, job.merged, std::move(merged));
}

}  // namespace longhaul
