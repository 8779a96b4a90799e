// What the silence of one connection to a broker means, and what it does not.
#include "core/broker_watch.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

namespace longhaul {
namespace {

constexpr int32_t kNode = 1;

// A broker whose data connection is forgotten: no byte moves on it.
class SilentTransport final : public Transport {
 public:
  BrokerState broker_state(Side, int32_t) override { return BrokerState::kUp; }
  int16_t api_version(Side, int32_t, int16_t, int16_t, int16_t max) override { return max; }
  int32_t connection(Side, int32_t) override { return 1; }
  Status Send(const Request&) override { return Status::Ok(); }
  Status RequestMetadata(Side, const std::vector<std::string>&, const std::vector<int32_t>&,
                         uint64_t, int32_t*) override {
    return Status::Ok();
  }
  int64_t bytes_moved(Side, const Channel&) override { return 100; }
  int64_t bytes_fetched_by_all() override { return 0; }
  void Disconnect(Side, const Channel& channel) override { disconnected.push_back(channel); }
  bool OpenChannel(Side, const Channel&) override { return true; }
  void CloseChannel(Side, const Channel&) override {}

  std::vector<Channel> disconnected;
};

// Regression: metadata was requested each second from the only broker, over another connection, and
// its answers made the forgotten data connection count as alive for ever.
TEST_CASE("answers to metadata do not count for the data connection") {
  SilentTransport transport;
  BrokerWatch watch(30'000);
  const Patience patience = watch.PatienceFor(0, false);
  watch.Sent(Side::kTarget, {kNode}, patience, 0);
  int64_t closed_at = -1;
  for (int64_t now = 0; now <= 20'000 && closed_at < 0; now += 1'000) {
    watch.Sent(Side::kTarget, {kNode}, patience, now, Route::kMetadata);
    watch.Answered(Side::kTarget, {kNode}, patience, now, Route::kMetadata);
    watch.Tick(&transport, now);
    if (now > BrokerWatch::kSuspectMs + 2'000 && now < BrokerWatch::kSilentMs)
      CHECK(watch.IsSuspect(Side::kTarget, kNode));
    if (!transport.disconnected.empty()) closed_at = now;
  }
  CHECK(closed_at >= BrokerWatch::kSilentMs);
  CHECK(closed_at <= BrokerWatch::kSilentMs + 2'000);
}

TEST_CASE("unanswered metadata is requested from others, and stops no data") {
  SilentTransport transport;
  BrokerWatch watch(30'000);
  const Patience patience = watch.PatienceFor(0, false);
  watch.Sent(Side::kSource, {kNode}, patience, 0, Route::kMetadata);
  for (int64_t now = 0; now < 9'000; now += 1'000) watch.Tick(&transport, now);
  CHECK(watch.Doubtful(Side::kSource, 9'000) == std::set<int32_t>{kNode});
  CHECK_FALSE(watch.IsSuspect(Side::kSource, kNode));
  CHECK(transport.disconnected.empty());
  for (int64_t now = 9'000; now < 13'000; now += 1'000) watch.Tick(&transport, now);
  CHECK(transport.disconnected == std::vector<Channel>{{kNode}});
}

// A NAT may forget one of several connections, while the others work.
TEST_CASE("a further channel that is silent is closed alone, and its broker is not suspect") {
  SilentTransport transport;
  BrokerWatch watch(30'000);
  const Patience patience = watch.PatienceFor(500, true);
  watch.Sent(Side::kSource, {kNode, 2}, patience, 0);
  int64_t closed_at = -1;
  for (int64_t now = 0; now <= 20'000 && closed_at < 0; now += 1'000) {
    watch.Sent(Side::kSource, {kNode}, patience, now);
    watch.Answered(Side::kSource, {kNode}, patience, now);
    watch.Tick(&transport, now);
    CHECK_FALSE(watch.IsSuspect(Side::kSource, kNode));
    if (!transport.disconnected.empty()) closed_at = now;
  }
  CHECK(transport.disconnected == std::vector<Channel>{{kNode, 2}});
  CHECK(closed_at >= BrokerWatch::kSilentMs);
  CHECK(closed_at <= BrokerWatch::kSilentMs + 2'000);
}

TEST_CASE("a broker that is silent beyond its own wait is doubtful before it is suspect") {
  BrokerWatch watch(30'000);
  const Patience patience = watch.PatienceFor(500, true);
  watch.Sent(Side::kSource, {kNode}, patience, 0);
  CHECK(watch.Doubtful(Side::kSource, 500 + BrokerWatch::kDoubtMs - 1).empty());
  CHECK(watch.Doubtful(Side::kSource, 500 + BrokerWatch::kDoubtMs) == std::set<int32_t>{kNode});
  CHECK(watch.Doubtful(Side::kTarget, 500 + BrokerWatch::kDoubtMs).empty());
  CHECK_FALSE(watch.IsSuspect(Side::kSource, kNode));
  watch.Answered(Side::kSource, {kNode}, patience, 2'000);
  CHECK(watch.Doubtful(Side::kSource, 9'000).empty());
}

}  // namespace
}  // namespace longhaul
