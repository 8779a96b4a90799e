#include "core/fetch_session.h"

#include <algorithm>
#include <utility>

#include "contract/contract.generated.h"

namespace longhaul {

bool IsSamePlace(const FetchPartition& a, const FetchPartition& b) {
  return a.offset == b.offset && a.leader_epoch == b.leader_epoch &&
         a.last_epoch == b.last_epoch && a.bytes_max == b.bytes_max;
}

FetchSession::Entry* FetchSession::Find(uint32_t id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &*found->second;
}

const FetchSession::Entry* FetchSession::Find(uint32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &*found->second;
}

FetchSession::Entry* FetchSession::Find(std::string_view topic, int32_t partition) {
  const auto found = by_key_.find({topic, partition});
  return found == by_key_.end() ? nullptr : found->second;
}

FetchSession::Key FetchSession::KeyOf(const FetchPartition& partition) const {
  const auto* id = reinterpret_cast<const char*>(partition.topic_id.data());
  return {names_ids_ ? std::string_view(id, partition.topic_id.size()) : partition.topic,
          partition.partition};
}

FetchSession::Entry* FetchSession::Add(uint32_t id, const FetchPartition& wanted) {
  entries_.push_back({.id = id, .topic = std::string(wanted.topic), .reported = {}});
  by_id_[id] = std::prev(entries_.end());
  Entry* entry = &entries_.back();
  entry->wanted = wanted;
  entry->wanted.topic = entry->topic;
  by_key_[KeyOf(entry->wanted)] = entry;
  return entry;
}

void FetchSession::SetWanted(Entry* entry, bool is_wanted) {
  const size_t lacks_id = entry->wanted.topic_id == TopicId{} ? 1 : 0;
  if (std::exchange(entry->is_wanted, is_wanted)) {
    wanted_--;
    without_id_ -= lacks_id;
  }
  if (!is_wanted) return;
  wanted_++;
  without_id_ += lacks_id;
}

void FetchSession::Want(uint32_t id, const FetchPartition& wanted, bool as_follower, bool again) {
  Entry* entry = Find(id);
  if (entry != nullptr && KeyOf(entry->wanted) != KeyOf(wanted)) {
    // The topic was recreated, and the broker knows the partition by the former topic id.
    Remove(by_id_.at(id));
    Lose();
    entry = nullptr;
  }
  if (entry == nullptr) {
    ForgetFormer(wanted);
    entry = Add(id, wanted);
  }
  const bool stays = entry->is_known && entry->is_wanted;
  SetWanted(entry, false);
  entry->wanted = wanted;
  entry->wanted.topic = entry->topic;
  entry->wants_follower = as_follower;
  SetWanted(entry, true);
  const bool is_news = again || !stays || as_follower != entry->asked_follower ||
                       !IsSamePlace(entry->wanted, entry->asked);
  if (is_news)
    changed_.insert(id);
  else
    changed_.erase(id);
}

// A partition that was revoked and is assigned again has another id. If the broker still knows the
// entry of the former id, one request would both name and forget the same partition.
void FetchSession::ForgetFormer(const FetchPartition& wanted) {
  const auto found = by_key_.find(KeyOf(wanted));
  if (found == by_key_.end() || found->second->is_wanted) return;
  Remove(by_id_.at(found->second->id));
  Lose();
}

void FetchSession::Leave(uint32_t id) {
  Entry* entry = Find(id);
  if (entry == nullptr) return;
  SetWanted(entry, false);
  if (entry->is_known)
    changed_.insert(id);
  else
    Remove(by_id_.at(id));
}

void FetchSession::MoveToEnd(uint32_t id) {
  const auto found = by_id_.find(id);
  if (found != by_id_.end()) entries_.splice(entries_.end(), entries_, found->second);
}

void FetchSession::Remove(Entries::iterator entry) {
  SetWanted(&*entry, false);
  const auto found = by_key_.find(KeyOf(entry->wanted));
  if (found != by_key_.end() && found->second == &*entry) by_key_.erase(found);
  by_id_.erase(entry->id);
  changed_.erase(entry->id);
  entries_.erase(entry);
}

void FetchSession::NameTopics(bool by_id) {
  if (std::exchange(names_ids_, by_id) == by_id) return;
  Lose();
  by_key_.clear();
  for (Entry& entry : entries_)
    if (entry.is_wanted) by_key_[KeyOf(entry.wanted)] = &entry;
}

void FetchSession::Fill(int16_t version, int64_t now, FetchRequest* request) {
  forgotten_.clear();
  named_.clear();
  NameTopics(version > kFetchByNameMax);
  if (version < kFetchSessionsFrom) Lose();
  const bool opens = version >= kFetchSessionsFrom && now >= refused_until_;
  asked_epoch_ = is_open() ? next_epoch_ : opens ? kOpenSessionEpoch : kNoSessionEpoch;
  request->session_id = id_;
  request->session_epoch = asked_epoch_;
  if (was_incremental())
    FillChanges(request);
  else
    FillWhole(request);
  changed_.clear();
}

void FetchSession::FillClosing(FetchRequest* request) {
  named_.clear();
  asked_epoch_ = kNoSessionEpoch;
  request->session_id = id_;
  request->session_epoch = asked_epoch_;
  FillWhole(request);
  changed_.clear();
}

void FetchSession::Ask(Entry* entry, FetchRequest* request) {
  entry->asked = entry->wanted;
  entry->asked_follower = entry->wants_follower;
  entry->is_known = true;
  entry->is_answered = false;
  request->partitions.push_back(entry->asked);
}

void FetchSession::FillWhole(FetchRequest* request) {
  request->partitions.reserve(wanted_);
  for (auto next = entries_.begin(); next != entries_.end();) {
    const auto entry = next++;
    if (!entry->is_wanted) {
      Remove(entry);
      continue;
    }
    entry->reported = {};
    Ask(&*entry, request);
  }
}

// A broker adds the named partitions before it removes the forgotten ones, so no partition may be
// in both lists: an entry is either wanted or not, and a partition has one entry.
void FetchSession::FillChanges(FetchRequest* request) {
  std::vector<uint32_t> ids(changed_.begin(), changed_.end());
  std::sort(ids.begin(), ids.end());  // so that partitions of one topic are adjacent
  for (uint32_t id : ids) {
    Entry* entry = Find(id);
    if (entry->is_wanted) {
      Ask(entry, request);
      named_.push_back(id);
    } else {
      request->forgotten.push_back(
          {forgotten_.emplace_back(entry->topic), entry->asked.topic_id, entry->asked.partition});
      Remove(by_id_.at(id));
    }
  }
}

bool FetchSession::Answered(const FetchResponse& response, int64_t now) {
  for (const FetchedPartition& fetched : response.partitions) {
    Entry* entry = Find(fetched.topic, fetched.partition);
    if (entry == nullptr) continue;
    entry->is_answered = true;
    entry->reported = {};
    if (fetched.error == 0)
      entry->reported = {fetched.high_watermark, fetched.last_stable_offset,
                         fetched.log_start_offset};
  }
  bool is_refused = false;
  if (was_incremental()) {
    // If the response does not name the session, the broker has closed it.
    next_epoch_ = asked_epoch_ == INT32_MAX ? 1 : asked_epoch_ + 1;
    if (response.session_id != id_) Lose();
  } else {
    next_epoch_ = response.session_id == 0 ? kOpenSessionEpoch : 1;
    // A response of a broker that throttles names neither partitions nor a session.
    is_refused = asked_epoch_ == kOpenSessionEpoch && response.session_id == 0 &&
                 !(response.throttle_ms > 0 && response.partitions.empty());
    if (is_refused) refused_until_ = now + kRefusedMs;
  }
  id_ = response.session_id;
  return is_refused;
}

bool FetchSession::Failed(int32_t code, int64_t now) {
  const bool was_open = was_incremental();
  const bool is_session_error = code == kafka_error::kFetchSessionIdNotFound ||
                                code == kafka_error::kInvalidFetchSessionEpoch ||
                                code == kafka_error::kFetchSessionTopicIdError;
  Lose();
  if (code == kafka_error::kFetchSessionIdNotFound) id_ = 0;
  // A session that ends before its second request costs more than it saves.
  if (is_session_error && asked_epoch_ == 1) refused_until_ = now + kRefusedMs;
  return is_session_error && was_open;
}

}  // namespace longhaul
