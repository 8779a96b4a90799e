// The one result type of the data plane. A code is a Kafka protocol error (> 0), a librdkafka local
// error (< 0) or an error of Longhaul (>= 1000, contract.generated.h); 0 is success.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace longhaul {

struct [[nodiscard]] Status {
  int32_t code = 0;
  std::string detail;  // what happened, with numbers and names, for the user; no advice

  bool ok() const { return code == 0; }
  static Status Ok() { return {}; }
  static Status Error(int32_t code, std::string detail) { return {code, std::move(detail)}; }
};

}  // namespace longhaul
