#include "core/batch_queue.h"

#include <algorithm>
#include <utility>

#include "core/assertion.h"
#include "core/sequence.h"

namespace longhaul {

int64_t UpstreamOffset(const QueuedBatch& batch, int64_t index) {
  for (const OffsetRun& run : batch.runs) {
    if (index < run.length) return run.upstream + index;
    index -= run.length;
  }
  return batch.runs.empty() ? batch.upstream_first + index : batch.upstream_next;
}

BatchQueue::~BatchQueue() { Clear(0); }

// `times`: 1 for a batch that is added, -1 for one that is removed.
void BatchQueue::Count(const QueuedBatch& batch, int64_t times) {
  bytes_ += times * batch.size;
  if (batch.merge != nullptr) merging_ += static_cast<size_t>(times);
  if (account_ != nullptr) *account_ += times * batch.size;
  batch.buffer->CountBatch(times, batch.size);
}

void BatchQueue::ChargeTo(int64_t* account) {
  if (account_ != nullptr) *account_ -= bytes_;
  account_ = account;
  if (account_ != nullptr) *account_ += bytes_;
}

void BatchQueue::Push(QueuedBatch batch) {
  Assert(batch.sequence == next_sequence_, "a batch is queued with the sequence that is next");
  next_sequence_ = SequenceAfter(next_sequence_, batch.records);
  Count(batch, 1);
  batches_.push_back(std::move(batch));
}

void BatchQueue::ExtendBack(int64_t upstream_next, int32_t leader_epoch) {
  batches_.back().upstream_next = upstream_next;
  batches_.back().leader_epoch = leader_epoch;
}

void BatchQueue::BeginMerge(size_t index, size_t count, const std::shared_ptr<MergeJob>& job) {
  Assert(index >= sent_ && index + count <= size(), "only unsent batches are merged");
  for (size_t i = index; i < index + count; i++) batches_[i].merge = job;
  merging_ += count;
}

void BatchQueue::EndMerge(size_t index, size_t count) {
  for (size_t i = index; i < index + count; i++) batches_[i].merge = nullptr;
  merging_ -= count;
}

size_t BatchQueue::CountParts(size_t index) const {
  size_t count = 1;
  const auto& job = batches_[index].merge;
  if (job == nullptr) return count;
  while (index + count < size() && batches_[index + count].merge == job) count++;
  return count;
}

void BatchQueue::ReplaceUnsent(size_t index, size_t count, QueuedBatch merged) {
  Assert(count > 0 && index >= sent_ && index + count <= size(),
         "only unsent batches are replaced");
  const auto first = batches_.begin() + static_cast<std::ptrdiff_t>(index);
  const auto end = first + static_cast<std::ptrdiff_t>(count);
  int64_t records = 0;
  for (auto batch = first; batch != end; ++batch) {
    Assert(!batch->was_sent, "a batch that may be on the target keeps its boundaries");
    records += batch->records;
    Count(*batch, -1);
  }
  Assert(records == merged.records && first->sequence == merged.sequence,
         "a merged batch has the records and the sequence of its parts");
  Count(merged, 1);
  *first = std::move(merged);
  batches_.erase(first + 1, end);
}

BatchQueue::Ticket BatchQueue::MarkSent() {
  Assert(unsent() > 0, "only an unsent batch is sent");
  outstanding_++;
  batches_[sent_].was_sent = true;
  return {term_, front_ordinal_ + sent_++};
}

QueuedBatch* BatchQueue::TakeReply(const Ticket& ticket) {
  if (ticket.term != term_ || ticket.ordinal < front_ordinal_) return nullptr;
  const size_t index = static_cast<size_t>(ticket.ordinal - front_ordinal_);
  Assert(index < sent_ && outstanding_ > 0, "a reply of this term is for a batch in flight");
  outstanding_--;
  return &batches_[index];
}

void BatchQueue::PopFront() {
  Assert(sent_ == 0 || batches_.front().acked, "a batch in flight stays until it is acknowledged");
  if (sent_ > 0) sent_--;
  Count(batches_.front(), -1);
  batches_.pop_front();
  front_ordinal_++;
}

void BatchQueue::RecallSent() {
  for (size_t i = 0; i < sent_; i++) batches_[i].acked = false;
  sent_ = outstanding_ = 0;
  term_++;
}

void BatchQueue::Clear(int32_t next_sequence) {
  for (const QueuedBatch& batch : batches_) Count(batch, -1);
  batches_.clear();
  sent_ = outstanding_ = 0;
  term_++;
  next_sequence_ = next_sequence;
}

bool BatchQueue::DropUnsentBehind(size_t keep) {
  const size_t before = size();
  for (; size() > std::max(keep, sent_); batches_.pop_back()) {
    Count(batches_.back(), -1);
    next_sequence_ = batches_.back().sequence;
  }
  return size() < before;
}

void BatchQueue::SkipRecords(int64_t records) {
  Assert(empty(), "nothing is queued while records of the source are skipped");
  next_sequence_ = SequenceAfter(next_sequence_, records);
}

void BatchQueue::MoveBatch(size_t index, HeldRef buffer, uint8_t* data) {
  QueuedBatch& batch = batches_[index];
  Assert(index >= sent_, "only an unsent batch moves to other memory");
  Assert(data >= buffer->data() && data + batch.size <= buffer->data() + buffer->size(),
         "a batch that moves lies inside its buffer");
  Count(batch, -1);
  batch.data = data;
  batch.buffer = std::move(buffer);
  Count(batch, 1);
}

void BatchQueue::CheckInvariants(int32_t first_sequence, bool in_full) const {
  Assert(sent_ <= size() && outstanding_ <= sent_, "outstanding <= sent <= queued");
  Assert((empty() ? next_sequence_ : front().sequence) == first_sequence,
         "the queue begins with the sequence that progress names");
  if (!in_full) return;
  int64_t bytes = 0;
  int32_t sequence = first_sequence;
  int64_t upstream = 0;
  size_t position = 0, merging = 0;
  for (const QueuedBatch& batch : batches_) {
    Assert(batch.sequence == sequence, "sequences of a queue are contiguous");
    Assert(batch.merge == nullptr || (!batch.was_sent && position >= sent_),
           "a batch that is sent does not wait for a merge");
    Assert(batch.upstream_first >= upstream && batch.upstream_next > batch.upstream_first,
           "a queue is in source order");
    sequence = SequenceAfter(sequence, batch.records);
    upstream = batch.upstream_next;
    bytes += batch.size;
    position++;
    merging += batch.merge != nullptr ? 1 : 0;
  }
  Assert(sequence == next_sequence_, "the next sequence follows the last batch");
  Assert(merging == merging_, "a queue knows how many of its batches wait for a merge");
  Assert(bytes == bytes_, "the bytes of a queue are the sum of its batches");
}

}  // namespace longhaul
