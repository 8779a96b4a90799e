#include "source_writer.h"

#include <algorithm>

namespace longhaul::test {

std::vector<TestRecord> SourceWriter::Records(size_t count, bool gaps) {
  auto records = RandomRecords(*random_, count, log_->end(), gaps, options_.value_max);
  for (TestRecord& record : records) {
    record.key = "at " + std::to_string(record.offset);
    record.timestamp = options_.timestamp + record.offset;
  }
  return records;
}

void SourceWriter::Add(const std::vector<TestRecord>& records, int64_t producer_id) {
  const auto open = open_.find(producer_id);
  for (const TestRecord& record : records)
    written_.push_back({record, open == open_.end() ? -1 : open->second});
}

std::vector<TestRecord> SourceWriter::RecordsOf(size_t count, size_t value_bytes) {
  auto records = Records(count, false);
  for (TestRecord& record : records) {
    const Bytes value = random_->Bytes(value_bytes);
    record.value = std::string(value.begin(), value.end());
  }
  Add(records);
  return records;
}

void SourceWriter::WriteBatch(size_t count, size_t value_bytes, Codec codec) {
  log_->Store(BuildBatch(RecordsOf(count, value_bytes), {.codec = codec}));
}

void SourceWriter::WriteThinned(size_t count, size_t value_bytes, Codec codec) {
  const auto records = RecordsOf(count, value_bytes);
  log_->Store(BuildBatch(
      records, {.codec = codec, .last_offset = records.back().offset + 1}));
}

void SourceWriter::WriteTransactional(int64_t producer_id) {
  if (!open_.contains(producer_id)) {
    open_[producer_id] = static_cast<int64_t>(transactions_.size());
    transactions_.push_back(false);
    log_->OpenTransaction(producer_id);
  }
  const auto records = Records(1 + random_->Below(options_.records_max), false);
  Add(records, producer_id);
  Bytes batch = BuildBatch(
      records, {.codec = kAllCodecs[random_->Below(5)], .more_attributes = kTransactionalBit});
  StoreI64(&batch[kProducerIdOffset], producer_id);
  SealCrc(batch);
  log_->Store(std::move(batch));
}

void SourceWriter::End(int64_t producer_id, bool commit) {
  const auto open = open_.find(producer_id);
  if (open == open_.end()) return;
  transactions_[static_cast<size_t>(open->second)] = commit;
  open_.erase(open);
  log_->EndTransaction(producer_id, commit);
}

void SourceWriter::EndTransactions() {
  while (!open_.empty()) End(open_.begin()->first, random_->OneIn(2));
}

void SourceWriter::WriteLegacy() {
  const auto magic = static_cast<int8_t>(random_->Below(2));
  auto records = Records(1 + random_->Below(4), true);
  for (TestRecord& record : records) {
    record.headers.clear();
    if (magic == 0) record.timestamp = -1;
  }
  if (random_->OneIn(2)) records.resize(1);
  const bool wrapped = records.size() > 1;
  Add(records);
  log_->Store(wrapped ? BuildWrapper(magic, records, {}) : BuildMessage(magic, records.front()));
}

void SourceWriter::WriteOdd() {
  const Codec codec = kAllCodecs[random_->Below(5)];
  const int64_t end = log_->end();
  switch (random_->Below(4)) {
    case 0: {  // compacted, with gaps at both ends
      const auto records = Records(1 + random_->Below(options_.records_max), true);
      Add(records);
      const int64_t cut = static_cast<int64_t>(1 + random_->Below(3));
      log_->Store(BuildBatch(
          records,
          {.codec = codec, .base_offset = end, .last_offset = records.back().offset + cut}));
      return;
    }
    case 1: {  // emptied by compaction
      Bytes batch = BuildBatch({{.offset = end, .timestamp = 5}}, {});
      batch.resize(kRecordBatchHeaderSize);
      StoreI32(&batch[kLengthOffset], static_cast<int32_t>(batch.size() - kLogOverhead));
      StoreI32(&batch[kRecordCountOffset], 0);
      SealCrc(batch);
      return log_->Store(std::move(batch));
    }
    case 2: {  // marked by the log cleaner with a delete horizon (KIP-534)
      const auto records = Records(1 + random_->Below(options_.records_max), false);
      Add(records);
      const int64_t horizon = options_.timestamp + 86'400'000;
      return log_->Store(BuildBatch(records, {.codec = codec,
                                              .more_attributes = kDeleteHorizonBit,
                                              .base_timestamp = horizon}));
    }
    default: {
      auto records = Records(1 + random_->Below(options_.records_max), false);
      const int64_t appended_at = options_.timestamp + 1'000'000;
      const Bytes batch = BuildBatch(
          records,
          {.codec = codec, .more_attributes = kLogAppendTimeBit, .max_timestamp = appended_at});
      for (TestRecord& record : records) record.timestamp = appended_at;
      Add(records);
      log_->Store(batch);
    }
  }
}

void SourceWriter::WriteSomething() {
  if (options_.legacy && log_->batches().size() < 5) return WriteLegacy();
  const int64_t producer_id = 100 + static_cast<int64_t>(random_->Below(2));
  const uint64_t kind = random_->Below(10);
  if (kind < 3 && options_.transactions) return WriteTransactional(producer_id);
  if (kind < 5 && options_.transactions) return End(producer_id, random_->OneIn(2));
  if (kind < 6 && options_.odd_batches) return WriteOdd();
  const auto records = Records(1 + random_->Below(options_.records_max), false);
  Add(records);
  log_->Store(BuildBatch(records, {.codec = kAllCodecs[random_->Below(5)]}));
}

const std::vector<TestRecord>& SourceWriter::committed() {
  for (; seen_ < written_.size(); ++seen_) {
    const Written& w = written_[seen_];
    const bool is_open = std::any_of(
        open_.begin(), open_.end(), [&](const auto& open) { return open.second == w.transaction; });
    // Records after an open transaction are not visible, so none are decided here.
    if (is_open || w.record.offset >= log_->last_stable_offset()) break;
    if (w.transaction >= 0 && !transactions_[static_cast<size_t>(w.transaction)]) continue;
    committed_.push_back(w.record);
  }
  return committed_;
}

}  // namespace longhaul::test
