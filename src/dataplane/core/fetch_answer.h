// The answer to a Fetch, of a session or of a stripe: its bytes, counted as held, and what they
// say.
#pragma once

#include <cstdint>

#include "core/lane_context.h"
#include "core/memory_account.h"
#include "core/protocol/fetch.h"
#include "core/transport.h"

namespace longhaul {

struct FetchAnswer {
  int32_t error = 0;         // of the whole answer; then `response` may be incomplete
  HeldRef buffer{};          // nullptr: the answer has no bytes
  FetchResponse response{};  // points into `buffer`
  // The broker asks the lane to send nothing for this time; 0: it does not.
  int64_t pause_ms = 0;
};

// Counts the bytes, the error and the throttle time of the answer of broker `node`.
FetchAnswer ReadFetch(LaneContext* lane, int32_t node, const Reply& reply);

}  // namespace longhaul
