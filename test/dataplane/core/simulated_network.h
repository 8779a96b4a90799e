// The virtual clock, and the network between one forwarder and two simulated clusters. The network
// is a Transport: a request takes time, a connection answers its requests in order, and requests
// are lost in the cases in which librdkafka or TCP lose them.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <vector>

#include "core/transport.h"
#include "random.h"
#include "simulated_cluster.h"

namespace longhaul::test {

// Actions with the virtual millisecond at which each runs. Actions of the same millisecond run in
// the order in which they were added.
class Agenda {
 public:
  int64_t now = 1'000;

  void At(int64_t when, std::function<void()> action) {
    events_.push({std::max(when, now), next_++, std::move(action)});
  }
  // Runs the next event unless it is after `until`; false: there is none.
  bool Step(int64_t until) {
    if (events_.empty() || events_.top().when > until) return false;
    Event event = events_.top();
    events_.pop();
    now = event.when;
    event.action();
    return true;
  }

 private:
  struct Event {
    int64_t when;
    uint64_t number;
    std::function<void()> action;
    bool operator<(const Event& other) const {
      return std::pair(when, number) > std::pair(other.when, other.number);
    }
  };
  std::priority_queue<Event> events_;
  uint64_t next_ = 0;
};

// How many batches, of all forwarders, have been sent to a target partition and have not reached
// its broker yet.
struct BatchesUnderWay {
  int all = 0;
  int late = 0;  // of those, batches whose sender no longer waits for the answer
  // True from the arrival of a late batch until the broker appends a batch whose sender waits for
  // the answer. That sender may have scanned the target before the late batch arrived. Then only
  // the producer state of the broker makes the broker refuse the sender's next batch.
  bool late_arrived = false;
};
using UnderWay = std::map<SimulatedCluster::Key, BatchesUnderWay>;

class SimulatedNetwork final : public Transport {
 public:
  using OnReply = std::function<void(const Reply& reply)>;

  SimulatedNetwork(Agenda* agenda, Random* random, SimulatedCluster* source,
                   SimulatedCluster* target, UnderWay* under_way, OnReply on_reply)
      : agenda_(agenda),
        random_(random),
        clusters_{source, target},
        under_way_(under_way),
        on_reply_(std::move(on_reply)) {}
  ~SimulatedNetwork() override { Close(); }

  BrokerState broker_state(Side side, int32_t node) override;
  int16_t api_version(Side side, int32_t node, int16_t api_key, int16_t min, int16_t max) override;
  int32_t connection(Side side, int32_t node) override;
  Status Send(const Request& request) override;
  Status RequestMetadata(Side side, const std::vector<std::string>& topics,
                         const std::vector<int32_t>& avoid, uint64_t tag, int32_t* node) override;
  int64_t bytes_moved(Side side, const Channel& channel) override;
  int64_t bytes_fetched_by_all() override;
  void Disconnect(Side side, const Channel& channel) override { BreakChannel(side, channel); }
  bool OpenChannel(Side side, const Channel& channel) override;
  void CloseChannel(Side side, const Channel& channel) override;

  // All connections to the broker end.
  void Break(Side side, int32_t node, int32_t error = -195, bool broker_died = false);
  // One of several at random.
  void BreakOne(Side side, int32_t node);
  // The connection ends. The broker still processes the first few of the requests without an
  // answer; the others are lost. The forwarder learns of the end a little later, when the next
  // connection is already up. If the broker died, it processes no more requests.
  void BreakChannel(Side side, const Channel& channel, int32_t error = -195,
                    bool broker_died = false);
  // A NAT forgets the connection: nothing on it arrives any more in either direction, and no side
  // learns of it. A connection that is opened after it works.
  void Forget(Side side, const Channel& channel) {
    connections_[{side, channel}].is_forgotten = true;
  }
  // Of further channels, to all brokers.
  int64_t CountFurther() const;
  // From now on, metadata can be asked only of this broker of the cluster, and of others once a
  // connection to them is open: librdkafka connects only to brokers that it needs.
  void ConnectOnly(Side side, int32_t node) { connected_[side] = {node}; }
  static constexpr int64_t kConnectMs = 200;
  // The process dies. Requests that it has sent may still arrive.
  void Close();

  int64_t latency_max_ms = 5;
  int64_t latency_min_ms = 1;
  // How many bytes a ms a connection passes from the broker; 0: no limit.
  int64_t connection_rate = 0;
  // How many bytes a ms the line from the source passes, for all connections together, which have
  // equal parts of it, as TCP divides a line. 0: no limit.
  int64_t line_rate = 0;
  int64_t target_latency_ms = -1;  // -1: that of the source
  // How many further channels a broker accepts.
  int64_t further_max = INT64_MAX;
  int64_t metadata_lag_ms = 0;
  // One in so many Fetch responses of the source has a damaged payload byte. Each batch is damaged
  // kDamagesMax times at most: a batch that is damaged in each response is damaged on the disk,
  // which is another fault.
  static constexpr int kDamagesMax = 3;
  int32_t corrupt_one_in = 0;
  int32_t cut_one_in = 0;      // responses that end too early
  int32_t flip_offset_one_in = 0;  // Fetch responses with a damaged base offset, outside the CRC
  std::string Describe() const;

