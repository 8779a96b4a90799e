// The fetch session of one lane with one source broker (KIP-227): which partitions the lane
// requests, and what the broker remembers of them. In a session the broker remembers the
// partitions, so that a Fetch for ten thousand idle partitions has a few bytes:
//
//   request                                         response
//   id 0, epoch 0: all partitions         ---->     id 7: all partitions
//   id 7, epoch 1: none                   ---->     those with news: records, another end or start
//   id 7, epoch 2: two at a new offset    ---->     of the log, an error
//   id 7, epoch 3: one is forgotten       ---->
//
// If a response leaves out a partition, the last response that named the partition is still true.
// So the entry of the partition keeps what that response reported.
//
// Whenever lane and broker may disagree, the next request opens a new session: after a session
// error, after a request without an answer, and when requests change between topic names and topic
// ids. Such a request names the old session, so that the broker frees it. So does the last request
// of a lane that no longer has a partition on the broker: a session outlives its connection, and
// the broker keeps its place in the cache for two minutes. A broker whose session cache is full
// opens no session: each request then names all partitions, as to a broker before 1.1, and after
// kRefusedMs the lane asks for a session again.
//
// The broker fills a response in the order of the entries. A partition with records goes to the end
// of the order (KIP-74); in a session the broker moves it there itself.
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
  // How long after a broker has refused a session the lane requests a session again.
  static constexpr int64_t kRefusedMs = 60'000;

  struct LogEnds {
    int64_t high_watermark = -1;  // -1: not known
    int64_t last_stable_offset = -1;
    int64_t log_start_offset = -1;
  };
  struct Entry {
    uint32_t id;
    std::string topic;
    FetchPartition wanted{};  // for the next request; its topic points into this entry
    FetchPartition asked{};   // in the last request
    bool is_wanted = false;   // false: the next request forgets the partition
    bool is_known = false;    // to the broker
    bool is_answered = false;
    bool wants_follower = false;  // the broker is asked as a follower of the leader
    bool asked_follower = false;
    LogEnds reported;  // in this session, by the last answer without an error
  };
  using Entries = std::list<Entry>;

  const Entries& entries() const { return entries_; }
  // Whether the next request has no partition to ask for.
  bool empty() const { return wanted_ == 0; }
  // Whether a partition is wanted whose topic has no id.
  bool lacks_ids() const { return without_id_ > 0; }
  bool is_open() const { return next_epoch_ > kOpenSessionEpoch; }
  // nullptr: there is no such partition.
  Entry* Find(uint32_t id);
  const Entry* Find(uint32_t id) const;
  // By the topic name or the bytes of the topic id that a response carries.
  Entry* Find(std::string_view topic, int32_t partition);

  // `again`: the next request names the partition although the broker knows it.
  void Want(uint32_t id, const FetchPartition& wanted, bool as_follower, bool again);
  void Leave(uint32_t id);
  // Call when the partition got records.
  void MoveToEnd(uint32_t id);

  // Fills the next request. Call once the last request has been answered or lost. The names in the
  // request are valid until the next call.
  void Fill(int16_t version, int64_t now, FetchRequest* request);
  // Fills the last request, which asks for no partition: the broker frees the open session.
  void FillClosing(FetchRequest* request);
  // Call when lane and broker may disagree.
  void Lose() { next_epoch_ = kOpenSessionEpoch; }
  // A response without an error. Find() still finds the partitions that `response` names. Returns
  // whether the broker has refused the requested session.
  bool Answered(const FetchResponse& response, int64_t now);
  // The whole request failed. True: because of the session, so a new session is enough.
  bool Failed(int32_t code, int64_t now);
  // Whether the last request was sent in an open session, whose responses may leave out partitions.
  bool was_incremental() const { return asked_epoch_ > kOpenSessionEpoch; }
  // Partitions that the last request of an open session named.
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
  std::list<std::string> forgotten_;  // names of topics that the last request points to
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
