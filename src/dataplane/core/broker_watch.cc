#include "core/broker_watch.h"

#include <algorithm>

namespace longhaul {

Patience BrokerWatch::PatienceFor(int64_t wait_ms, bool is_idle) const {
  // Never beyond request.timeout.ms, if that is longer than the broker's own wait.
  const int64_t silent =
      wait_ms + std::min(kSilentMs, std::max(request_timeout_ms_ - wait_ms, kLookMs));
  return {std::min((is_idle ? wait_ms : 0) + kSuspectMs, silent), silent};
}

void BrokerWatch::Sent(Side side, int32_t node, const Patience& patience, int64_t now) {
  Watched& watched = watched_[{side, node}];
  if (watched.silent_ms.empty()) {
    watched.heard_at = now;
    watched.look_at = now + kLookMs;
  }
  watched.suspect_ms.insert(patience.suspect_ms);
  watched.silent_ms.insert(patience.silent_ms);
}

void BrokerWatch::Answered(Side side, int32_t node, const Patience& patience, int64_t now) {
  auto it = watched_.find({side, node});
  if (it == watched_.end()) return;
  Watched& watched = it->second;
  watched.heard_at = std::max(watched.heard_at, now);
  watched.suspect_ms.extract(patience.suspect_ms);
  watched.silent_ms.extract(patience.silent_ms);
  suspects_.erase({side, node});
  if (watched.silent_ms.empty()) watched_.erase(it);
}

void BrokerWatch::Muted(Side side, int32_t node, int64_t until) {
  auto it = watched_.find({side, node});
  if (it != watched_.end()) it->second.heard_at = std::max(it->second.heard_at, until);
}

std::vector<int32_t> BrokerWatch::Suspects(Side side) const {
  std::vector<int32_t> nodes;
  for (const auto& [suspect_side, node] : suspects_)
    if (suspect_side == side) nodes.push_back(node);
  return nodes;
}

int64_t BrokerWatch::Tick(Transport* transport, int64_t now) {
  int64_t next = now + kLookMs;
  for (auto& [key, watched] : watched_) {
    const auto [side, node] = key;
    if (now < watched.look_at) {
      next = std::min(next, watched.look_at);
      continue;
    }
    watched.look_at = now + kLookMs;
    const int64_t bytes = transport->bytes_moved(side, node);
    // The first look has nothing to compare with: the bytes count as moved when the answer came.
    if (bytes != watched.bytes && watched.bytes >= 0)
      watched.heard_at = std::max(watched.heard_at, now);
    watched.bytes = bytes;
    const int64_t quiet = now - watched.heard_at;
    if (quiet >= *watched.suspect_ms.begin())
      suspects_.insert(key);
    else
      suspects_.erase(key);
    if (quiet < *watched.silent_ms.rbegin()) continue;
    transport->Disconnect(side, node);
    watched.heard_at = now;  // its requests fail one by one from now on
  }
  return next;
}

}  // namespace longhaul
