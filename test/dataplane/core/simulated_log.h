// One partition of a simulated cluster: a log of record batches. It appends, refuses and returns
// batches by the rules of Apache Kafka's UnifiedLog, LogValidator and ProducerStateManager.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "batch_fixture.h"

namespace longhaul::test {

struct LoggedBatch {
  Bytes bytes;  // as stored: with its base offset
  int64_t base = 0;
  int64_t last = 0;
};

struct AbortedRange {
  int64_t producer_id = -1;
  int64_t first = 0;
  int64_t marker = 0;
};

struct AppendResult {
  int16_t error = 0;
  int64_t base_offset = -1;
  int64_t append_time = -1;
  bool appended = false;  // false, too, if the log already held the batch
  std::vector<int32_t> refused = {};  // records of the batch, by index
};

// Kafka error codes that the log itself returns.
constexpr int16_t kOffsetOutOfRange = 1, kCorruptMessage = 2, kMessageTooLarge = 10,
                  kInvalidTimestamp = 32, kOutOfOrderSequence = 45, kInvalidProducerEpoch = 47,
                  kInvalidRecord = 87;

class SimulatedLog {
 public:
  int64_t start() const { return start_; }
  int64_t end() const { return end_; }
  // Where the replica on a broker ends. During a slow election (leader -1) each broker answers as
  // the former leader, which has the whole log.
  int64_t EndAt(int32_t node) const {
    const auto found = replica_ends.find(node);
    const bool leads = leader < 0 || node == leader;
    return found == replica_ends.end() || leads ? end_ : std::min(found->second, end_);
  }
  // Where the log ends for readers: before its end while a new leader waits for its followers.
  int64_t high_watermark() const { return std::min(high_watermark_max, end_); }
  int64_t last_stable_offset() const;
  const std::deque<LoggedBatch>& batches() const { return batches_; }

  // What a leader does with the bytes of a Produce request.
  AppendResult Produce(const Bytes& bytes);
  // Appends a batch as it is, without a check. The batch contains its offsets.
  void Store(Bytes bytes);
  void OpenTransaction(int64_t producer_id) { open_.emplace(producer_id, end_); }
  void EndTransaction(int64_t producer_id, bool commit);

  // Up to `bytes_max` bytes from the batch that holds `offset`. The first batch comes whole if
  // `whole_first`, or else not at all; a later one may be cut (KIP-74).
  std::optional<Bytes> Read(int64_t offset, size_t bytes_max, bool whole_first,
                            bool committed_only, int64_t end_max = INT64_MAX) const;
  std::vector<AbortedRange> AbortedIn(int64_t first, int64_t last) const;

  // Kafka's LeaderEpochFileCache: the largest epoch not above `epoch`, and where it ends. Nothing
  // if the log has no epoch that large.
  struct EpochEnd {
    int32_t epoch;
    int64_t end;
  };
  std::optional<EpochEnd> EndOf(int32_t epoch) const;
  // Elects a leader; what it appends has the next epoch.
  void Elect(int32_t node);
  // An unclean election of a replica: what was appended since it was copied from this log is gone.
  void ElectUnclean(SimulatedLog replica);

  // What DescribeProducers returns; -1 of a producer without batches.
  std::vector<int64_t> producers() const;
  int32_t LastSequence(int64_t producer_id) const;
  void ForgetProducers() { producers_.clear(); }
  void DeleteBefore(int64_t offset);
  // What an unclean election leaves: nothing from the first batch on that ends behind `end`.
  void TruncateTo(int64_t end);
  // Replaces batches by what a log cleaner leaves of them.
  template <typename Clean>
  void Compact(Clean clean) {
    std::deque<LoggedBatch> kept;
    for (LoggedBatch& batch : batches_) {
      std::optional<Bytes> bytes = clean(batch);
      if (bytes) kept.push_back({*bytes, batch.base, batch.last});
    }
    batches_ = std::move(kept);
  }

  int32_t leader = 0;
  int32_t leader_epoch() const { return epoch_starts_.rbegin()->first; }
  int32_t max_message_bytes = 0;  // 0: no limit
  int64_t high_watermark_max = INT64_MAX;
  std::map<int32_t, int64_t> replica_ends;  // of followers that fetch nothing more, by node
  std::function<bool(Codec)> refuses_codec;
  std::optional<Codec> compression_type;  // the target compresses anew
  bool log_append_time = false;
  // Records with a timestamp out of bounds, say.
  std::function<bool(const TestRecord&)> refuses;

 private:
  struct CachedBatch {
    int32_t first_sequence;
    int32_t last_sequence;
    int64_t base_offset;
    int64_t timestamp;
  };
  struct ProducerEntry {
    int16_t epoch = 0;
    std::deque<CachedBatch> last;  // five
  };
  int16_t Validate(const Bytes& bytes) const;
  // Sets what a Produce response reports of a batch that the log holds already.
  int16_t CheckSequence(const RecordBatchView& batch, AppendResult* result);
  Bytes AsStored(Bytes bytes) const;

  std::deque<LoggedBatch> batches_;
  int64_t start_ = 0;
  int64_t end_ = 0;
  std::map<int64_t, ProducerEntry> producers_;
  std::map<int64_t, int64_t> open_;  // producer -> first offset
  std::vector<AbortedRange> aborted_;
  std::map<int32_t, int64_t> epoch_starts_{{0, 0}};
};

}  // namespace longhaul::test
