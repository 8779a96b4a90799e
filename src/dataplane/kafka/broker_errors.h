// What went wrong lately between one client and its brokers: the texts that a failed call shows,
// and the evidence that waiting any longer is pointless.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace longhaul {

class BrokerErrors {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr size_t kTextsMax = 8;  // a three-broker cluster, each in two ways, and slack
  static constexpr std::chrono::seconds kFreshFor{60};

  void Add(int32_t code, std::string text, Clock::time_point now);
  // The evidence is refuted. The texts stay while they are fresh: another broker may be down still,
  // and librdkafka does not repeat an error that lasts for 30 seconds.
  void BrokerAnswered();

  // Since when there is evidence that no broker can be talked to: a refused login, TLS that fails,
  // a name that does not resolve, or all brokers down.
  std::optional<Clock::time_point> unusable_since() const { return unusable_since_; }
  // The most telling code among that evidence; 0 without any.
  int32_t unusable_code() const { return unusable_code_; }
  // The texts that are fresh, oldest first, joined; empty without any.
  std::string Describe(Clock::time_point now) const;

 private:
  struct Seen {
    std::string text;
    Clock::time_point at;
  };
  std::deque<Seen> seen_;
  std::optional<Clock::time_point> unusable_since_;
  int32_t unusable_code_ = 0;
};

}  // namespace longhaul
