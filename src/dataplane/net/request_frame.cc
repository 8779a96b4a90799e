#include "net/request_frame.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace longhaul {
namespace {

constexpr size_t kSizeBytes = 4;
constexpr size_t kCorrelationIdAt = kSizeBytes + 2 + 2;

void PutInt16(std::vector<uint8_t>* out, int16_t value) {
  out->push_back(static_cast<uint8_t>(static_cast<uint16_t>(value) >> 8));
  out->push_back(static_cast<uint8_t>(value));
}

void SetInt32(uint8_t* place, int32_t value) {
  const uint32_t big_endian = htonl(static_cast<uint32_t>(value));
  std::memcpy(place, &big_endian, sizeof(big_endian));
}

}  // namespace

RequestFrame::RequestFrame(const Request& request, const std::string& client_id, int64_t now)
    : tag(request.tag),
      sent_at(now),
      deadline(now + request.timeout_ms),
      api_version(request.api_version),
      is_flexible(request.is_flexible) {
  size_t body = 0, by_reference = 0;
  for (const Piece& piece : request.pieces) {
    body += piece.size;
    if (piece.by_reference) by_reference += piece.size;
  }
  const size_t header = kCorrelationIdAt + 4 + 2 + client_id.size();
  copied.reserve(header + body - by_reference + 2);  // it must not move: iovecs point into it
  copied.resize(kSizeBytes);
  PutInt16(&copied, request.api_key);
  PutInt16(&copied, api_version);
  copied.resize(copied.size() + 4);
  PutInt16(&copied, static_cast<int16_t>(client_id.size()));
  copied.insert(copied.end(), client_id.begin(), client_id.end());
  if (is_flexible) copied.push_back(0);  // no tags

  size_t from = 0;
  const auto close_copied = [&] {
    if (copied.size() > from) pieces.push_back({copied.data() + from, copied.size() - from});
    from = copied.size();
  };
  for (const Piece& piece : request.pieces) {
    if (piece.size == 0) continue;
    if (piece.by_reference) {
      close_copied();
      pieces.push_back({const_cast<uint8_t*>(piece.data), piece.size});
    } else {
      copied.insert(copied.end(), piece.data, piece.data + piece.size);
    }
  }
  if (is_flexible) copied.push_back(0);
  close_copied();
  SetInt32(copied.data(), static_cast<int32_t>(copied.size() + by_reference - kSizeBytes));
}

void RequestFrame::SetCorrelationId(int32_t id) {
  correlation_id = id;
  SetInt32(copied.data() + kCorrelationIdAt, id);
}

}  // namespace longhaul
