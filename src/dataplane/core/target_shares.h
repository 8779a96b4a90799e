// How much of a lane's memory each target broker holds: bytes of queued batches of the partitions
// that the broker leads. Without a limit, the batches for a broker that hangs would fill the lane
// and stop the partitions of all other brokers. So with several target brokers each has a share,
// and no more is fetched for a broker that is over its share. Partitions without a leader share one
// account.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include "core/memory_account.h"
#include "core/partition.h"

namespace longhaul {

class TargetShares {
 public:
  // One of several brokers may queue one part in kQueueShare of the lane's bound. These batches may
  // keep as many bytes again alive in responses that are half dead (memory_relief.h), and the
  // requests in flight to the broker keep up to half of the bound alive. So some memory is left for
  // other brokers until this one is suspect.
  static constexpr int64_t kQueueShare = 4;
  static constexpr int64_t kPinnedShare = 2;

  explicit TargetShares(const MemoryAccount* memory) : memory_(memory) {}

  // From now on `node` leads the partition; -1: no broker does.
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

  int64_t queue_bytes_max() const {
    return accounts_.size() > 1 ? memory_->bound() / kQueueShare : memory_->bound();
  }
  // The limit for responses that requests in flight to one broker point into.
  int64_t pinned_bytes_max() const {
    return accounts_.size() > 1 ? memory_->bound() / kPinnedShare : 2 * memory_->bound();
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
  const MemoryAccount* const memory_;
  std::map<int32_t, Account> accounts_;  // a map, because queues point to its elements
};

}  // namespace longhaul
