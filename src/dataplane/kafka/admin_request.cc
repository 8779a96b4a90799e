// The admin call that sends a request which its caller has encoded, and returns the bytes of the
// answer: for measurements, which produce and fetch whole record batches. The request must not be
// flexible (KIP-482).
#include <cstdint>
#include <limits>
#include <string>

#include "contract/contract.generated.h"
#include "kafka/admin_call.h"
#include "kafka/broker_answer.h"

namespace longhaul {

Status SendRequest(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  const int32_t node = reader.Int32("node");
  const int32_t key = reader.Int32("apiKey");
  const int32_t version = reader.Int32("apiVersion");
  const Value::Bytes& body = reader.Bytes("body");
  if (!reader.error().empty()) return Status::Error(kErrorInvalidArgument, reader.error());
  constexpr int32_t kMax = std::numeric_limits<int16_t>::max();
  if (key < 0 || key > kMax || version < 0 || version > kMax) {
    return Status::Error(kErrorInvalidArgument, "apiKey and apiVersion must be 0 to 32767");
  }
  const std::string name = "the request with api key " + std::to_string(key);
  const Api api{.name = name.c_str(),
                .key = static_cast<int16_t>(key),
                .min = static_cast<int16_t>(version),
                .max = static_cast<int16_t>(version)};
  BrokerAnswer answer;
  Status status = AskBroker(
      call, "sendRequest", node, api,
      [&](int16_t, EncodedRequest* request) { request->bytes.assign(body.begin(), body.end()); },
      &answer);
  if (!status.ok()) return status;
  *result = Value::Bytes(answer.data(), answer.data() + answer.size());
  return Status::Ok();
}

}  // namespace longhaul
