// Any number of simulated clusters that hold one topic under the same name, and flows between them.
// Each flow is a forwarder in virtual time. The mesh also does what the control plane does about
// producers: it knows the flows that write into each cluster, and answers the questions of lanes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/forwarder.h"
#include "simulated_cluster.h"
#include "simulated_network.h"

namespace longhaul::test {

class SimulatedMesh {
 public:
  static constexpr const char* kTopic = "orders";

  struct Flow {
    size_t from = 0;
    size_t to = 0;
    int64_t producer_id = -1;
    bool answers = true;  // false: the progress topics of the source cannot be read
    int64_t questions = 0;
    std::vector<std::map<uint32_t, Progress>> history;  // all that was ever reported
    std::map<uint32_t, StateEvent> states;
    // Of each process that ever ran, because a request may arrive when its sender is dead.
    std::vector<std::unique_ptr<SimulatedNetwork>> networks;
    std::unique_ptr<EventQueue> events;
    std::unique_ptr<Forwarder> forwarder;  // nullptr: no process runs
    uint64_t incarnation = 0;
    uint64_t tick = 0;
  };

  SimulatedMesh(const std::string& name, size_t clusters, int32_t partitions = 2);
  ~SimulatedMesh();

  // Records the producer id of the flow on the target before the flow sends a batch.
  Flow* Add(size_t from, size_t to);
  void Start(Flow* flow, bool lags = false);
  void Kill(Flow* flow);

  // Writes records as an application does. Each has a value that no other record has. producer_id
  // -1: the producer has no id.
  void Write(size_t cluster, uint32_t partition, int64_t producer_id, size_t records = 2,
             bool is_reencoded = false);
  // The same in a transaction, which EndTransaction() ends.
  void WriteTransactional(size_t cluster, uint32_t partition, int64_t producer_id);
  void EndTransaction(size_t cluster, uint32_t partition, int64_t producer_id, bool commits);
  void WriteSomething();

  void RunFor(int64_t ms);
  // Runs until each flow has mirrored all records of its source; false: not within `ms_max`.
  bool CatchUp(int64_t ms_max = 60'000);
  // Compares the records that were written on cluster `written_on` with those that are on cluster
  // `on`, which has to hold each of them once and in order. Returns the first difference, or "".
  std::string Compare(size_t written_on, size_t on);
  std::string CompareAll();

  SimulatedLog& Log(size_t cluster, uint32_t partition) {
    return clusters_[cluster]->log({kTopic, static_cast<int32_t>(partition)});
  }
  PartitionCounters Counters(Flow* flow, uint32_t partition);

  Random random;
  Agenda agenda;

 private:
  struct Written {
    std::string value;
    // The producer whose transaction it belongs to; -1: none. It counts once that has committed.
    int64_t transaction = -1;
  };
  void Tick(Flow* flow);
  void Schedule(Flow* flow, int64_t when);
  void TakeEvents(Flow* flow);
  void AnswerLater(Flow* flow, int64_t question);
  std::vector<InboundProducer> JudgeInbound(const Flow& flow) const;
  void Store(size_t cluster, uint32_t partition, int64_t producer_id, size_t records,
             uint16_t attributes, int64_t transaction);

  int32_t partitions_;
  std::vector<std::unique_ptr<SimulatedCluster>> clusters_;
  std::vector<UnderWay> under_way_;  // to each cluster
  std::vector<std::unique_ptr<Flow>> flows_;
  std::map<std::pair<size_t, uint32_t>, std::vector<Written>> written_;
  std::map<std::pair<size_t, uint32_t>, std::map<int64_t, int64_t>> open_;  // producer -> first
  int64_t next_value_ = 0;
  int64_t next_producer_ = 1'000'000;
};

}  // namespace longhaul::test
