// How fast a lane may fetch single topics: for each topic that has a share of the bandwidth of the
// flow, a bucket of its own beside that of the lane. A topic that has used its share waits; the
// others do not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/bandwidth_limit.h"

namespace longhaul {

// Bytes a second of a topic of the source.
using TopicRate = std::pair<std::string, int64_t>;

class TopicBandwidth {
 public:
  // Topics that `rates` does not name have no limit of their own from now on.
  void Set(const std::vector<TopicRate>& rates, int64_t now) {
    std::unordered_map<std::string, BandwidthLimit> limits;
    for (const auto& [topic, rate] : rates) {
      const auto known = limits_.find(topic);
      BandwidthLimit& limit = limits[topic];
      if (known != limits_.end()) limit = known->second;
      limit.Set(rate, now);
    }
    limits_ = std::move(limits);
  }
  bool empty() const { return limits_.empty(); }
  // When the topic may be fetched again; 0: now.
  int64_t DueAt(const std::string& topic, int64_t now) {
    BandwidthLimit* limit = Find(topic);
    return limit == nullptr || limit->MayFetch(now) ? 0 : limit->FetchAt(now);
  }
  // What a Fetch asks for of one partition of the topic at most: what the topic earns in a second.
  int64_t FetchBytesMax(const std::string& topic) {
    const BandwidthLimit* limit = Find(topic);
    return limit == nullptr ? INT64_MAX
                            : std::max(limit->rate(), BandwidthLimit::kFetchBytesMin);
  }
  void Spend(const std::string& topic, int64_t bytes) {
    if (BandwidthLimit* limit = Find(topic)) limit->Spend(bytes);
  }

 private:
  BandwidthLimit* Find(const std::string& topic) {
    const auto limit = limits_.empty() ? limits_.end() : limits_.find(topic);
    return limit == limits_.end() ? nullptr : &limit->second;
  }

  std::unordered_map<std::string, BandwidthLimit> limits_;
};

}  // namespace longhaul
