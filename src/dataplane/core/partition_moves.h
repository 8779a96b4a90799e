// The only writer of a partition's phase: carries out the moves of contract/partition-phases.ts,
// updates the work lists, and reports what is shown to the event queue. An illegal move fails an
// assertion. A move that leads back to the same phase changes nothing that is shown.
//
// The state that is shown depends on the phase and on the obstacles (retriable errors) of both
// clusters. A partition that is retried repeatedly is shown as `waiting` the whole time: the
// first acknowledgement clears an obstacle of the target, the first Fetch without an error one of
// the source.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/event_queue.h"
#include "core/partition.h"

namespace longhaul {

class PartitionMoves {
 public:
  using Ids = std::unordered_set<uint32_t>;

  // `errors` and `fetch_changes` are those of the lane.
  PartitionMoves(EventQueue* events, std::map<int32_t, int64_t>* errors, Ids* fetch_changes)
      : events_(events), errors_(errors), fetch_changes_(fetch_changes) {}

  // A partition that was just assigned.
  void Add(Partition* p);
  // A partition that is replaced or released: removes it from the lists.
  void Remove(const Partition& p);
  void Move(Partition* p, PartitionEvent event);
  bool IsLegal(const Partition& p, PartitionEvent event) const;

  // A partition that cannot continue is stalled until it is assigned again. A partition that is
  // being released does not fault: its next owner will meet the same fault.
  void Fail(Partition* p, Fault fault);
  // The source cannot be read further. The queued batches are valid and are produced first, so that
  // progress is exact when the partition faults. In a phase after which the source is read again,
  // the fault is ignored: that read will meet it.
  void EndSource(Partition* p, Fault fault);

  // Counts a retriable error and shows it.
  void CountObstacle(Partition* p, Side side, int32_t code, const std::string& detail);
  void SetObstacle(Partition* p, Side side, int32_t code, const std::string& detail);
  void ClearObstacle(Partition* p, Side side);

  const Ids& list(WorkList which) const { return lists_[static_cast<size_t>(which)]; }
  // For a loop whose moves change the list. A vector: a copy of a set has as many buckets as the
  // set ever needed, and each tick of an idle lane would clear those of thousands of partitions.
  std::vector<uint32_t> CopyOf(WorkList which) const {
    return {list(which).begin(), list(which).end()};
  }
  // Partitions that became able to produce since the last call. No other event enqueues their
  // batches.
  Ids TakeReady() { return std::exchange(ready_, {}); }

  void CheckInvariants(const Partition& p) const;

 private:
  void Enter(Partition* p, PartitionPhase phase);
  void Report(Partition* p, bool always = false);
  Ids& ListOf(const Partition& p) { return lists_[static_cast<size_t>(p.traits().list)]; }

  EventQueue* const events_;
  std::map<int32_t, int64_t>* const errors_;
  Ids* const fetch_changes_;
  std::array<Ids, kWorkListCount> lists_;
  Ids ready_;
};

}  // namespace longhaul
