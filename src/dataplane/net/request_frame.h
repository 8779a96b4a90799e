// One request as it goes out: its header, its body, by reference where the request says so.
#pragma once

#include <sys/uio.h>

#include <string>
#include <vector>

#include "core/transport.h"

namespace longhaul {

struct RequestFrame {
  RequestFrame(const Request& request, const std::string& client_id, int64_t now);

  void SetCorrelationId(int32_t id);

  std::vector<uint8_t> copied;  // the header and what is not by reference; iovecs point into it
  std::vector<iovec> pieces;    // what has not been written yet, from `written` on
  size_t written = 0;           // whole pieces
  int32_t correlation_id = 0;
  uint64_t tag;
  int64_t deadline;  // ms
  int16_t api_version;
  bool is_flexible;
};

}  // namespace longhaul
