// Which batches of the source were written by inbound flows, by their producer ids. An inbound flow
// is another flow that writes into the source cluster under the same topic names. The records that
// it mirrored from the target must not return there.
//
// A list of inbound producer ids that is read from time to time is not enough: an inbound flow that
// starts under load produces before the next reading names its id. But an inbound flow records its
// id before its first batch. So a batch whose id is not known waits until the recorded ids have
// been read once more, after the lane received the batch (a question and its answer). An id that
// the reading does not contain belongs to an application. Batches that the source already held when
// the question was asked need no other question, so a long backlog costs one question for each
// partition.
//
// Inbound ids are kept for ever, because old batches carry them. Of the other ids at most
// kOthersMax are kept; when there are more, all are dropped, and each costs a question when it is
// seen again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace longhaul {

struct InboundProducer {
  int64_t id = -1;
  bool is_left_out = false;  // false: the batches that it wrote are forwarded
};

// `question` is the newest question that was known before the reading began; 0: none was asked.
struct ProducersAnswer {
  int64_t question = 0;
  std::vector<InboundProducer> inbound;
};

enum class ProducerVerdict : uint8_t { kForward, kLeaveOut, kUnknown };

class KnownProducers {
 public:
  static constexpr size_t kOthersMax = 65'536;  // about 3 MB a lane

  // Without `judges` the verdict is always kForward.
  explicit KnownProducers(bool judges) : judges_(judges) {}

  // A batch without a producer id (-1) is never of a flow.
  ProducerVerdict Judge(int64_t producer_id) const;
  // For an id that was not among the inbound ids read after its batch was received.
  void AddOther(int64_t producer_id);

  // The partition waits for an answer from now on. Returns the number of the question.
  int64_t Ask(uint32_t partition);
  void Forget(uint32_t partition) { waiting_.erase(partition); }
  // Returns the partitions whose questions are answered.
  std::vector<uint32_t> Answer(const ProducersAnswer& answer);
  bool is_awaited() const { return !waiting_.empty(); }
  // Partitions that wait, with the numbers of their questions.
  const std::unordered_map<uint32_t, int64_t>& waiting() const { return waiting_; }

 private:
  bool judges_;
  int64_t asked_ = 0;
  std::unordered_map<int64_t, bool> inbound_;  // whether it is left out
  std::unordered_set<int64_t> others_;
  std::unordered_map<uint32_t, int64_t> waiting_;
};

}  // namespace longhaul
