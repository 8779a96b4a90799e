// Requests and responses of one connection to a broker: it numbers requests, writes what waits at
// once, and receives each response into one block of BlockPool. A broker answers in the order of
// requests.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "core/transport.h"
#include "net/broker_socket.h"
#include "net/request_frame.h"

namespace longhaul {

// A response of a broker, or `body` null: none came.
struct Answer {
  uint64_t tag;
  int16_t api_version;
  BufferRef body;
};

class BrokerConnection {
 public:
  enum class State : uint8_t {
    kOpen,
    kEnded,
    kMalformed,  // what came is not an answer to the request, or is larger than response_bytes_max
  };

  BrokerConnection(std::unique_ptr<BrokerSocket> socket, int64_t response_bytes_max);

  // Goes out with the next Flush.
  void Queue(RequestFrame frame);
  // Writes as much as the kernel accepts.
  State Flush();
  // Flush wants to be called once the kernel accepts more.
  bool is_writing() const { return unwritten_ < requests_.size() || socket_->is_writing(); }
  // Adds what has come. Stops after a few MiB, so that other connections get their turn: with
  // has_more(), what is left may not show in the kernel. What came before an end is kept.
  State Receive(std::vector<Answer>* answers);
  bool has_more() const { return has_more_; }

  // Requests that are not answered, the oldest first.
  const std::deque<RequestFrame>& requests() const { return requests_; }
  bool is_at_rest() const { return requests_.empty(); }
  const BrokerSocket& socket() const { return *socket_; }
  void Shutdown() { socket_->Shutdown(); }

 private:
  class Response;
  // Of responses that are not known to be large: one read brings several small ones.
  static constexpr size_t kInboxBytes = 16 * 1024;
  static constexpr size_t kTurnBytes = 4 * 1024 * 1024;
  static constexpr int kPiecesMax = 512;  // a write; the kernel's limit is 1024

  void Advance(size_t bytes);
  ptrdiff_t ReadOnce(size_t* room);
  bool TakeFrames(std::vector<Answer>* answers);
  bool Finish(std::shared_ptr<Response> response, std::vector<Answer>* answers);

  const std::unique_ptr<BrokerSocket> socket_;
  const int64_t response_bytes_max_;
  int32_t correlation_id_ = 0;
  std::deque<RequestFrame> requests_;
  size_t unwritten_ = 0;  // the first of requests_ that is not wholly written
  std::vector<uint8_t> inbox_;
  size_t inbox_size_ = 0;
  std::shared_ptr<Response> receiving_;  // too large for the inbox
  size_t received_ = 0;                  // bytes of it
  bool has_more_ = false;
};

}  // namespace longhaul
