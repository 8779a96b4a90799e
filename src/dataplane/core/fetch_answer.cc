#include "core/fetch_answer.h"

namespace longhaul {

FetchAnswer ReadFetch(LaneContext* lane, int32_t node, const Reply& reply) {
  FetchAnswer answer;
  answer.error = reply.error != 0 || reply.body ? reply.error : kErrorResponseMalformed;
  if (answer.error == 0) {
    answer.buffer = lane->memory.Hold(reply.body);
    lane->counters.fetch_response_bytes += answer.buffer->size();
    lane->bandwidth.Spend(answer.buffer->size());
    const Status parsed =
        ParseFetch(answer.buffer->data(), static_cast<size_t>(answer.buffer->size()),
                   reply.api_version, &answer.response);
    answer.error = parsed.ok() ? answer.response.error : parsed.code;
    if (parsed.ok()) {
      lane->counters.source_throttle_ms += answer.response.throttle_ms;
      lane->brokers.Throttled(Side::kSource, node, answer.response.throttle_ms);
    }
    if (parsed.ok() && reply.api_version >= kFetchClientThrottlesFrom)
      answer.pause_ms = answer.response.throttle_ms;
  }
  if (answer.error != 0) {
    lane->counters.request_errors++;
    lane->errors[answer.error]++;
  }
  return answer;
}

}  // namespace longhaul
