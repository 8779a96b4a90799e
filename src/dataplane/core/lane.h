// What the parts of one forwarder share: settings, partitions, memory account, counters, time. All
// of it belongs to the loop thread. `wake_at` is how a part says when it wants to be ticked again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "codecs.h"
#include "contract/contract.generated.h"
#include "event_queue.h"
#include "latency.h"
#include "partition.h"
#include "transport.h"

namespace longhaul {

struct ErrorClass {
  bool retriable;
  bool refreshes_metadata;
};
// By the error table. Every local error of librdkafka is about a connection, so it is retriable.
ErrorClass ClassifyError(int32_t code);

// Can a broker be asked now? kDown and kUnsupported only after kBrokerGraceMs of being so: idle
// connections come and go, and librdkafka knows no versions of a broker that just went away.
enum class Reach : uint8_t { kReady, kConnecting, kDown, kUnsupported };

struct Lane {
  static constexpr int64_t kBrokerGraceMs = 3000;

  ForwarderSettings settings;
  int64_t producer_id = -1;
  int16_t producer_epoch = 0;
  Transport* transport = nullptr;
  const CompressionCodecs* codecs = nullptr;
  EventQueue* events = nullptr;

  int64_t now = 0;       // monotonic, ms
  int64_t wall_now = 0;  // since the epoch, ms; only compared with record timestamps
  int64_t wake_at = 0;

  std::unordered_map<uint32_t, std::unique_ptr<Partition>> partitions;
  // The few that need a look at every tick; all the others wait for a reply.
  std::unordered_set<uint32_t> resuming;  // in state starting or resuming
  std::unordered_set<uint32_t> waiting;   // backing off, or without a target leader
  std::unordered_set<uint32_t> stopping;
  bool routes_stale = false;  // a source leader or the set of partitions changed
  std::map<std::pair<Side, int32_t>, int64_t> unreachable_since;

  LaneCounters counters;
  LatencyCounts latency;
  std::map<int32_t, int64_t> errors;  // by code
  // Bytes of buffers alive. Shared because a buffer may be freed after the lane.
  std::shared_ptr<int64_t> held_bytes = std::make_shared<int64_t>(0);

  Partition* Find(uint32_t id) {
    auto it = partitions.find(id);
    return it == partitions.end() ? nullptr : it->second.get();
  }
  void WakeAt(int64_t when) { wake_at = std::min(wake_at, when); }
  int64_t BackoffMs(int32_t attempts) const {
    int64_t backoff = settings.retry_backoff_ms << std::min(attempts, 16);
    return std::min(backoff, settings.retry_backoff_max_ms);
  }

  Reach TryReach(Side side, int32_t node, int16_t api_key, int16_t min, int16_t max,
                 int16_t* version);

  void SetState(Partition* p, PartitionState state, int32_t code, std::string detail);
  // The partition stops until it is assigned anew; nothing else does. Replies that are still to
  // come find an empty queue.
  void Fault(Partition* p, int32_t code, std::string detail, Unmirrorable what = {});
  // The same after what is queued has been acked: it is good, and the fault then shows where.
  void FaultAfterQueue(Partition* p, int32_t code, std::string detail, Unmirrorable what = {});
  // A batch of the queue that the target holds, whether its ack came or a scan found it.
  void CountMirrored(Partition* p, const QueuedBatch& batch);
  // Counts an error and shows it with the partition while it is being retried.
  void NoteRetry(Partition* p, int32_t code, const std::string& detail);
  void Show(Partition* p, int32_t code, const std::string& detail) {
    if (p->code != code) SetState(p, p->state, code, detail);
  }
  // Accounts a buffer until it is freed.
  BufferRef Hold(BufferRef buffer);
};

}  // namespace longhaul
