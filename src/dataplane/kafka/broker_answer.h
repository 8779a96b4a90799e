// One request as bytes to one broker, for the admin calls that librdkafka does not have, or has
// with faults. Private to kafka/admin*.
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

// What a broker answered, in the version that was asked in. Owns the bytes.
class BrokerAnswer {
 public:
  BrokerAnswer() = default;
  ~BrokerAnswer();
  BrokerAnswer(const BrokerAnswer&) = delete;
  BrokerAnswer& operator=(const BrokerAnswer&) = delete;

  const uint8_t* data() const { return longhaul_response_data(response_); }
  size_t size() const { return longhaul_response_size(response_); }
  int16_t version() const { return version_; }

 private:
  friend Status AskBroker(AdminCall&, const char*, int32_t, const Api&,
                          const std::function<void(int16_t, EncodedRequest*)>&, BrokerAnswer*);
  longhaul_response_t* response_ = nullptr;
  int16_t version_ = -1;
};

// Waits for a connection to the broker. *version: the highest one that both sides speak.
Status Connect(AdminCall& call, const char* name, int32_t node, const Api& api, int16_t* version);

// Connects, sends what `encode` writes for the version, and waits for the answer. `name` is that of
// the admin call, for errors. Sends once: an answer that is lost is an error.
Status AskBroker(AdminCall& call, const char* name, int32_t node, const Api& api,
                 const std::function<void(int16_t version, EncodedRequest*)>& encode,
                 BrokerAnswer* out);

}  // namespace longhaul