  // The longest time from the end of a connection until the forwarder learns of it.
  static constexpr uint64_t kHeardMsMax = 30;

  size_t response_bytes_max = 0;  // the largest response so far
  // The most bytes so far of answers to scans of the target that are on their way.
  int64_t scan_bytes_max = 0;
  // Called whenever the forwarder asks an answer of the target for its bytes.
  std::function<void(size_t size)> on_target_read;
  size_t in_flight_max = 0;       // the most batches of one partition in flight so far
  int64_t requests = 0;
  std::map<Side, int64_t> metadata_requests;
  // The transport does not know the ids of the brokers that it asks for metadata, as librdkafka
  // does not know those of bootstrap.servers.
  bool hides_ids = false;
  int64_t breaks = 0;     // connections that ended
  bool trickles = false;  // bytes arrive on each connection all the time, however late an answer is
  int64_t further_opened = 0;

 private:
  struct Part {
    Bytes copy;
    const uint8_t* reference = nullptr;  // must stay valid until the reply
    size_t size = 0;
  };
  struct InFlight {
    Side side;
    Channel channel;
    int16_t api_key;
    int16_t version;
    uint64_t tag;
    std::vector<Part> parts;
    std::vector<SimulatedCluster::Key> keys;
    int32_t connection = 0;   // its number
    std::optional<SimulatedCluster::OpenedFetch> fetch = {};  // set once a Fetch has arrived
    int64_t held_until = 0;  // how long the broker waits for records
    int64_t sent_at = 0;
    int64_t answered_at = 0;  // when the first byte of the answer arrives
    int64_t answer_bytes = 0;
    int64_t arrived_bytes = 0;  // of the answer, over the line
    bool replied = false;     // the forwarder has the answer; the references are invalid
    bool processed = false;
    bool lost = false;    // will never be processed
    bool counted = true;  // in under_way_
    bool is_late = false;  // and counted as such
  };
  using Ref = std::shared_ptr<InFlight>;
  struct Connection {
    std::deque<Ref> open;
    int32_t number = 1;
    int64_t last_arrival = 0;
    int64_t last_reply = 0;
    int64_t bytes_moved = 0;
    bool is_forgotten = false;
    bool is_open = false;  // a further one
    bool is_opening = false;
    std::set<uint64_t> metadata;  // tags of requests for it that are not answered
  };
  SimulatedCluster& cluster(Side side) { return *clusters_[static_cast<size_t>(side)]; }
  int64_t BytesMoved(const Connection& connection) const;
  void Arrived(const Ref& request, Bytes body);
  void ServeLine();
  int64_t Latency(Side side) {
    if (side == Side::kTarget && target_latency_ms >= 0) return target_latency_ms;
    return latency_min_ms + static_cast<int64_t>(random_->Below(
                                static_cast<uint64_t>(latency_max_ms - latency_min_ms + 1)));
  }
  static Bytes Assemble(const InFlight& request);
  static void Capture(InFlight* request);
  void Schedule(const Ref& request);
  void Arrive(const Ref& request);
  void Uncount(InFlight* request);
  void CountLate(InFlight* request);
  static void NoteLate(UnderWay* under_way, const InFlight& request);
  void Answer(const Ref& request, Bytes body);
  void Fail(const Ref& request, int32_t error);
  void Deliver(const Ref& request, int32_t error, Bytes body);
  BufferRef Received(Side side, Bytes body) const;
  void CountScan(const InFlight& request, int64_t bytes);
  void Damage(const InFlight& request, Bytes* body);
  bool MayDamage(const FetchedPartition& fetched, const RecordBatchView& batch);
  void FlipBaseOffset(const FetchResponse& response);
  void CorruptPayload(const FetchResponse& response);
  bool IsConnected(Side side, int32_t node) const {
    const auto it = connected_.find(side);
    return it == connected_.end() || it->second.contains(node);
  }
  void ConnectAnother(Side side, const std::vector<int32_t>& others);
  void AnswerMetadata(Side side, int32_t node, const std::vector<std::string>& topics,
                      uint64_t tag);

  Agenda* agenda_;
  Random* random_;
  int64_t scan_bytes_ = 0;
  // Answers that wait for the line, and how many bytes of each have left, by connection.
  struct Leaving {
    Ref request;
    Bytes body;
    int64_t from;  // when the broker sends it
    int64_t bytes = 0;
  };
  std::map<Channel, std::deque<Leaving>> leaving_;
  bool is_serving_ = false;
  SimulatedCluster* clusters_[kSides];
  UnderWay* under_way_;
  OnReply on_reply_;
  std::map<std::pair<Side, Channel>, Connection> connections_;
  std::map<Side, std::set<int32_t>> connected_;  // see ConnectOnly
  std::map<std::pair<int32_t, SimulatedCluster::Key>, size_t> in_flight_;  // by broker
  std::map<SimulatedCluster::Key, std::map<int64_t, int>> damages_;  // by base offset
  std::shared_ptr<bool> open_ = std::make_shared<bool>(true);
  // What brokers answer whose metadata is stale, and until when.
  std::map<std::pair<Side, std::string>, std::pair<int64_t, TopicLeaders>> old_news_;
};

}  // namespace longhaul::test
