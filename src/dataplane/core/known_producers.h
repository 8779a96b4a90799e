// Whose batches the source holds, by their producer ids. Another flow may write into the source
// cluster under the same topic names (an inbound flow). What it brought from the target must not go
// back there.
//
// A list of inbound producer ids is not enough: an inbound flow that begins under load produces
// before a list that is read now and then would name its id. But an inbound flow puts its id on
// record before its first batch. So a batch whose id is not known waits until the records were read
// once more, from after the lane has received the batch (a question and its answer): an id that is
// not among them is of an application. And what the source held when the question was asked needs
// no question of its own, so that a long backlog costs one a partition.
//
// Inbound ids stay known for ever: old batches carry them. Of the others at most kOthersMax are
// kept; when they are full all are forgotten, and cost a question each when they are met again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace longhaul {

struct InboundProducer {
  int64_t id = -1;
  bool is_left_out = false;  // false: what it wrote is forwarded
};

// `question` is the newest one that was known before the reading began; 0: none was asked.
struct ProducersAnswer {
  int64_t question = 0;
  std::vector<InboundProducer> inbound;
};

enum class ProducerVerdict : uint8_t { kForward, kLeaveOut, kUnknown };

class KnownProducers {
 public:
  static constexpr size_t kOthersMax = 65'536;  // about 3 MB a lane

  // Unless it `judges`, everything is forwarded.
  explicit KnownProducers(bool judges) : judges_(judges) {}

  // Batches without a producer id (-1) are never of a flow.
  ProducerVerdict Judge(int64_t producer_id) const;
  // It was not among the inbound ids that were read after its batch was received.
  void AddOther(int64_t producer_id);

  // The partition waits from now on. Returns the number of the question.
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
