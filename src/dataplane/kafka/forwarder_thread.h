// A forwarder with everything that it needs to run: two clients, their transport and a loop thread.
// The loop and the callers of With() use one lock. The loop does not hold the lock while it waits
// for replies, so a caller waits at most until one reply is handled.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/block_pool.h"
#include "core/encode_pool.h"
#include "core/event_queue.h"
#include "core/forwarder.h"
#include "core/lent_memory.h"
#include "kafka/client_config.h"
#include "kafka/codecs.h"
#include "kafka/connections.h"
#include "kafka/rdkafka_transport.h"

namespace longhaul {

class ForwarderThread {
 public:
  // The rack of the forwarder is client.rack in the properties of the source.
  static Status Open(ForwarderConfig config, const ClientProperties& source,
                     const ClientProperties& target, std::unique_ptr<ForwarderThread>* out);
  // Stops the loop and closes both clients. Requests in flight may or may not reach the brokers: to
  // be sure, revoke the partitions first and wait for their release.
  ~ForwarderThread();
  ForwarderThread(const ForwarderThread&) = delete;
  ForwarderThread& operator=(const ForwarderThread&) = delete;

  template <typename Action>
  auto With(Action action) {
    struct WakeAfter {
      RdkafkaTransport* transport;
      ~WakeAfter() { transport->Wake(); }
    } wake{transport_.get()};
    std::lock_guard<std::mutex> guard(mutex_);
    return action(*forwarder_);
  }
  EventQueue& events() { return events_; }
  // For the logins from now on, see SetToken of client_config.h.
  Status SetToken(Side side, const std::string& token) {
    return transport_->SetToken(side, token);
  }

 private:
  // The opaque pointer of a client's callbacks points to it.
  struct ClientContext {
    ForwarderThread* owner = nullptr;
    Side side = Side::kSource;
    Connections connections;
  };

  ForwarderThread(const ForwarderConfig& config);
  Status Start(const ClientProperties& source, const ClientProperties& target);
  Status OpenSide(const ClientProperties& properties, Side side, ClientHandle* out);
  static void OnLog(const rd_kafka_t* rk, int level, const char* facility, const char* text);
  void Loop();

  BlockPool::Share memory_share_;
  KafkaCodecs codecs_;
  EventQueue events_;
  PerSide<ClientContext> clients_;
  const ForwarderConfig config_;
  std::unique_ptr<RdkafkaTransport> transport_;
  // Wakes the transport, and its jobs hold memory of the forwarder.
  std::optional<EncodePool::Lane> encoder_;
  std::mutex mutex_;  // guards forwarder_
  std::optional<Forwarder> forwarder_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace longhaul
