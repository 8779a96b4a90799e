// Implements core/transport.h over connections that two librdkafka clients have opened: librdkafka
// connects, logs in and requests metadata; all other requests use the adopted sockets, on the
// thread that polls.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/per_side.h"
#include "core/transport.h"
#include "kafka/broker_link.h"
#include "kafka/connections.h"
#include "kafka/handles.h"
#include "kafka/raw_requests.h"
#include "net/poller.h"

namespace longhaul {

class RdkafkaTransport final : public Transport {
 public:
  using OnReply = std::function<void(const Reply& reply)>;

  // `connections` are those of the clients, and must outlive the transport.
  RdkafkaTransport(ClientHandle source, ClientHandle target, PerSide<Connections*> connections);
  // Unless noted otherwise, call these methods on one thread only. Ends all connections. Replies
  // that are missing are dropped, and their memory is released.
  ~RdkafkaTransport() override;
  RdkafkaTransport(const RdkafkaTransport&) = delete;
  RdkafkaTransport& operator=(const RdkafkaTransport&) = delete;

  BrokerState broker_state(Side side, int32_t node) override;
  int16_t api_version(Side side, int32_t node, int16_t api_key, int16_t min, int16_t max) override;
  int32_t connection(Side side, int32_t node) override;
  Status Send(const Request& request) override;
  Status RequestMetadata(Side side, const std::vector<std::string>& topics,
                         const std::vector<int32_t>& avoid, uint64_t tag, int32_t* node) override;
  int64_t bytes_moved(Side side, const Channel& channel) override;
  int64_t bytes_fetched_by_all() override { return BrokerLink::bytes_fetched_by_all(); }
  void Disconnect(Side side, const Channel& channel) override;
  bool OpenChannel(Side side, const Channel& channel) override;
  void CloseChannel(Side side, const Channel& channel) override;
  int64_t connections_opened(Side side, int32_t node) const override;

  // For future logins, see SetToken of client_config.h. Call it on any thread.
  Status SetToken(Side side, const std::string& token);
  // Sends waiting requests, waits up to timeout_ms for replies, and delivers them on the calling
  // thread.
  void Poll(int timeout_ms, const OnReply& on_reply);
  // Ends a wait in Poll. Call it on any thread.
  void Wake();
 private:
  static void Take(const longhaul_reply_t* raw, void* transport);
  static void IgnoreReply(const longhaul_reply_t* raw, void* context);
  rd_kafka_t* client(Side side) const {
    return side == Side::kSource ? source_.get() : target_.get();
  }
  BrokerLink* Link(Side side, const Channel& channel);
  int64_t TickLinks(int64_t now);

  ClientHandle source_;
  ClientHandle target_;
  PerSide<Connections*> connections_;
  longhaul_queue_t* queue_;
  PerSide<BrokerLink::Client> clients_;
  Poller poller_;
  std::vector<Reply> replies_;
  uint64_t next_id_ = Poller::kWakeId;
  int32_t next_number_ = 0;
  std::map<std::pair<Side, Channel>, std::unique_ptr<BrokerLink>> links_;
};

}  // namespace longhaul
