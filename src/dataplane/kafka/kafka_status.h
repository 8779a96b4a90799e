// The Status of an error code of a broker or of librdkafka, with the text that librdkafka has for
// the code.
#pragma once

#include <cstdint>
#include <string>

#include "core/status.h"
#include "rdkafka.h"

namespace longhaul {

inline const char* ErrorText(int32_t code) {
  return rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(code));
}

// Ok for code 0. `what` is written before the text of an error: what was asked of which broker.
inline Status StatusOf(int32_t code, const std::string& what = "") {
  if (code == 0) return Status::Ok();
  return Status::Error(code, what.empty() ? ErrorText(code) : what + ": " + ErrorText(code));
}

}  // namespace longhaul
