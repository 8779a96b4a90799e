// What the forwarder needs from outside: brokers that accept requests, and buffers that hold
// responses. kafka/rdkafka_transport implements it over librdkafka; tests implement it with a
// simulated pair of clusters.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "status.h"

namespace longhaul {

enum class Side : uint8_t { kSource, kTarget };
constexpr size_t kSides = 2;
inline const char* SideName(Side side) { return side == Side::kSource ? "source" : "target"; }

// The memory of one response. Batches point into it and are patched in place, so it is writable. It
// is freed when the last batch that points into it is acked.
class Buffer {
 public:
  virtual ~Buffer() = default;
  virtual uint8_t* data() = 0;
  virtual size_t size() const = 0;
  // The bytes of memory that it occupies, with its header and up to the end of its pages.
  virtual size_t footprint() const { return size(); }
};
using BufferRef = std::shared_ptr<Buffer>;

// Memory that it owns, for the responses of simulated brokers.
class OwnedBuffer final : public Buffer {
 public:
  explicit OwnedBuffer(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}
  uint8_t* data() override { return bytes_.data(); }
  size_t size() const override { return bytes_.size(); }

 private:
  std::vector<uint8_t> bytes_;
};

// One piece of a request body: small pieces are copied, payloads are sent by reference.
struct Piece {
  const uint8_t* data;
  size_t size;
  bool by_reference;
};

// One of the connections of a lane to a broker. Each broker has channel 0; further ones carry only
// Fetches of partitions that are spread over several connections (fetch_channels.h).
struct Channel {
  int32_t node;
  int32_t number = 0;
  auto operator<=>(const Channel&) const = default;
};

constexpr int32_t kAnyConnection = -1;

struct Request {
  Side side;
  int32_t node;
  int16_t api_key;
  int16_t api_version;
  std::vector<Piece> pieces;
  int timeout_ms;
  uint64_t tag;
  bool is_flexible = false;  // KIP-482: header and end carry tags, which the transport writes
  // A number that Transport::connection() has returned. The request fails, and is not written, if
  // the broker has another connection by the time at which it would be written.
  int32_t connection = kAnyConnection;
  int32_t channel = 0;  // the number of one that is open
};

using TopicId = std::array<uint8_t, 16>;  // KIP-516; zeros: the broker does not know topic ids

struct PartitionLeader {
  int32_t partition;
  int32_t leader;        // node id, -1: none
  int32_t leader_epoch;  // -1: unknown
  int32_t error;
};

struct TopicLeaders {
  std::string topic;
  int32_t error;
  TopicId topic_id;
  std::vector<PartitionLeader> partitions;
};

struct Reply {
  Side side;
  uint64_t tag;
  int32_t error = 0;  // of the whole request: librdkafka or Kafka code
  int16_t api_version = 0;
  BufferRef body;                    // of Fetch and Produce
  bool is_metadata = false;
  std::vector<TopicLeaders> topics;  // of metadata
  int64_t first_byte_ms = -1;  // from sending the request until its response began to arrive
};

enum class BrokerState : uint8_t { kUnknown, kDown, kUp };

class Transport {
 public:
  virtual ~Transport() = default;
  // If the broker is not up, this call also opens a connection in the background.
  virtual BrokerState broker_state(Side side, int32_t node) = 0;
  // The highest version that both sides support, or -1.
  virtual int16_t api_version(Side side, int32_t node, int16_t api_key, int16_t min,
                              int16_t max) = 0;
  // The number of the connection to the broker, which changes with each reconnect; -1: none.
  virtual int32_t connection(Side side, int32_t node) = 0;
  // Exactly one Reply with this tag follows an Ok. By-reference pieces stay valid until then.
  virtual Status Send(const Request& request) = 0;
  // Asks any broker that is up, but one of `avoid` only if no other is; then it also opens a
  // connection to another one in the background. *node: the broker asked, -1 if its id is not known
  // yet.
  virtual Status RequestMetadata(Side side, const std::vector<std::string>& topics,
                                 const std::vector<int32_t>& avoid, uint64_t tag,
                                 int32_t* node) = 0;
  // Bytes that the kernel has sent and received on the current connection. The number changes as
  // long as data gets through. -1: there is no connection.
  virtual int64_t bytes_moved(Side side, const Channel& channel) = 0;
  // Bytes that all lanes of the process have received from source brokers.
  virtual int64_t bytes_fetched_by_all() = 0;
  // Closes the connection: all requests on it fail soon, and the next request opens another one.
  virtual void Disconnect(Side side, const Channel& channel) = 0;
  // Of a further channel to a broker that is up: whether it is open. If not, this call also opens
  // it in the background.
  virtual bool OpenChannel(Side side, const Channel& channel) = 0;
  // Ends a further channel, on which no request is in flight, or the attempt to open it.
  virtual void CloseChannel(Side side, const Channel& channel) = 0;
  // How many connections to the broker were opened, over all its channels; -1: not known.
  virtual int64_t connections_opened(Side, int32_t) const { return -1; }
};

}  // namespace longhaul
