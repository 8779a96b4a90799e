// Which producers are inside an aborted transaction, batch by batch of one Fetch response. A broker
// lists each aborted transaction that overlaps the response by producer id and first offset
// (KIP-98).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "core/protocol/fetch.h"
#include "core/record_batch.h"

namespace longhaul {

class AbortedProducers {
 public:
  explicit AbortedProducers(const std::vector<AbortedTransaction>& aborted) {
    for (const AbortedTransaction& t : aborted) starts_.emplace(t.first_offset, t.producer_id);
  }
  // Is the batch part of an aborted transaction? Call it for each batch, in order.
  bool Holds(const RecordBatchView& batch) {
    if (starts_.empty() && inside_.empty()) return false;
    while (!starts_.empty() && starts_.begin()->first <= batch.last_offset()) {
      inside_.insert(starts_.begin()->second);
      starts_.erase(starts_.begin());
    }
    if (!batch.is_transactional() || !inside_.contains(batch.producer_id())) return false;
    // A producer has one transaction at a time. So its next control batch is the abort marker of
    // this transaction, and the record of the marker need not be read.
    if (!batch.is_control()) return true;
    inside_.erase(batch.producer_id());
    return false;
  }

 private:
  std::multimap<int64_t, int64_t> starts_;  // first offset -> producer id
  std::set<int64_t> inside_;
};

}  // namespace longhaul
