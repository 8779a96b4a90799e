#include "core/broker_watch.h"

#include <algorithm>

namespace longhaul {

Patience BrokerWatch::PatienceFor(int64_t wait_ms, bool is_idle) const {
  // At most request.timeout.ms, if that is longer than the broker's own wait.
  const int64_t silent =
      wait_ms + std::min(kSilentMs, std::max(request_timeout_ms_ - wait_ms, kLookMs));
  return {std::min((is_idle ? wait_ms : 0) + kSuspectMs, silent), silent};
}

void BrokerWatch::Sent(Side side, const Channel& channel, const Patience& patience, int64_t now,
                       Route route) {
  Watched& watched = watched_[{side, channel, route}];
  if (watched.silent_ms.empty()) {
    watched.heard_at = now;
    watched.look_at = now + kLookMs;
  }
  watched.suspect_ms.insert(patience.suspect_ms);
  watched.silent_ms.insert(patience.silent_ms);
}

void BrokerWatch::Answered(Side side, const Channel& channel, const Patience& patience, int64_t now,
                           Route route) {
  auto it = watched_.find({side, channel, route});
  if (it == watched_.end()) return;
  Watched& watched = it->second;
  watched.heard_at = std::max(watched.heard_at, now);
  watched.suspect_ms.extract(patience.suspect_ms);
  watched.silent_ms.extract(patience.silent_ms);
  if (channel.number == 0) OfRoute(route).erase({side, channel.node});
  if (watched.silent_ms.empty()) watched_.erase(it);
}

void BrokerWatch::Muted(Side side, int32_t node, int64_t until) {
  auto it = watched_.find({side, Channel{node}, Route::kData});
  if (it != watched_.end()) it->second.heard_at = std::max(it->second.heard_at, until);
}

std::set<int32_t> BrokerWatch::Doubtful(Side side, int64_t now) const {
  std::set<int32_t> nodes;
  for (const Brokers* brokers : {&suspects_, &without_metadata_})
    for (const auto& [suspect_side, node] : *brokers)
      if (suspect_side == side) nodes.insert(node);
  for (const auto& [key, watched] : watched_) {
    const auto& [watched_side, channel, route] = key;
    const int64_t own_wait = std::max<int64_t>(*watched.suspect_ms.begin() - kSuspectMs, 0);
    if (watched_side == side && now - watched.heard_at >= own_wait + kDoubtMs)
      nodes.insert(channel.node);
  }
  return nodes;
}

int64_t BrokerWatch::Tick(Transport* transport, int64_t now) {
  int64_t next = now + kLookMs;
  for (auto& [key, watched] : watched_) {
    const auto& [side, channel, route] = key;
    if (now < watched.look_at) {
      next = std::min(next, watched.look_at);
      continue;
    }
    watched.look_at = now + kLookMs;
    const int64_t bytes = route == Route::kData ? transport->bytes_moved(side, channel) : -1;
    // The first check has no earlier value to compare with.
    if (bytes != watched.bytes && watched.bytes >= 0)
      watched.heard_at = std::max(watched.heard_at, now);
    watched.bytes = bytes;
    const int64_t quiet = now - watched.heard_at;
    if (channel.number > 0) {
      // Its broker is judged by channel 0.
    } else if (quiet >= *watched.suspect_ms.begin()) {
      OfRoute(route).insert({side, channel.node});
    } else {
      OfRoute(route).erase({side, channel.node});
    }
    if (quiet < *watched.silent_ms.rbegin()) continue;
    transport->Disconnect(side, channel);
    watched.heard_at = now;  // its requests now fail one by one
  }
  return next;
}

}  // namespace longhaul
