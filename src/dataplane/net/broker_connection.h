// Requests and responses of one connection to a broker: numbers requests, writes all that wait with
// one call, and receives each response into one block of BlockPool. A broker answers in the order
// of the requests.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "core/transport.h"
#include "net/broker_socket.h"
#include "net/request_frame.h"

namespace longhaul {

// A response of a broker; `body` is null if none came.
struct Answer {
  uint64_t tag;
  int16_t api_version;
  BufferRef body;
  int64_t first_byte_ms;
};

class BrokerConnection {
 public:
  enum class State : uint8_t {
    kOpen,
    kEnded,
    kMalformed,  // the bytes are no answer to the request, or exceed response_bytes_max
  };

  BrokerConnection(std::unique_ptr<BrokerSocket> socket, int64_t response_bytes_max);

  // The next Flush writes the request.
  void Queue(RequestFrame frame);
  // Writes as much as the kernel accepts.
  State Flush();
  // Whether Flush has to be called once the kernel accepts more bytes.
  bool is_writing() const { return unwritten_ < requests_.size() || socket_->is_writing(); }
  // Adds the answers that have arrived. Stops after a few MiB, so that other connections get their
  // turn. If has_more(), call it again even if the poller does not report the connection: the rest
  // may already be in a buffer of OpenSSL. Answers before the end of the connection are kept.
  State Receive(int64_t now, std::vector<Answer>* answers);
  bool has_more() const { return has_more_; }
  // In all, without those of TLS.
  int64_t bytes_received() const { return bytes_received_; }

  // Requests that are not answered, the oldest first.
  const std::deque<RequestFrame>& requests() const { return requests_; }
  bool is_at_rest() const { return requests_.empty(); }
  const BrokerSocket& socket() const { return *socket_; }
  void Shutdown() { socket_->Shutdown(); }

 private:
  class Response;
  // For responses that are not known to be large: one read receives several small ones.
  static constexpr size_t kInboxBytes = 16 * 1024;
  static constexpr size_t kTurnBytes = 4 * 1024 * 1024;
  static constexpr int kPiecesMax = 512;  // of one write; the kernel's limit is 1024
  // A response is of use when it is complete, so the kernel may gather it. But what it gathers
  // fills its buffer, and that must not slow the broker: so at most what arrives in this time.
  static constexpr size_t kGatherMs = 2;

  void Advance(size_t bytes);
  ptrdiff_t ReadOnce(size_t* room);
  bool TakeFrames(std::vector<Answer>* answers);
  bool Finish(std::shared_ptr<Response> response, std::vector<Answer>* answers);
  void Gather();

  const std::unique_ptr<BrokerSocket> socket_;
  const int64_t response_bytes_max_;
  int32_t correlation_id_ = 0;
  std::deque<RequestFrame> requests_;
  size_t unwritten_ = 0;  // index of the first request that is not completely written
  std::vector<uint8_t> inbox_;
  size_t inbox_size_ = 0;
  std::shared_ptr<Response> receiving_;  // a response that is too large for the inbox
  size_t received_ = 0;                  // its bytes that have arrived
  size_t received_first_ = 0;            // of them, those that arrived at receiving_since_
  int64_t receiving_since_ = 0;          // ms
  bool has_more_ = false;
  size_t gathered_ = 1;  // bytes that arrived in kGatherMs
  int64_t bytes_received_ = 0;
  int64_t now_ = 0;
};

}  // namespace longhaul
