// What one lane asks one source broker for, and what the broker knows of it (KIP-227). In a session
// the broker remembers the partitions, so that a Fetch of ten thousand idle ones is a few bytes:
//
//   request                                         response
//   id 0, epoch 0: all partitions         ---->     id 7: all partitions
//   id 7, epoch 1: none                   ---->     those with news: records, another end or start
//   id 7, epoch 2: two that have moved on ---->     of the log, an error
//   id 7, epoch 3: one is forgotten       ---->
//
// A partition that a response leaves out is as the last response that named it has reported, so an
// entry keeps that report.
//
// Whenever lane and broker may disagree, the next request opens a session anew: after an error of
// the session, after a request without an answer, and when topics are named in the other way. Such
// a request names the old session, so that the broker frees it. So does the last request of a lane
// that has no partition there any more: a session outlives its connection, and for two minutes no
// other client gets its place. A broker whose cache of sessions is full opens none: each request
// names all partitions then, as to a broker before 1.1, and after a while the broker is asked for a
// session again.
//
// The broker fills a response in the order of the entries. A partition with records goes to the end
// of the order (KIP-74); in a session the broker moves it there by itself.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/protocol/fetch.h"

namespace longhaul {

// Whether two requests for one partition ask for the same.
bool IsSamePlace(const FetchPartition& a, const FetchPartition& b);

class FetchSession {
 public:
  // When a broker that has refused a session is asked for one again.
  static constexpr int64_t kRefusedMs = 60'000;

  struct LogEnds {
    int64_t high_watermark = -1;  // -1: not known
    int64_t last_stable_offset = -1;
    int64_t log_start_offset = -1;
  };
  struct Entry {
    uint32_t id;
    std::string topic;
    FetchPartition wanted{};  // by the next request; its topic points into this entry
    FetchPartition asked{};   // by the last request
    bool is_wanted = false;   // false: the next request forgets the partition
    bool is_known = false;    // to the broker
    bool is_answered = false;
    bool wants_follower = false;  // the broker is asked as a follower of the leader
    bool asked_follower = false;
    LogEnds reported;  // in this session, by the last answer without an error
  };
  using Entries = std::list<Entry>;

  const Entries& entries() const { return entries_; }
  // Whether the next request has nothing to ask for.
  bool empty() const { return wanted_ == 0; }
  // Whether a partition is wanted whose topic has no id.
  bool lacks_ids() const { return without_id_ > 0; }
  bool is_open() const { return next_epoch_ > kOpenSessionEpoch; }
  // nullptr: there is no such partition.
  Entry* Find(uint32_t id);
  const Entry* Find(uint32_t id) const;
  // As a response names it.
  Entry* Find(std::string_view topic, int32_t partition);

  // `again`: the next request names the partition although the broker knows it.
  void Want(uint32_t id, const FetchPartition& wanted, bool as_follower, bool again);
  void Leave(uint32_t id);
  // The partition got records.
  void MoveToEnd(uint32_t id);

  // The next request. The last one has been answered, or has been lost. The names in the request
  // are valid until the next one is filled.
  void Fill(int16_t version, int64_t now, FetchRequest* request);
  // The last request, for nothing: the broker frees the open session.
  void FillClosing(FetchRequest* request);
  // Lane and broker may disagree.
  void Lose() { next_epoch_ = kOpenSessionEpoch; }
  // An answer without an error. Afterwards Find() of what `response` names still finds it.
  void Answered(const FetchResponse& response, int64_t now);
  // The whole request failed. True: because of the session, so that a new one is all that it needs.
  bool Failed(int32_t code, int64_t now);
  // Whether the last request was sent in an open session: its answer may leave partitions out.
  bool was_incremental() const { return asked_epoch_ > kOpenSessionEpoch; }
  // Partitions that the last request of an open session has named.
  const std::vector<uint32_t>& named() const { return named_; }

 private:
  struct Key {
    std::string_view topic;  // its name, or the bytes of its id
    int32_t partition;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return std::hash<std::string_view>()(key.topic) * 31 + static_cast<size_t>(key.partition);
    }
  };
  Key KeyOf(const FetchPartition& partition) const;
  Entry* Add(uint32_t id, const FetchPartition& wanted);
  void ForgetFormer(const FetchPartition& wanted);
  void SetWanted(Entry* entry, bool is_wanted);
  void Remove(Entries::iterator entry);
  void NameTopics(bool by_id);
  void FillWhole(FetchRequest* request);
  void FillChanges(FetchRequest* request);
  static void Ask(Entry* entry, FetchRequest* request);

  Entries entries_;
  std::list<std::string> forgotten_;  // topics, to which the last request points
  std::unordered_map<uint32_t, Entries::iterator> by_id_;
  std::unordered_map<Key, Entry*, KeyHash> by_key_;
  std::unordered_set<uint32_t> changed_;
  std::vector<uint32_t> named_;
  size_t wanted_ = 0;
  size_t without_id_ = 0;
  bool names_ids_ = false;
  int32_t id_ = 0;
  int32_t asked_epoch_ = kNoSessionEpoch;
  int32_t next_epoch_ = kOpenSessionEpoch;
  int64_t refused_until_ = 0;
};

}  // namespace longhaul
