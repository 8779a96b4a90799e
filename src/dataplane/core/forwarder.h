// One lane's engine: accepts partitions, moves their batches from source to target, reports their
// progress. It has no threads and no clocks: a loop hands it replies and ticks it, which is how
// tests drive it against simulated clusters. See ARCHITECTURE.md for the life of a batch.
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
};

class Forwarder {
 public:
  // How long the loop may sleep with nothing to do.
  static constexpr int64_t kIdleMs = 1000;

  Forwarder(const ForwarderConfig& config, Transport* transport, const CompressionCodecs* codecs,
            EventQueue* events);

  // For an owner that creates the transport after the forwarder; before the first Tick.
  void Connect(Transport* transport) { lane_.transport = transport; }

  // Replaces partitions that are held under the same id: that is how a faulted one is retried.
  void Assign(std::vector<PartitionAssignment> assignments);
  // Releases partitions: the answers to what is in flight are awaited, then a released event
  // carries the final progress. An id that the lane does not hold is released at once.
  void Revoke(const std::vector<uint32_t>& ids);

  // What is known of inbound flows; answers the questions that the event queue has reported.
  void KnowProducers(const ProducersAnswer& answer);

  // Times as in Tick.
  void OnReply(const Reply& reply, int64_t now, int64_t wall_now);
  // Does what is due; returns after how many milliseconds to tick again at the latest. Call it
  // after replies, too. `now` is monotonic, `wall_now` since the epoch; both in ms.
  int64_t Tick(int64_t now, int64_t wall_now);

  // A snapshot for statistics: a row of each partition, or unless `whole` only the rows that have
  // changed since the last snapshot: of thousands of partitions few do. How old the end of the log
  // of the others is say QuietAnswers(). A partition that was released since then has a row once
  // more, or its last counts would be lost.
  std::vector<PartitionCounters> SnapshotPartitions(bool whole);
  LaneCounters SnapshotLane() const;
  // When each source broker last said that nothing is new of its quiet partitions, epoch ms.
  std::vector<std::pair<int64_t, int64_t>> QuietAnswers() const { return fetcher_.QuietAnswers(); }
  const LatencyCounts& latency() const { return lane_.latency; }
  const std::map<int32_t, int64_t>& errors() const { return lane_.errors; }

  // `in_full`: also walks the queues.
  void CheckInvariants(bool in_full) const;

 private:
  void Remove(Partition* p);
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
