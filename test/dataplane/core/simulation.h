// A whole mirror in one thread and in virtual time: two simulated clusters, and any number of
// forwarders that mirror the same partitions. The simulation checks the invariants at each append
// to the target and at each progress event, and keeps the first violation in failure().
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/forwarder.h"
#include "simulated_cluster.h"
#include "simulated_encoder.h"
#include "simulated_network.h"
#include "source_writer.h"

namespace longhaul::test {

// A simulation has one thread, in which ThreadSanitizer finds nothing and needs ten times as long:
// its build repeats less.
#ifdef __SANITIZE_THREAD__
inline constexpr bool kHasThreadSanitizer = true;
#else
inline constexpr bool kHasThreadSanitizer = false;
#endif

struct SimulationOptions {
  int32_t brokers = 2;  // of each cluster
  std::string rack;     // of the mirror
  int32_t partitions = 3;
  ForwarderSettings settings{};
  LentMemory* memory = nullptr;  // that the forwarders share; null: each has its own
  ConnectionPace pace{};
  WriterOptions writer{};
  Batching batching = Batching::kPassThrough;
  // Jobs end within so many ms, in any order; -1: the lane runs them itself.
  int64_t encode_ms_max = 3;
  bool mirrors_again = false;  // records that the target has lost in an unclean election
  bool has_producer_id = true;  // false: the target has no idempotent producers
  bool exact = true;  // false: the source log changes meanwhile; doubles are allowed and counted
  bool checks_memory = true;
  size_t batch_max = 64 * 1024;  // of all batches; the lane may exceed its bound by one a broker
};

class Simulation {
 public:
  static constexpr const char* kTopic = "source-topic";
  static constexpr const char* kRemote = "target-topic";
  static constexpr int64_t kProducerId = 4242;
  static constexpr size_t kTraceMax = 60;
  // Ids of assignments: the partition, and above it how often it has returned.
  static constexpr uint32_t kIdStride = 1'000;
  static uint32_t PartitionOf(uint64_t id) { return static_cast<uint32_t>(id % kIdStride); }

  // One process: a forwarder with its network.
  struct Process {
    std::unique_ptr<SimulatedNetwork> network;
    EventQueue events;
    std::unique_ptr<SimulatedEncoder> encoder;
    std::unique_ptr<Forwarder> forwarder;
    std::map<uint32_t, StateEvent> states;
    std::map<uint32_t, std::vector<OffsetSpan>> spans;  // all spans reported so far
    std::map<uint32_t, Progress> assigned;  // what each partition was last assigned with
    std::map<uint32_t, uint32_t> returns;   // how often each was assigned after its release
    std::vector<std::string> logs;
    int64_t stopped_until = 0;  // SIGSTOP
    std::vector<Reply> unread;  // meanwhile
    uint64_t tick_number = 0;
    int spins = 0;  // ticks in a row that were due again at once
    int64_t ticks = 0;
    bool alive = true;
    bool reassigned = false;  // while batches were in flight, of which the new owner knows nothing
  };

  Simulation(const std::string& name, SimulationOptions options);
  ~Simulation();

  Process* Start(const std::map<uint32_t, Progress>& from = {});
  Process* StartLagging();  // from progress that was recorded at some time
  void Kill(Process* process);
  // By the ids under which the partitions were last assigned, or their first ones.
  void Assign(Process* process, const std::vector<uint32_t>& partitions,
              const std::map<uint32_t, Progress>& from);
  void Revoke(Process* process, uint32_t partition);
  // As the control plane: a partition that was released and is assigned again has another id.
  void Return(Process* process, uint32_t partition, const std::map<uint32_t, Progress>& from);
  std::map<uint32_t, Progress> LaggingProgress();
  std::map<uint32_t, Progress> LastProgress() const;
  // What the control plane does with data.loss=skip when the source of a partition was truncated.
  void GoBackToCommon(Process* process, uint32_t id);
  // Ticks the forwarder at once, as its thread does after a call of another thread.
  void Poke(Process* process) { ScheduleTick(process, agenda.now); }

  void RunFor(int64_t ms);
  bool RunUntil(const std::function<bool()>& done, int64_t ms_max);
  // Runs until all that the source has committed is mirrored; false: not within ms_max.
  bool CatchUp(Process* process, int64_t ms_max = 120'000);
  bool CaughtUp(Process* process);
  // Compares the spans that the process has reported with both logs.
  void CheckSpans(Process* process);
  std::string Describe(Process* process);
  PartitionCounters Counters(Process* process, uint32_t id);
  // Further connections to source brokers, of all processes.
  int64_t CountFurtherOpened() const;

  SimulatedLog& SourceLog(uint32_t id) { return source.log({kTopic, static_cast<int32_t>(id)}); }
  SimulatedLog& TargetLog(uint32_t id) { return target.log({kRemote, static_cast<int32_t>(id)}); }
  SourceWriter& Writer(uint32_t id) { return *writers_.at(id); }
  const std::vector<TestRecord>& Mirrored(uint32_t id) { return mirrored_[id].records; }
  void ProduceForeign(uint32_t id);
  // An unclean election: the target loses the records from about `end` on, acked or not.
  void TruncateTarget(uint32_t id, int64_t end);
  // What the flow does when the lane reports that loss as a fault: it continues from the newest
  // progress that the target still holds, and forgets the progress after it.
  void MirrorAgain(Process* process, uint32_t id);
  // The target lacks records that it acknowledged, and no fault has reported that.
  bool LacksAcked(uint32_t id) {
    const auto& progress = mirrored_[id].progress;
    return !progress.empty() && progress.back().downstream > TargetLog(id).end();
  }
  const SimulationOptions& options() const { return options_; }
  uint32_t partitions() const { return static_cast<uint32_t>(options_.partitions); }

  // The last events are kept and printed with a failure.
  void Trace(const std::string& what) {
    trace_.push_back(std::to_string(agenda.now) + " " + what);
    if (trace_.size() > kTraceMax) trace_.pop_front();
  }
  void Fail(const std::string& what) {
    if (!failure_.empty()) return;
    for (const std::string& line : trace_) failure_ += line + "\n";
    failure_ += "at " + std::to_string(agenda.now) + " ms: " + what;
  }
  const std::string& failure() const { return failure_; }

  Random random;
  Agenda agenda;
  SimulatedCluster source;
  SimulatedCluster target;
  UnderWay under_way;
  int64_t batches_mirrored = 0;
  int64_t spans_checked = 0;

 private:
  struct Mirror {
    std::vector<TestRecord> records;  // ours on the target, in order
    std::vector<int64_t> offsets;     // theirs
    std::vector<Progress> progress;   // all that was ever reported
    bool truncated = false;           // by an unclean election, and not mirrored again since
    int64_t end = INT64_MAX;          // what the target held then
  };
  void ScheduleTick(Process* process, int64_t when);
  void Tick(Process* process);
  void OnReply(Process* process, const Reply& reply);
  void TakeEvents(Process* process);
  void OnAppend(const SimulatedCluster::Key& key, const Bytes& sent, int64_t base_offset);
  void CheckProgress(const Process& process, uint32_t id, const Progress& progress);
  void CheckBounds(Process* process);

  SimulationOptions options_;
  std::vector<std::unique_ptr<SourceWriter>> writers_;
  std::vector<std::unique_ptr<Process>> processes_;
  std::map<uint32_t, Mirror> mirrored_;
  std::string failure_;
  std::deque<std::string> trace_;
};

bool SameRecord(const TestRecord& a, const TestRecord& b);

}  // namespace longhaul::test
