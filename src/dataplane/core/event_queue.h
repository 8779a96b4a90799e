// What a lane tells JavaScript: state moves, progress, log lines. Bounded by construction: states
// are coalesced to the newest of each partition, progress to the newest of each leader epoch of it
// (its history is kept; epochs rise, so the newest comes last), log lines to the newest
// kLogLinesMax (older ones are counted as lost). Written by the loop thread, taken by the
// JavaScript thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "contract/contract.generated.h"
#include "partition.h"

namespace longhaul {

// Syslog levels, as librdkafka's: what the user has to be told, and what is for debugging.
constexpr int kLogTold = 3;
constexpr int kLogWarning = 4;

struct StateEvent {
  uint32_t id;
  PartitionState state;
  int32_t code;
  std::string detail;
  int64_t skip_to;       // source offset behind what the fault is about, -1: not known
  int64_t skip_records;  // how many records at most that leaves out
  int32_t skip_epoch;    // leader epoch of the batch before skip_to, -1: not known
  bool released;         // the forwarder has let go of the partition: its progress is final
};

struct ProgressEvent {
  uint32_t id;
  Progress progress;
};

struct LogLine {
  int32_t level;  // syslog: 3 error, 4 warning, 6 info, 7 debug
  std::string text;
};

struct Events {
  std::vector<StateEvent> states;
  std::vector<ProgressEvent> progress;
  std::vector<LogLine> logs;
  int64_t logs_lost = 0;
};

class EventQueue {
 public:
  static constexpr size_t kLogLinesMax = 100;

  // `notify` is called once when the queue turns non-empty, and again only after a Take().
  void OnReady(std::function<void()> notify) {
    std::lock_guard<std::mutex> guard(mutex_);
    notify_ = std::move(notify);
  }
  void State(const Partition& p, bool released) {
    Push([&] {
      states_[p.id] = {
          p.id,
          p.state,
          p.code,
          p.detail,
          p.unmirrorable.next,
          p.unmirrorable.records,
          p.unmirrorable.leader_epoch,
          released};
    });
  }
  void MadeProgress(const Partition& p) {
    Push([&] { progress_[{p.id, p.progress.leader_epoch}] = p.progress; });
  }
  void Log(int32_t level, std::string text) {
    Push([&] {
      if (logs_.size() >= kLogLinesMax) {
        logs_.pop_front();
        logs_lost_++;
      }
      logs_.push_back({level, std::move(text)});
    });
  }
  Events Take() {
    std::lock_guard<std::mutex> guard(mutex_);
    notified_ = false;
    Events events;
    for (auto& [id, state] : states_) events.states.push_back(std::move(state));
    for (auto& [key, progress] : progress_) events.progress.push_back({key.first, progress});
    for (auto& line : logs_) events.logs.push_back(std::move(line));
    events.logs_lost = std::exchange(logs_lost_, 0);
    states_.clear();
    progress_.clear();
    logs_.clear();
    return events;
  }

 private:
  template <typename Change>
  void Push(Change change) {
    std::lock_guard<std::mutex> guard(mutex_);
    change();
    if (!notified_ && notify_) {
      notified_ = true;
      notify_();
    }
  }

  std::mutex mutex_;
  std::function<void()> notify_;
  bool notified_ = false;
  std::map<uint32_t, StateEvent> states_;
  std::map<std::pair<uint32_t, int32_t>, Progress> progress_;  // by id and leader epoch
  std::deque<LogLine> logs_;
  int64_t logs_lost_ = 0;
};

}  // namespace longhaul
