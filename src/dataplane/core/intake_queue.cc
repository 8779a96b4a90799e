#include "core/intake_queue.h"

#include <utility>

#include "core/assertion.h"

namespace longhaul {

// The bytes of a batch stay where they are meanwhile: a job may read them.
void IntakeQueue::Count(const IntakeBatch& batch, int32_t times) {
  bytes_ += times * batch.batch.size;
  if (batch.job != nullptr) jobs_ += static_cast<size_t>(times);
  batch.batch.buffer->CountBatch(times, batch.batch.size);
  batch.batch.buffer->in_flight += times;
}

void IntakeQueue::Push(IntakeBatch batch) {
  Count(batch, 1);
  batches_.push_back(std::move(batch));
}

IntakeBatch IntakeQueue::PopFront() {
  Assert(!empty() && front().is_ready(), "a batch leaves the intake at the front, encoded");
  IntakeBatch batch = std::move(batches_.front());
  batches_.pop_front();
  Count(batch, -1);
  return batch;
}

void IntakeQueue::ExtendBack(int64_t upstream_next, int32_t leader_epoch) {
  batches_.back().batch.upstream_next = upstream_next;
  batches_.back().batch.leader_epoch = leader_epoch;
}

void IntakeQueue::Clear() {
  for (const IntakeBatch& batch : batches_) Count(batch, -1);
  batches_.clear();
}

void IntakeQueue::CheckInvariants(int64_t queue_end, int64_t source_offset) const {
  if (empty()) return;
  int64_t bytes = 0;
  int64_t upstream = queue_end;
  for (const IntakeBatch& each : batches_) {
    Assert(each.batch.upstream_first >= upstream &&
               each.batch.upstream_next >= each.batch.upstream_first,
           "an intake is in source order, behind the queue");
    upstream = each.batch.upstream_next;
    bytes += each.batch.size;
  }
  Assert(upstream == source_offset, "the next Fetch is from the end of the intake on");
  Assert(bytes == bytes_, "the bytes of an intake are the sum of its batches");
  Assert(front().job != nullptr, "an intake waits for its first batch to be re-encoded");
}

}  // namespace longhaul
