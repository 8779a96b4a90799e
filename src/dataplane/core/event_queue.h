// What a lane reports to JavaScript: states, progress, spans of offsets, log lines. Bounded by
// construction: the queue keeps the newest state and at most OffsetSpans::kMax spans of each
// partition, the newest progress of each leader epoch of a partition (the epochs of a source
// partition rise, so its newest progress comes last), and the newest kLogLinesMax log lines; older
// lines are counted as lost. The loop thread writes, the JavaScript thread reads. States, log lines
// and questions are urgent, because somebody waits for them. Progress is not urgent: it changes
// with every acknowledgement, and only the newest is needed.
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
#include "core/offset_spans.h"
#include "partition.h"

namespace longhaul {

// A syslog level, as in librdkafka. The control plane shows lines of this level and of more severe
// ones to the user, the others only for debugging.
constexpr int kLogShown = 3;

struct StateEvent {
  uint32_t id;
  PartitionState state;
  int32_t code;
  std::string detail;
  int64_t skip_to;       // source offset after the batch or record that faults, -1: not known
  int64_t skip_records;  // how many records such a skip leaves out, at most
  int32_t skip_epoch;    // leader epoch of the batch before skip_to, -1: not known
  bool released;         // the lane has released the partition: its progress is final. `code`
                         // is then why the target has not acknowledged what it was sent, 0: it has
};

struct ProgressEvent {
  uint32_t id;
  Progress progress;
};

struct SpanEvent {
  uint32_t id;
  OffsetSpan span;
};

struct LogLine {
  int32_t level;  // syslog: 3 error, 4 warning, 6 info, 7 debug
  std::string text;
};

struct Events {
  std::vector<StateEvent> states;
  std::vector<ProgressEvent> progress;
  std::vector<SpanEvent> spans;
  std::vector<LogLine> logs;
  int64_t logs_lost = 0;
  int64_t question = 0;  // the newest question about producers, 0: none since the last Take()
};

class EventQueue {
 public:
  static constexpr size_t kLogLinesMax = 100;

  // `notify` is called when the queue turns non-empty, and when the first urgent event is added; so
  // at most twice until a Take().
  void OnReady(std::function<void()> notify) {
    std::lock_guard<std::mutex> guard(mutex_);
    notify_ = std::move(notify);
  }
  void State(const Partition& p) {
    const Shown& shown = p.shown;
    Push(kUrgent, [&] {
      states_[p.id] = {p.id,
                       shown.state,
                       shown.code,
                       shown.detail,
                       shown.skip.next,
                       shown.skip.records,
                       shown.skip.leader_epoch,
                       p.phase == PartitionPhase::kStopped};
    });
  }
  // An id that the lane does not hold is released at once.
  void Released(uint32_t id) {
    Push(kUrgent, [&] { states_[id] = {id, PartitionState::kStopped, 0, {}, -1, -1, -1, true}; });
  }
  // Records of this flow that are on the target. Call it before MadeProgress() covers them.
  void Placed(const Partition& p, int64_t upstream, int64_t downstream, int64_t records) {
    Push(kWaits, [&] { spans_[p.id].Add(upstream, downstream, records); });
  }
  void Placed(const Partition& p, const OffsetSpan& span) {
    Push(kWaits, [&] { spans_[p.id].Add(span); });
  }
  void MadeProgress(const Partition& p) {
    Push(kWaits, [&] { progress_[{p.id, p.progress.leader_epoch}] = p.progress; });
  }
  void Log(int32_t level, std::string text) {
    Push(kUrgent, [&] {
      if (logs_.size() >= kLogLinesMax) {
        logs_.pop_front();
        logs_lost_++;
      }
      logs_.push_back({level, std::move(text)});
    });
  }
  // An answer to a later question also answers the earlier ones.
  void AskProducers(int64_t question) {
    Push(kUrgent, [&] { question_ = question; });
  }
  bool holds_urgent() {
    std::lock_guard<std::mutex> guard(mutex_);
    return notified_ == kUrgent;
  }
  Events Take() {
    std::lock_guard<std::mutex> guard(mutex_);
    notified_ = kNothing;
    Events events;
    for (auto& [id, state] : states_) events.states.push_back(std::move(state));
    for (auto& [key, progress] : progress_) events.progress.push_back({key.first, progress});
    for (const auto& [id, spans] : spans_)
      for (const OffsetSpan& span : spans.spans()) events.spans.push_back({id, span});
    for (auto& line : logs_) events.logs.push_back(std::move(line));
    events.logs_lost = std::exchange(logs_lost_, 0);
    events.question = std::exchange(question_, 0);
    states_.clear();
    progress_.clear();
    spans_.clear();
    logs_.clear();
    return events;
  }

 private:
  enum Urgency { kNothing, kWaits, kUrgent };

  template <typename Change>
  void Push(Urgency urgency, Change change) {
    std::lock_guard<std::mutex> guard(mutex_);
    change();
    if (notified_ >= urgency || !notify_) return;
    notified_ = urgency;
    notify_();
  }

  std::mutex mutex_;
  std::function<void()> notify_;
  Urgency notified_ = kNothing;  // the most urgent event of which the reader was notified
  std::map<uint32_t, StateEvent> states_;
  std::map<std::pair<uint32_t, int32_t>, Progress> progress_;  // by id and leader epoch
  std::map<uint32_t, OffsetSpans> spans_;
  std::deque<LogLine> logs_;
  int64_t logs_lost_ = 0;
  int64_t question_ = 0;
};

}  // namespace longhaul
