#include "kafka/broker_errors.h"

#include <algorithm>
#include <utility>

#include "rdkafka.h"

namespace longhaul {
namespace {

// How much a code explains: a refused login explains why all brokers are down. One failed
// connection is weak evidence, but may be the only evidence for long: librdkafka tries other
// brokers only when it needs them. 0: no evidence.
int Weight(int32_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
      return 4;
    case RD_KAFKA_RESP_ERR__SSL:
      return 3;
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return 2;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

void BrokerErrors::Add(int32_t code, std::string text, Clock::time_point now) {
  if (Weight(code) > 0 && !unusable_since_.has_value()) unusable_since_ = now;
  if (Weight(code) > Weight(unusable_code_)) unusable_code_ = code;
  has_timed_out_ = has_timed_out_ || text.find("imed out") != std::string::npos;
  // "1/1 brokers are down" explains less than the texts before it.
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return;
  // librdkafka adds "(after 0ms in state CONNECT)" to its texts. Without it, equal errors are
  // equal.
  if (size_t tail = text.rfind(" (after "); tail != std::string::npos) text.resize(tail);
  auto same =
      std::find_if(seen_.begin(), seen_.end(), [&](const Seen& seen) { return seen.text == text; });
  if (same != seen_.end()) seen_.erase(same);
  if (seen_.size() == kTextsMax) seen_.pop_front();
  seen_.push_back({std::move(text), now});
}

bool BrokerErrors::is_only_of_addresses() const {
  return !has_timed_out_ && Weight(unusable_code_) <= Weight(RD_KAFKA_RESP_ERR__RESOLVE);
}

void BrokerErrors::BrokerAnswered() {
  unusable_since_.reset();
  unusable_code_ = 0;
  has_timed_out_ = false;
}

std::string BrokerErrors::Describe(Clock::time_point now) const {
  std::string all;
  bool hung_up = false;
  for (const Seen& seen : seen_) {
    if (now - seen.at > kFreshFor) continue;
    if (!all.empty()) all += "; ";
    all += seen.text;
    hung_up = hung_up || seen.text.find("Disconnected") != std::string::npos;
  }
  // librdkafka itself adds this hint only in some of the states in which a broker closes the
  // connection. A broker that went down closes it as well, but then refuses connections. A broker
  // that received a request of the login had understood the protocol until then.
  const bool is_down = all.find("refused") != std::string::npos;
  const bool in_login = all.find("SASL ") != std::string::npos;
  if (hung_up && !is_down && !in_login && all.find("security.protocol") == std::string::npos) {
    all += " (does the listener want another security.protocol: TLS, a login?)";
  }
  if (all.empty() && unusable_code_ != 0) return "no broker can be reached";
  return all;
}

}  // namespace longhaul
