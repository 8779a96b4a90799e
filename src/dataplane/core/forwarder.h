// The part of a lane that forwards batches: it accepts partitions, moves their batches from source
// to target, and reports their progress. It has no thread and no clock. A loop calls it for each
// reply and each tick, so tests can drive it against simulated clusters. ARCHITECTURE.md shows the
// way of a batch.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/fetcher.h"
#include "core/lane_context.h"
#include "core/leaders.h"
#include "core/outbox.h"
#include "core/target_scan.h"

namespace longhaul {

struct ForwarderConfig {
  ForwarderSettings settings;
  int64_t producer_id = -1;
  int16_t producer_epoch = 0;
  std::string rack;  // of the source client; empty: replicas are not chosen by rack
  LentMemory* memory = nullptr;  // of the process; null: the lane is alone in its memory
  ConnectionPace pace{};
};

class Forwarder {
 public:
  // The longest time between two ticks.
  static constexpr int64_t kIdleMs = 1000;

  // `executor` runs jobs of the lane beside its thread, and has to outlive the forwarder. Without
  // one the forwarder decodes and encodes where it is called.
  Forwarder(const ForwarderConfig& config, Transport* transport, const CompressionCodecs* codecs,
            EventQueue* events, EncodeExecutor* executor = nullptr);

  // Sets the transport of a forwarder that was created without one, before the first Tick.
  void Connect(Transport* transport) { lane_.transport = transport; }

  // If the lane holds a partition under the same id, the new assignment replaces it. That is how a
  // faulted partition is retried.
  void Assign(std::vector<PartitionAssignment> assignments);
  // Releases partitions: waits for the answers to their batches in flight, then reports a released
  // event with the final progress. An id that the lane does not hold is released at once.
  void Revoke(const std::vector<uint32_t>& ids);

  // Answers the questions about producers that the event queue has reported.
  void KnowProducers(const ProducersAnswer& answer);

  // The bytes a second that the lane may fetch from now on; 0: no limit. `topics`: those of topics
  // that may have a share of that only.
  void LimitBandwidth(int64_t bytes_per_second, const std::vector<TopicRate>& topics = {});

  // Times as in Tick.
  void OnReply(const Reply& reply, int64_t now, int64_t wall_now);
  // Does what is due, and returns after how many milliseconds the next call is due. Call it after
  // replies, too. `now` is monotonic, `wall_now` is the time since the epoch; both in ms.
  int64_t Tick(int64_t now, int64_t wall_now);

  // A snapshot for statistics. If `whole`, each partition has a row. Otherwise only the partitions
  // have one whose counts have changed since the last snapshot, which are few of thousands; for the
  // others, QuietAnswers() returns when the end of their logs was last known. A partition that was
  // released since the last snapshot, or assigned again (which restarts its counts at 0), has a
  // row with its last counts, too, before all others and stopped: otherwise they would be lost.
  std::vector<PartitionCounters> SnapshotPartitions(bool whole);
  LaneCounters SnapshotLane() const;
  // A row for each broker that the lane has sent a request to.
  std::vector<BrokerCounters> SnapshotBrokers() const {
    return lane_.brokers.Snapshot(lane_.transport);
  }
  // For each source broker: when it last reported that its quiet partitions have no news, epoch ms.
  std::vector<std::pair<int64_t, int64_t>> QuietAnswers() const { return fetcher_.QuietAnswers(); }
  const LatencyCounts& latency() const { return lane_.latency; }
  const std::map<int32_t, int64_t>& errors() const { return lane_.errors; }

  // `in_full`: also checks each batch of the queues.
  void CheckInvariants(bool in_full) const;

 private:
  // Of a partition that the lane is assigned again.
  void Replace(Partition* p);
  void Remove(Partition* p);
  void TakeEncoded();
  void WatchBrokers();
  void ReleaseStopped();
  bool AwaitsAnswers(const Partition& p) const;
  void Abandon(Partition* p);
  static PartitionCounters CountersOf(const Partition& p);
  static bool IsNews(const PartitionCounters& row, const PartitionCounters& counted);

  LaneContext lane_;
  Leaders leaders_;
  Fetcher fetcher_;
  Outbox outbox_;
  TargetScan scan_;
  uint64_t incarnations_ = 0;
  std::vector<PartitionCounters> released_;
};

}  // namespace longhaul
