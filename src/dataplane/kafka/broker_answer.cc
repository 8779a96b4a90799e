#include "kafka/broker_answer.h"

#include <algorithm>
#include <string>

#include "contract/contract.generated.h"
#include "kafka/kafka_status.h"
#include "kafka/raw_brokers.h"

namespace longhaul {
namespace {

constexpr int32_t kConnectPauseMs = 50;
// The longest wait inside librdkafka, so that Close() need not wait longer.
constexpr int32_t kAnswerMs = 5'000;

std::string Asked(const char* name, int32_t node) {
  return std::string(name) + ": broker " + std::to_string(node);
}

}  // namespace

BrokerAnswer::~BrokerAnswer() {
  if (response_ != nullptr) longhaul_response_release(response_);
}

Status Connect(AdminCall& call, const char* name, int32_t node, const Api& api, int16_t* version) {
  for (;;) {
    while (longhaul_broker_state(call.client(), node) != 1) {
      if (Status check = call.Check(); !check.ok()) return check;
      call.Pause(kConnectPauseMs);
    }
    *version = longhaul_api_version(call.client(), node, api.key, api.min, api.max);
    if (*version >= 0) return Status::Ok();
    // librdkafka knows no versions of a broker whose connection has just ended.
    if (longhaul_broker_state(call.client(), node) == 1) break;
  }
  return Status::Error(RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE,
                       Asked(name, node) + " does not support " + api.name + " v" +
                           std::to_string(api.min) + " to v" + std::to_string(api.max));
}

Status AskBroker(AdminCall& call, const char* name, int32_t node, const Api& api,
                 const std::function<void(int16_t, EncodedRequest*)>& encode, BrokerAnswer* out) {
  if (Status status = Connect(call, name, node, api, &out->version_); !status.ok()) return status;
  EncodedRequest request;
  encode(out->version_, &request);
  const int32_t code =
      longhaul_ask(call.client(), node, api.key, out->version_, request.is_flexible ? 1 : 0,
                   request.bytes.data(), request.bytes.size(),
                   std::min(call.remaining_ms(), kAnswerMs), &out->response_);
  return StatusOf(code, Asked(name, node));
}

}  // namespace longhaul
