// The one writer of a partition's phase: carries out the moves of contract/partition-phases.ts,
// keeps the work lists in line with the phases, and tells the event queue what is shown. An illegal
// move is an assertion.
//
// What is shown changes with the phase and with the obstacles (retriable errors) of both clusters.
// A partition that is retried again and again stays `waiting` all the while: an obstacle of the
// target goes with the first acknowledgement, one of the source with the first good Fetch.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>

#include "core/event_queue.h"
#include "core/partition.h"

namespace longhaul {

class PartitionMoves {
 public:
  using Ids = std::unordered_set<uint32_t>;

  // `errors` counts by code; `fetch_changes` is that of the lane.
  PartitionMoves(EventQueue* events, std::map<int32_t, int64_t>* errors, Ids* fetch_changes)
      : events_(events), errors_(errors), fetch_changes_(fetch_changes) {}

  // A partition that was just assigned.
  void Add(Partition* p);
  // It is replaced or released, and leaves the lists.
  void Remove(const Partition& p);
  void Move(Partition* p, PartitionEvent event);
  bool IsLegal(const Partition& p, PartitionEvent event) const;

  // A partition that cannot go on stands still until it is assigned again. One that is being
  // released does not fault: its next owner meets the fault.
  void Fail(Partition* p, Fault fault);
  // The source cannot be read on. What is queued is good and goes first, so that progress says how
  // far the partition got. In a phase that will read the source anew the fault is met again then.
  void EndSource(Partition* p, Fault fault);

  // Counts a retriable error and shows it.
  void CountObstacle(Partition* p, Side side, int32_t code, const std::string& detail);
  void SetObstacle(Partition* p, Side side, int32_t code, const std::string& detail);
  void ClearObstacle(Partition* p, Side side);

  const Ids& list(WorkList which) const { return lists_[static_cast<size_t>(which)]; }
  // Partitions that can produce since they were last asked for: nothing else offers their batches.
  Ids TakeReady() { return std::exchange(ready_, {}); }

  void CheckInvariants(const Partition& p) const;

 private:
  void Enter(Partition* p, PartitionPhase phase);
  void Tell(Partition* p, bool always = false);
  Ids& ListOf(const Partition& p) { return lists_[static_cast<size_t>(p.traits().list)]; }

  EventQueue* const events_;
  std::map<int32_t, int64_t>* const errors_;
  Ids* const fetch_changes_;
  std::array<Ids, kWorkListCount> lists_;
  Ids ready_;
};

}  // namespace longhaul
