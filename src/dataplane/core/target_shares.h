// How much of a lane's memory each target broker holds: bytes of queued batches of the partitions
// that the broker leads. A broker that hangs would fill the lane with its batches and stop the
// partitions of all others; with several target brokers each gets a share, and no more is fetched
// for a broker that is over its share. Partitions without a leader share one account.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include "core/partition.h"

namespace longhaul {

class TargetShares {
 public:
  // The part of the lane's bound that one of several brokers may queue. What a broker queues may
  // pin as much again in responses that are half dead (memory_relief.h), and its requests in flight
  // pin up to half of the bound: something is left for others until the broker is suspect.
  static constexpr int64_t kQueueShare = 4;
  static constexpr int64_t kPinnedShare = 2;

  explicit TargetShares(int64_t bound) : bound_(bound) {}

  // The partition is led by `node` from now on; -1: by none.
  void Charge(Partition* p, int32_t node) {
    Leave(p);
    Account& account = accounts_[node];
    account.partitions++;
    p->queue.ChargeTo(&account.queued_bytes);
    p->delivery.charged_to = node;
    p->delivery.is_charged = true;
  }
  // The partition leaves the lane.
  void Leave(Partition* p) {
    if (!p->delivery.is_charged) return;
    p->queue.ChargeTo(nullptr);
    p->delivery.is_charged = false;
    auto it = accounts_.find(p->delivery.charged_to);
    if (--it->second.partitions == 0) accounts_.erase(it);
  }

  int64_t queue_bytes_max() const { return accounts_.size() > 1 ? bound_ / kQueueShare : bound_; }
  // Of responses that requests in flight to one broker point into.
  int64_t pinned_bytes_max() const {
    return accounts_.size() > 1 ? bound_ / kPinnedShare : 2 * bound_;
  }
  // Brokers that have used up their share.
  std::set<int32_t> Over() const {
    std::set<int32_t> over;
    for (const auto& [node, account] : accounts_)
      if (account.queued_bytes >= queue_bytes_max()) over.insert(node);
    return over;
  }

 private:
  struct Account {
    int64_t queued_bytes = 0;
    int64_t partitions = 0;
  };
  const int64_t bound_;
  std::map<int32_t, Account> accounts_;  // stable addresses: queues point into it
};

}  // namespace longhaul
