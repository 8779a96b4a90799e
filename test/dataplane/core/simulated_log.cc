#include "simulated_log.h"

#include <algorithm>
#include <iterator>

#include "core/sequence.h"

namespace longhaul::test {
namespace {

constexpr int64_t kAppendTime = 1'800'000'000'000;

}  // namespace

int64_t SimulatedLog::last_stable_offset() const {
  int64_t stable = high_watermark();
  for (const auto& [producer, first] : open_) stable = std::min(stable, first);
  return stable;
}

int16_t SimulatedLog::Validate(const Bytes& bytes) const {
  if (bytes.size() < kRecordBatchHeaderSize) return kInvalidRecord;
  const RecordBatchView batch(bytes.data());
  if (batch.size() != bytes.size()) return kInvalidRecord;  // a second batch, or less than one
  if (batch.magic() != 2) return kInvalidRecord;
  if (batch.base_offset() != 0) return kInvalidRecord;
  if (max_message_bytes > 0 && static_cast<int32_t>(bytes.size()) > max_message_bytes)
    return kMessageTooLarge;
  if (refuses_codec && refuses_codec(batch.codec()))
    return kafka_error::kUnsupportedCompressionType;
  Bytes copy = bytes;
  SealCrc(copy);
  if (RecordBatchView(copy.data()).crc() != batch.crc()) return kCorruptMessage;
  if (batch.record_count() <= 0 || batch.record_count() != batch.last_offset_delta() + 1)
    return kInvalidRecord;
  if (batch.is_control() || batch.is_transactional()) return kInvalidRecord;
  if (batch.has_log_append_time()) return kInvalidTimestamp;
  if (batch.producer_id() >= 0 && batch.base_sequence() < 0) return kInvalidRecord;
  return 0;
}

int16_t SimulatedLog::CheckSequence(const RecordBatchView& batch, AppendResult* result) {
  if (batch.producer_id() < 0) return 0;
  const auto wrap = [](int64_t sequence) { return static_cast<int32_t>(sequence & 0x7fffffff); };
  const int32_t first = batch.base_sequence();
  const int32_t last = wrap(int64_t{first} + batch.last_offset_delta());
  auto [it, is_new] = producers_.try_emplace(batch.producer_id());
  ProducerEntry& producer = it->second;
  if (!is_new && batch.producer_epoch() < producer.epoch) return kInvalidProducerEpoch;
  if (!is_new && !producer.last.empty()) {
    for (const CachedBatch& cached : producer.last) {
      if (cached.first_sequence != first || cached.last_sequence != last) continue;
      result->base_offset = cached.base_offset;
      result->append_time = cached.timestamp;  // whatever the topic's timestamps are
      return 0;
    }
    if (first != wrap(int64_t{producer.last.back().last_sequence} + 1)) return kOutOfOrderSequence;
  }
  producer.epoch = batch.producer_epoch();
  producer.last.push_back(
      {first, last, end_, log_append_time ? kAppendTime : batch.max_timestamp()});
  if (producer.last.size() > 5) producer.last.pop_front();
  return 0;
}

Bytes SimulatedLog::AsStored(Bytes bytes) const {
  const RecordBatchView view(bytes.data());
  if (compression_type && *compression_type != view.codec()) {
    std::vector<TestRecord> records = ReadBatch(bytes);
    Bytes anew = BuildBatch(records, {.codec = *compression_type});
    std::copy_n(bytes.begin() + kProducerIdOffset, 14, anew.begin() + kProducerIdOffset);
    bytes = std::move(anew);
  }
  if (log_append_time) {
    bytes[kAttributesOffset + 1] |= kLogAppendTimeBit;
    StoreI64(&bytes[kMaxTimestampOffset], kAppendTime);
  }
  StoreI64(bytes.data(), end_);
  SealCrc(bytes);
  return bytes;
}

AppendResult SimulatedLog::Produce(const Bytes& bytes) {
  AppendResult result;
  result.error = Validate(bytes);
  if (result.error == 0 && refuses) {
    const std::vector<TestRecord> records = ReadBatch(bytes);
    for (size_t i = 0; i < records.size(); ++i)
      if (refuses(records[i])) result.refused.push_back(static_cast<int32_t>(i));
    if (!result.refused.empty()) result.error = kInvalidTimestamp;
  }
  if (result.error != 0) return result;
  result.error = CheckSequence(RecordBatchView(bytes.data()), &result);
  if (result.error != 0 || result.base_offset >= 0) return result;
  result.base_offset = end_;
  if (log_append_time) result.append_time = kAppendTime;
  result.appended = true;
  Store(AsStored(bytes));
  return result;
}

void SimulatedLog::Store(Bytes bytes) {
  const RecordBatchView view(bytes.data());
  if (!view.is_legacy()) StoreI32(&bytes[kLeaderEpochOffset], leader_epoch());
  LoggedBatch batch{std::move(bytes), view.base_offset(), view.last_offset()};
  end_ = batch.last + 1;
  batches_.push_back(std::move(batch));
}

std::optional<SimulatedLog::EpochEnd> SimulatedLog::EndOf(int32_t epoch) const {
  if (epoch == leader_epoch()) return EpochEnd{epoch, end_};
  const auto higher = epoch_starts_.upper_bound(epoch);
  if (higher == epoch_starts_.end()) return std::nullopt;
  if (higher == epoch_starts_.begin()) return EpochEnd{epoch, higher->second};
  return EpochEnd{std::prev(higher)->first, higher->second};
}

void SimulatedLog::Elect(int32_t node) {
  leader = node;
  epoch_starts_[leader_epoch() + 1] = end_;
}

void SimulatedLog::ElectUnclean(SimulatedLog replica) {
  const int32_t epoch = leader_epoch();
  replica.leader = leader;
  *this = std::move(replica);
  epoch_starts_[epoch + 1] = end_;
}

void SimulatedLog::EndTransaction(int64_t producer_id, bool commit) {
  const auto open = open_.find(producer_id);
  if (!commit) aborted_.push_back({producer_id, open->second, end_});
  open_.erase(open);
  TestRecord marker{.offset = end_, .timestamp = 1, .key = "marker", .value = "marker"};
  Bytes bytes = BuildBatch({marker}, {.more_attributes = kControlBit | kTransactionalBit});
  StoreI64(&bytes[kProducerIdOffset], producer_id);
  SealCrc(bytes);
  Store(std::move(bytes));
}

std::optional<Bytes> SimulatedLog::Read(int64_t offset, size_t bytes_max, bool whole_first,
                                        bool committed_only, int64_t end_max) const {
  if (offset < start_ || offset > std::min(end_, end_max)) return std::nullopt;
  const int64_t limit =
      std::min(end_max, committed_only ? last_stable_offset() : high_watermark());
  Bytes out;
  auto batch = std::partition_point(batches_.begin(), batches_.end(),
                                    [&](const LoggedBatch& b) { return b.last < offset; });
  for (; batch != batches_.end() && batch->last < limit; ++batch) {
    const size_t room = bytes_max > out.size() ? bytes_max - out.size() : 0;
    if (out.empty() && !whole_first && batch->bytes.size() > room) break;
    if (out.empty() || batch->bytes.size() <= room) {
      out.insert(out.end(), batch->bytes.begin(), batch->bytes.end());
    } else {
      out.insert(out.end(), batch->bytes.begin(),
                 batch->bytes.begin() + static_cast<ptrdiff_t>(room));
      break;
    }
  }
  return out;
}

std::vector<AbortedRange> SimulatedLog::AbortedIn(int64_t first, int64_t last) const {
  std::vector<AbortedRange> found;
  for (const AbortedRange& range : aborted_)
    if (range.first <= last && range.marker >= first) found.push_back(range);
  return found;
}

void SimulatedLog::TruncateTo(int64_t end) {
  while (!batches_.empty() && batches_.back().last >= end) {
    end_ = batches_.back().base;
    batches_.pop_back();
  }
  producers_.clear();
  for (const LoggedBatch& batch : batches_) {
    const RecordBatchView view(batch.bytes.data());
    if (view.is_legacy() || view.producer_id() < 0 || view.is_control()) continue;
    ProducerEntry& entry = producers_[view.producer_id()];
    entry.epoch = view.producer_epoch();
    const int32_t first = view.base_sequence();
    entry.last.push_back({first, SequenceAfter(first, view.last_offset_delta()), batch.base,
                          view.max_timestamp()});
    if (entry.last.size() > 5) entry.last.pop_front();
  }
}

std::vector<int64_t> SimulatedLog::producers() const {
  std::vector<int64_t> ids;
  for (const auto& [id, entry] : producers_) ids.push_back(id);
  return ids;
}

int32_t SimulatedLog::LastSequence(int64_t producer_id) const {
  const auto found = producers_.find(producer_id);
  if (found == producers_.end() || found->second.last.empty()) return -1;
  return found->second.last.back().last_sequence;
}

void SimulatedLog::DeleteBefore(int64_t offset) {
  start_ = offset;
  while (!batches_.empty() && batches_.front().last < offset) batches_.pop_front();
}

}  // namespace longhaul::test
