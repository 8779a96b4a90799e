// One request as bytes to one broker, for the admin calls that librdkafka does not have, or whose
// implementation in librdkafka has faults. Private to kafka/admin*.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "core/broker_reach.h"
#include "core/protocol/request.h"
#include "core/status.h"
#include "kafka/admin_call.h"
#include "kafka/raw_requests.h"

namespace longhaul {

// The answer of a broker, in the version of the request. Owns the bytes.
class BrokerAnswer {
 public:
  BrokerAnswer() = default;
  ~BrokerAnswer();
  BrokerAnswer(const BrokerAnswer&) = delete;
  BrokerAnswer& operator=(const BrokerAnswer&) = delete;

  const uint8_t* data() const { return longhaul_response_data(response_); }
  uint8_t* mutable_data() { return longhaul_response_data(response_); }
  size_t size() const { return longhaul_response_size(response_); }
  int16_t version() const { return version_; }

 private:
  friend Status AskBroker(AdminCall&, const char*, int32_t, const Api&,
                          const std::function<void(int16_t, EncodedRequest*)>&, BrokerAnswer*);
  longhaul_response_t* response_ = nullptr;
  int16_t version_ = -1;
};

// Waits for a connection to the broker. *version: the highest version that both sides support.
Status Connect(AdminCall& call, const char* name, int32_t node, const Api& api, int16_t* version);

// Connects, sends the body that `encode` writes for the version, and waits for the answer. `name`
// is the name of the admin call, for errors. Sends only once: a lost answer is an error.
Status AskBroker(AdminCall& call, const char* name, int32_t node, const Api& api,
                 const std::function<void(int16_t version, EncodedRequest*)>& encode,
                 BrokerAnswer* out);

}  // namespace longhaul
