// One connection of a lane to one broker of one side. Adopts it from librdkafka, renews it before
// its SASL session ends (KIP-368), and adopts another one after its end. Of several links to one
// broker each adopts another connection: librdkafka opens the next one when it is asked to.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "core/transport.h"
#include "kafka/connections.h"
#include "kafka/handles.h"
#include "kafka/raw_connections.h"
#include "net/broker_connection.h"
#include "net/poller.h"

namespace longhaul {

class BrokerLink {
 public:
  // What the links of a lane share.
  struct Lane {
    Poller* poller;
    std::vector<Reply>* replies;  // to be delivered
    uint64_t* next_id;            // of connections, for the poller
    int32_t* next_number;         // of connections, as the core knows them
  };
  struct Client {
    rd_kafka_t* rk;
    longhaul_queue_t* queue;
    std::string id;
    int64_t response_bytes_max;
    Connections* connections;
  };

  BrokerLink(Side side, int32_t node, const Lane& lane, const Client* client);
  ~BrokerLink();
  BrokerLink(const BrokerLink&) = delete;
  BrokerLink& operator=(const BrokerLink&) = delete;

  // Asks librdkafka for a connection if there is none.
  BrokerState AskState(int64_t now);
  int16_t api_version(int16_t api_key, int16_t min, int16_t max) const;
  int32_t AskConnection(int64_t now);
  // Whether there is a connection; if not, asks for one.
  bool AskOpen(int64_t now);
  // Ends the connection, on which no request is in flight, and the attempt to adopt one.
  void Leave();
  int64_t bytes_moved() const;
  // By all links of the process to source brokers. Call it on any thread.
  static int64_t bytes_fetched_by_all();
  // How many connections were opened; one that replaces another that is still open is not counted.
  int64_t opened() const { return opened_; }
  void Send(const Request& request, int64_t now);
  // All requests fail.
  void Disconnect();
  bool Owns(uint64_t id) const { return current_.id == id || next_.id == id; }
  void OnReady(uint64_t id, int64_t now);
  void OnAdoption(const longhaul_reply_t& reply, int64_t now);
  // Writes waiting requests, fails requests after their deadline, renews the connection. Returns
  // when to call it again at the latest. Sets *is_sound to false if librdkafka's own connection to
  // the broker cannot be trusted either.
  int64_t Tick(int64_t now, bool* is_sound);

 private:
  static constexpr int64_t kAdoptAgainMs = 2;
  static constexpr int64_t kAdoptAgainMaxMs = 50;
  static constexpr int kAdoptTimeoutMs = 10'000;
  // A NAT may have forgotten a connection that nobody has used for longer, and only a request on it
  // would show that, after ten seconds. A new connection costs some round trips.
  static constexpr int64_t kIdleMsMax = 5'000;
  // Requests wait that long for the connection that replaces an idle one.
  static constexpr int64_t kReopenMsMax = 3'000;

  struct Connection {
    std::unique_ptr<BrokerConnection> io;
    uint64_t id = 0;
    int64_t renew_at = -1;  // ms; -1: never
    bool wants_write = false;
    int64_t used_at = 0;  // ms
  };

  bool IsIdle(const Request& request, int64_t now) const;
  void Reopen(int64_t now);
  bool HasIdle() const;
  bool AdoptSoon(int64_t now);
  bool BeginAdoption(int64_t now);
  void Renew(int64_t now);
  void UseNext();
  void Close(Connection* connection);
  void Receive(Connection* connection, int64_t now);
  void Flush(Connection* connection);
  void OnEnd(Connection* connection, int32_t code);
  void FailRequests(int32_t code, int64_t now);
  void Fail(const RequestFrame& frame, int32_t code);
  int64_t EarliestDeadline() const;

  const Side side_;
  const int32_t node_;
  const Lane lane_;
  const Client* const client_;
  Connection current_;
  Connection next_;  // replaces `current_` as soon as `current_` awaits no answer
  int32_t number_;
  int64_t opened_ = 0;
  std::vector<longhaul_api_range_t> apis_;
  std::deque<RequestFrame> waiting_;  // for a connection
  bool is_adopting_ = false;
  bool is_left_ = false;  // a connection that is adopted now is not needed any more
  int64_t reopen_until_ = -1;
  int64_t adopt_at_ = -1;  // when to try to adopt again; -1: never
  int64_t adopt_pause_ms_ = kAdoptAgainMs;
  int64_t session_us_ = -1;  // the longest time until renewal seen; -1: sessions have no end
};

}  // namespace longhaul
