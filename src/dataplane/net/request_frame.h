// One request as it is written: its header and its body, whose large pieces are sent by reference.
#pragma once

#include <sys/uio.h>

#include <string>
#include <vector>

#include "core/transport.h"

namespace longhaul {

struct RequestFrame {
  RequestFrame(const Request& request, const std::string& client_id, int64_t now);

  void SetCorrelationId(int32_t id);

  std::vector<uint8_t> copied;  // the header and the copied pieces; iovecs point into it
  std::vector<iovec> pieces;    // from index `written` on: not written yet
  size_t written = 0;           // pieces that are completely written
  int32_t correlation_id = 0;
  uint64_t tag;
  int64_t sent_at;   // ms
  int64_t deadline;  // ms
  int64_t answered_at = -1;  // when the response began to arrive, ms
  int16_t api_version;
  bool is_flexible;
};

}  // namespace longhaul
