#include "simulated_sessions.h"

#include <algorithm>
#include <iterator>

namespace longhaul::test {
namespace {

constexpr int16_t kSessionIdNotFound = 70, kInvalidSessionEpoch = 71, kSessionTopicIdError = 106;

}  // namespace

// Partitions are added before others are removed.
void SimulatedSession::Update(const std::vector<FetchedFrom>& asked,
                              const std::vector<FetchedFrom>& forgotten) {
  for (const FetchedFrom& from : asked) {
    const auto known = std::find_if(partitions.begin(), partitions.end(),
                                    [&](const auto& cached) { return cached.from.IsOf(from); });
    if (known == partitions.end())
      partitions.push_back({from});
    else
      known->from = from;
  }
  for (const FetchedFrom& from : forgotten)
    partitions.remove_if([&](const auto& cached) { return cached.from.IsOf(from); });
}

std::shared_ptr<SimulatedSession> SessionCache::Use(int32_t id, int32_t epoch, bool names_ids,
                                                    int16_t* error) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end())
    *error = kSessionIdNotFound;
  else if (found->second->names_ids != names_ids)
    *error = kSessionTopicIdError;
  else if (found->second->epoch != epoch)
    *error = kInvalidSessionEpoch;
  if (*error != 0) {
    errors++;
    return nullptr;
  }
  found->second->epoch++;
  return found->second;
}

int32_t SessionCache::Open(bool names_ids, const std::vector<CachedPartition>& partitions) {
  if (sessions_.size() >= slots || partitions.empty()) {
    refused++;
    return 0;
  }
  opened++;
  SimulatedSession session;
  session.names_ids = names_ids;
  session.partitions.assign(partitions.begin(), partitions.end());
  sessions_[++last_id_] = std::make_shared<SimulatedSession>(std::move(session));
  return last_id_;
}

void SessionCache::Evict(size_t index) {
  if (index >= sessions_.size()) return;
  sessions_.erase(std::next(sessions_.begin(), static_cast<ptrdiff_t>(index)));
}

size_t SessionCache::partitions() const {
  size_t count = 0;
  for (const auto& [id, session] : sessions_) count += session->partitions.size();
  return count;
}

}  // namespace longhaul::test
