// What the parts of one forwarder share: settings, partitions, time, counters, and the accounts of
// memory, moves and brokers. All of it belongs to the loop thread. A part sets `wake_at` to when it
// has to be ticked again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "contract/contract.generated.h"
#include "core/bandwidth_limit.h"
#include "core/broker_counts.h"
#include "core/broker_reach.h"
#include "core/broker_watch.h"
#include "core/codecs.h"
#include "core/encode_jobs.h"
#include "core/event_queue.h"
#include "core/known_producers.h"
#include "core/latency.h"
#include "core/line_memory.h"
#include "core/memory_account.h"
#include "core/partition.h"
#include "core/partition_moves.h"
#include "core/target_codecs.h"
#include "core/target_shares.h"
#include "core/topic_bandwidth.h"
#include "core/transport.h"

namespace longhaul {

struct ErrorClass {
  bool retriable;
  bool refreshes_metadata;
};
// From the error table. Every local error of librdkafka is about a connection, so it is retriable.
ErrorClass ClassifyError(int32_t code);
// `what`; if `code` means that the broker denied permission, also the operation that is needed.
std::string WithNeed(int32_t code, std::string what, const char* operation);

struct LaneContext {
  static constexpr int64_t kHeldLookMs = 250;
  // How long a lane that lacks memory waits until it looks whether others have returned some.
  static constexpr int64_t kLackLookMs = 50;

  LaneContext(const ForwarderSettings& s, int64_t id, int16_t epoch, std::string source_rack,
              const CompressionCodecs* c, EventQueue* e, EncodeExecutor* executor,
              LentMemory* shared_memory)
      : settings(s), producer_id(id), producer_epoch(epoch), rack(std::move(source_rack)),
        codecs(c), events(e), memory(s, shared_memory), encode_jobs(executor, c, &memory),
        shares(&memory), watch(s.request_timeout_ms),
        moves(e, &errors, &fetch_changes), producers(s.judges_producers != 0),
        target_codecs(s.target_codecs) {}
  LaneContext(const LaneContext&) = delete;
  LaneContext& operator=(const LaneContext&) = delete;

  const ForwarderSettings settings;
  const int64_t producer_id;  // -1: the target has no idempotent producers
  const int16_t producer_epoch;
  const std::string rack;  // client.rack of the source; empty: none
  Transport* transport = nullptr;
  const CompressionCodecs* const codecs;
  EventQueue* const events;

  int64_t now = 0;       // monotonic, ms
  int64_t wall_now = 0;  // since the epoch, ms; compared with record timestamps only
  int64_t wake_at = 0;

  std::map<int32_t, int64_t> errors;  // by code
  LaneCounters counters;
  BrokerCounts brokers;
  LatencyCounts latency;
  MemoryAccount memory;
  EncodeJobs encode_jobs;
  LineMemory line_memory;
  BandwidthLimit bandwidth;
  TopicBandwidth topic_bandwidth;
  TargetShares shares;
  BrokerReach reach;
  BrokerWatch watch;
  PartitionMoves moves;
  KnownProducers producers;
  TargetCodecs target_codecs;
  std::unordered_map<uint32_t, std::unique_ptr<Partition>> partitions;
  // Partitions that may have to be fetched from another broker or offset than before, or no longer.
  // Code that changes any of this for a partition calls FetchChanged().
  std::unordered_set<uint32_t> fetch_changes;

  Partition* Find(uint32_t id) {
    auto it = partitions.find(id);
    return it == partitions.end() ? nullptr : it->second.get();
  }
  bool is_idempotent() const { return producer_id >= 0; }
  // Where the source log ends for consumers.
  int64_t EndOf(const Partition& p) const {
    return settings.isolation_level == 1 && p.source.last_stable_offset >= 0
               ? p.source.last_stable_offset
               : p.source.high_watermark;
  }
  // Exactly one reply with the tag of the request follows an Ok.
  Status Send(const Request& request) {
    const Status status = transport->Send(request);
    if (status.ok()) brokers.Sent(request, now);
    return status;
  }
  // Before Fetches are sent: adapts the memory of the lane, and that of the process, to what the
  // lane needs.
  void SettleMemory();
  void FetchChanged(const Partition& p) { fetch_changes.insert(p.id); }
  // Whether the limit of the bandwidth permits a Fetch now; otherwise the lane wakes when it does.
  bool MayFetch() {
    if (bandwidth.MayFetch(now)) return true;
    WakeAt(bandwidth.FetchAt(now));
    return false;
  }
  // When the partition is to be looked at again because it waits for its debt or for the share of
  // its topic in the bandwidth; 0: it does not wait.
  int64_t HeldUntil(const Partition& p);
  // A Fetch that asked for `asked` bytes has returned records of the partition.
  void SpendBandwidth(const Partition& p, int64_t asked, int64_t returned);
  void WakeAt(int64_t when) { wake_at = std::min(wake_at, when); }
  int64_t BackoffMs(int32_t attempts) const {
    return DoubledMs(settings.retry_backoff_ms, attempts, settings.retry_backoff_max_ms);
  }
  // `first`, doubled `times` times, at most `max`.
  static int64_t DoubledMs(int64_t first, int32_t times, int64_t max) {
    return std::min(first << std::min(times, 16), max);
  }
  Reach AskReach(Side side, int32_t node, const Api& api, int16_t* version) {
    return reach.Ask(transport, now, side, node, api, version);
  }
  // Scans the target again from the recorded progress on. Nothing may be in flight: an ack that
  // came later would be counted twice, by progress and by the scan.
  void BeginScan(Partition* p, PartitionEvent event);
  // Counts a batch of the queue that the target holds, acknowledged or found by a scan.
  void CountMirrored(Partition* p, const QueuedBatch& batch);
};

}  // namespace longhaul
