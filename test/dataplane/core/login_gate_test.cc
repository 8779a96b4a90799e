// When clients of one login may connect: together until a broker refuses it, then one at a time
// after growing pauses, and together again once it is accepted.
#include "kafka/login_gate.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

namespace longhaul::test {
namespace {

constexpr uint64_t kLogin = 7;
constexpr uint64_t kBroker = 9;
constexpr int64_t kMs = 1'000;

// Clients that want to connect to one broker at all times; each attempt lasts 20 ms.
class Clients {
 public:
  Clients(int count, LoginOutcome outcome) : clients_(count), outcome_(outcome) {}

  // Returns the number of attempts that began in this time.
  int Run(int64_t ms, uint64_t broker = kBroker) {
    int attempts = 0;
    for (const int64_t end = now_ + ms * kMs; now_ < end; now_ += kMs) {
      for (Client& client : clients_) {
        if (client.is_connected) continue;
        if (client.ends_at > now_) continue;
        if (client.ends_at > 0) End(&client);
        if (client.is_connected) continue;
        if (LoginGateWait(gate_.get(), kLogin, broker, &client, now_) > 0) continue;
        client.ends_at = now_ + 20 * kMs;
        ++attempts;
      }
    }
    return attempts;
  }

  void Become(LoginOutcome outcome) { outcome_ = outcome; }
  int Connected() const {
    int connected = 0;
    for (const Client& client : clients_) connected += client.is_connected ? 1 : 0;
    return connected;
  }
  int Reports() {
    int reports = 0;
    for (Client& client : clients_) {
      const char* error = LoginGateError(gate_.get(), kLogin, now_, &client.reported);
      if (error == nullptr) continue;
      CHECK(std::string(error) == "wrong password");
      ++reports;
    }
    return reports;
  }

 private:
  struct Client {
    int64_t ends_at = 0;
    uint32_t reported = 0;
    bool is_connected = false;
  };

  void End(Client* client) {
    client->ends_at = 0;
    client->is_connected = outcome_ == kLoginAccepted;
    LoginGateEnd(gate_.get(), kLogin, client, outcome_, "wrong password", 0, now_);
  }

  std::unique_ptr<LoginGate> gate_ = std::make_unique<LoginGate>();
  std::vector<Client> clients_;
  LoginOutcome outcome_;
  int64_t now_ = kMs;
};

TEST_CASE("a login that was not refused passes without a gate") {
  Clients clients(15, kLoginAccepted);
  CHECK(clients.Run(1) == 15);
}

TEST_CASE("a refused login is tried by one client, after 1, 2, 4 and then each 5 s") {
  Clients clients(15, kLoginRefused);
  CHECK(clients.Run(900) == 15);
  CHECK(clients.Run(20'000) == 5);
  CHECK(clients.Run(60'000) == 12);
}

TEST_CASE("each waiting client reports each refusal once") {
  Clients clients(15, kLoginRefused);
  clients.Run(500);
  CHECK(clients.Reports() == 15);
  CHECK(clients.Reports() == 0);
  clients.Run(1'000);
  CHECK(clients.Reports() == 15);
}

TEST_CASE("once the broker accepts the login again all clients are connected within 5 s") {
  Clients clients(15, kLoginRefused);
  clients.Run(60'000);
  clients.Become(kLoginAccepted);
  clients.Run(5'100);
  CHECK(clients.Connected() == 15);
}

TEST_CASE("a broker that accepts no connection delays no client by a pause") {
  Clients clients(2, kLoginNotReached);
  CHECK(clients.Run(1'000) >= 49);
}

// A gate whose login was refused once, and whose pause has ended at 2'000 ms.
std::unique_ptr<LoginGate> Refused(const void* client) {
  auto gate = std::make_unique<LoginGate>();
  LoginGateEnd(gate.get(), kLogin, client, kLoginRefused, "no", 0, kMs);
  return gate;
}

TEST_CASE("after a refusal a client that hangs holds up the next one for three seconds") {
  const int first = 0;
  const int second = 0;
  const auto gate = Refused(&first);
  CHECK(LoginGateWait(gate.get(), kLogin, kBroker, &first, 2'000 * kMs) == 0);
  CHECK(LoginGateWait(gate.get(), kLogin, kBroker, &second, 4'900 * kMs) > 0);
  CHECK(LoginGateWait(gate.get(), kLogin, kBroker + 1, &second, 4'900 * kMs) == 0);
  CHECK(LoginGateWait(gate.get(), kLogin, kBroker, &second, 5'000 * kMs) == 0);
  CHECK(LoginGateWait(gate.get(), kLogin, kBroker, &first, 5'100 * kMs) > 0);
}

TEST_CASE("an attempt that reaches no broker lets the next client try at once") {
  const int first = 0;
  const int second = 0;
  const auto gate = Refused(&first);
  CHECK(LoginGateWait(gate.get(), kLogin, kBroker, &first, 2'000 * kMs) == 0);
  LoginGateEnd(gate.get(), kLogin, &first, kLoginNotReached, "", 0, 2'100 * kMs);
  CHECK(LoginGateWait(gate.get(), kLogin, kBroker, &second, 2'100 * kMs) == 0);
}

TEST_CASE("once the login is accepted no client waits for another one") {
  const int first = 0;
  const int second = 0;
  const auto gate = Refused(&first);
  LoginGateEnd(gate.get(), kLogin, &first, kLoginAccepted, "", 0, 2'000 * kMs);
  CHECK(LoginGateWait(gate.get(), kLogin, kBroker, &first, 2'000 * kMs) == 0);
  CHECK(LoginGateWait(gate.get(), kLogin, kBroker, &second, 2'000 * kMs) == 0);
}

TEST_CASE("another password is tried at once, and so is any login beyond the table") {
  auto gate = std::make_unique<LoginGate>();
  const int client = 0;
  for (uint64_t login = 1; login <= 2 * kLoginGateLogins; ++login) {
    CHECK(LoginGateWait(gate.get(), login, kBroker, &client, kMs) == 0);
    LoginGateEnd(gate.get(), login, &client, kLoginRefused, "no", 0, kMs);
  }
  CHECK(LoginGateWait(gate.get(), 1, kBroker, &client, kMs) > 0);
  CHECK(LoginGateWait(gate.get(), 2 * kLoginGateLogins, kBroker, &client, kMs) == 0);
}

TEST_CASE("texts that are cut elsewhere are other logins") {
  const uint64_t one = LoginGateHash(LoginGateHash(0, "ab"), "c");
  CHECK(one != LoginGateHash(LoginGateHash(0, "a"), "bc"));
  CHECK(one == LoginGateHash(LoginGateHash(0, "ab"), "c"));
  CHECK(LoginGateHash(0, nullptr) == LoginGateHash(0, ""));
}

}  // namespace
}  // namespace longhaul::test
