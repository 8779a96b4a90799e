// Recent errors between one client and its brokers: the texts that a failed call shows, and the
// evidence that no broker can be used.
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
  static constexpr size_t kTextsMax = 8;  // three brokers with two errors each, and some more
  static constexpr std::chrono::seconds kFreshFor{60};

  void Add(int32_t code, std::string text, Clock::time_point now);
  // A broker has answered, which disproves the evidence. The texts stay for kFreshFor: another
  // broker may still be down, and librdkafka repeats an error that persists only every 30 seconds.
  void BrokerAnswered();

  // Since when there is evidence that no broker can be used: a refused login, a failed TLS
  // handshake, a name that does not resolve, or all brokers down.
  std::optional<Clock::time_point> unusable_since() const { return unusable_since_; }
  // The code of that evidence that explains most; 0 if there is none.
  int32_t unusable_code() const { return unusable_code_; }
  // Whether all evidence is about addresses that cannot be reached: others of the cluster may work.
  // False once a connection has timed out: the one that is opened next is no better.
  bool is_only_of_addresses() const;
  // The texts of the last kFreshFor, oldest first, joined; empty if there are none.
  std::string Describe(Clock::time_point now) const;

 private:
  struct Seen {
    std::string text;
    Clock::time_point at;
  };
  std::deque<Seen> seen_;
  std::optional<Clock::time_point> unusable_since_;
  int32_t unusable_code_ = 0;
  bool has_timed_out_ = false;
};

}  // namespace longhaul
