#include "net/broker_connection.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/block_pool.h"

namespace longhaul {
namespace {

int32_t GetInt32(const uint8_t* place) {
  uint32_t big_endian;
  std::memcpy(&big_endian, place, sizeof(big_endian));
  return static_cast<int32_t>(ntohl(big_endian));
}

constexpr size_t kSizeBytes = 4;
constexpr size_t kHeaderBytes = 4;  // the correlation id

// KIP-482. Returns where the tags of a header end, or 0: they do not fit.
size_t SkipTags(const uint8_t* data, size_t size, size_t at) {
  const auto read = [&](uint64_t* value) {
    *value = 0;
    for (int shift = 0; at < size && shift < 35; shift += 7) {
      const uint8_t byte = data[at++];
      *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  };
  uint64_t count, tag, bytes;
  if (!read(&count)) return 0;
  for (uint64_t i = 0; i < count; i++) {
    if (!read(&tag) || !read(&bytes) || bytes > size - at) return 0;
    at += bytes;
  }
  return at;
}

}  // namespace

// A response after its size field, in one block. `begin`: where the body begins.
class BrokerConnection::Response final : public Buffer {
 public:
  explicit Response(size_t size)
      : size_(size), block_(static_cast<uint8_t*>(BlockPool::OfProcess().Allocate(size))) {}
  ~Response() override { BlockPool::OfProcess().Free(block_); }
  Response(const Response&) = delete;
  Response& operator=(const Response&) = delete;

  uint8_t* block() { return block_; }
  size_t block_size() const { return size_; }
  uint8_t* data() override { return block_ + begin; }
  size_t size() const override { return size_ - begin; }
  size_t footprint() const override { return BlockPool::Footprint(size_); }

  size_t begin = 0;

 private:
  const size_t size_;
  uint8_t* const block_;
};

BrokerConnection::BrokerConnection(std::unique_ptr<BrokerSocket> socket, int64_t response_bytes_max)
    : socket_(std::move(socket)), response_bytes_max_(response_bytes_max), inbox_(kInboxBytes) {}

void BrokerConnection::Queue(RequestFrame frame) {
  frame.SetCorrelationId(++correlation_id_ & 0x7fffffff);
  requests_.push_back(std::move(frame));
}

BrokerConnection::State BrokerConnection::Flush() {
  while (is_writing()) {
    std::array<iovec, kPiecesMax> pieces;
    int count = 0;
    size_t size = 0;
    for (size_t r = unwritten_; r < requests_.size() && count < kPiecesMax; r++) {
      const RequestFrame& frame = requests_[r];
      for (size_t i = frame.written; i < frame.pieces.size() && count < kPiecesMax; i++) {
        pieces[static_cast<size_t>(count++)] = frame.pieces[i];
        size += frame.pieces[i].iov_len;
      }
    }
    const ptrdiff_t taken = socket_->Write(pieces.data(), count);
    if (taken == BrokerSocket::kEnded) return State::kEnded;
    Advance(static_cast<size_t>(taken));
    if (static_cast<size_t>(taken) < size || socket_->is_writing()) break;
  }
  return State::kOpen;
}

void BrokerConnection::Advance(size_t bytes) {
  while (unwritten_ < requests_.size()) {
    RequestFrame& frame = requests_[unwritten_];
    while (frame.written < frame.pieces.size()) {
      iovec& piece = frame.pieces[frame.written];
      if (bytes < piece.iov_len) {
        piece.iov_base = static_cast<uint8_t*>(piece.iov_base) + bytes;
        piece.iov_len -= bytes;
        return;
      }
      bytes -= piece.iov_len;
      frame.written++;
    }
    unwritten_++;
  }
}

BrokerConnection::State BrokerConnection::Receive(int64_t now,
                                                 std::vector<Answer>* answers) {
  now_ = now;
  has_more_ = false;
  for (size_t all = 0; all < kTurnBytes;) {
    size_t room = 0;
    const ptrdiff_t got = ReadOnce(&room);
    if (got == BrokerSocket::kEnded) return State::kEnded;
    if (!TakeFrames(answers)) return State::kMalformed;
    all += static_cast<size_t>(got);
    if (static_cast<size_t>(got) < room) break;
    has_more_ = socket_->is_tls() && all >= kTurnBytes;
  }
  Gather();
  return State::kOpen;
}

// Tells the kernel how many bytes to wait for.
void BrokerConnection::Gather() {
  if (receiving_ == nullptr) return socket_->WaitFor(1);
  const auto ms = static_cast<size_t>(now_ - receiving_since_);
  if (ms == 0) received_first_ = received_;
  if (ms > 0) gathered_ = (received_ - received_first_) * kGatherMs / ms + 1;
  socket_->WaitFor(std::min(receiving_->block_size() - received_, gathered_));
}

// Reads the rest of the response being received, and the bytes after it into the inbox.
ptrdiff_t BrokerConnection::ReadOnce(size_t* room) {
  std::array<iovec, 2> places;
  int count = 0;
  const size_t missing = receiving_ == nullptr ? 0 : receiving_->block_size() - received_;
  if (receiving_ != nullptr) places[count++] = {receiving_->block() + received_, missing};
  places[static_cast<size_t>(count++)] = {inbox_.data() + inbox_size_, kInboxBytes - inbox_size_};
  *room = missing + kInboxBytes - inbox_size_;
  const ptrdiff_t got = socket_->Read(places.data(), count);
  if (got <= 0) return got;
  bytes_received_ += got;
  const size_t in_place = std::min(missing, static_cast<size_t>(got));
  received_ += in_place;
  inbox_size_ += static_cast<size_t>(got) - in_place;
  return got;
}

bool BrokerConnection::TakeFrames(std::vector<Answer>* answers) {
  if (receiving_ != nullptr) {
    if (received_ < receiving_->block_size()) return true;
    if (!Finish(std::exchange(receiving_, nullptr), answers)) return false;
  }
  size_t at = 0;
  while (inbox_size_ - at >= kSizeBytes) {
    const int64_t size = GetInt32(inbox_.data() + at);
    if (size < static_cast<int64_t>(kHeaderBytes) || size > response_bytes_max_) return false;
    if (!requests_.empty() && requests_.front().answered_at < 0)
      requests_.front().answered_at = now_;
    const size_t here = std::min(static_cast<size_t>(size), inbox_size_ - at - kSizeBytes);
    // A small response may wait in the inbox for its rest.
    if (here < static_cast<size_t>(size) && kSizeBytes + static_cast<size_t>(size) <= kInboxBytes)
      break;
    auto response = std::make_shared<Response>(static_cast<size_t>(size));
    std::memcpy(response->block(), inbox_.data() + at + kSizeBytes, here);
    at += kSizeBytes + here;
    if (here == static_cast<size_t>(size)) {
      if (!Finish(std::move(response), answers)) return false;
    } else {
      receiving_ = std::move(response);
      received_ = here;
      receiving_since_ = now_;
    }
  }
  inbox_size_ -= at;
  std::memmove(inbox_.data(), inbox_.data() + at, inbox_size_);
  return true;
}

bool BrokerConnection::Finish(std::shared_ptr<Response> response, std::vector<Answer>* answers) {
  if (unwritten_ == 0) return false;
  const RequestFrame& request = requests_.front();
  if (GetInt32(response->block()) != request.correlation_id) return false;
  response->begin = kHeaderBytes;
  if (request.is_flexible) {
    response->begin = SkipTags(response->block(), response->block_size(), kHeaderBytes);
    if (response->begin == 0) return false;
  }
  answers->push_back({request.tag, request.api_version, std::move(response),
                      request.answered_at - request.sent_at});
  requests_.pop_front();
  unwritten_--;
  return true;
}

}  // namespace longhaul
