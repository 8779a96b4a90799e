// Requests and responses over a pair of sockets: framing, order, ends, and memory.
#include "net/broker_connection.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "core/block_pool.h"

namespace longhaul::test {
namespace {

constexpr int64_t kResponseBytesMax = 1 << 20;

Request Ask(uint64_t tag, const std::string& copied, const std::string& referenced = "",
            bool is_flexible = false) {
  Request request{Side::kSource, 1, 1, 11, {}, 1000, tag, is_flexible, kAnyConnection};
  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<const uint8_t*>(text.data());
  };
  request.pieces.push_back({bytes(copied), copied.size(), false});
  if (!referenced.empty())
    request.pieces.push_back({bytes(referenced), referenced.size(), true});
  return request;
}

std::string Int32(uint32_t value) {
  const uint32_t big_endian = htonl(value);
  return std::string(reinterpret_cast<const char*>(&big_endian), sizeof(big_endian));
}

std::string Framed(const std::string& text) {
  return Int32(static_cast<uint32_t>(text.size())) + text;
}

struct Pair {
  Pair() {
    int fds[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    connection = std::make_unique<BrokerConnection>(
        std::make_unique<BrokerSocket>(fds[0], nullptr), kResponseBytesMax);
    broker = fds[1];
  }
  ~Pair() {
    if (broker >= 0) close(broker);
  }
  void Queue(const Request& request) { connection->Queue(RequestFrame(request, "lane", 0)); }
  std::string Written() {
    std::string all(1 << 20, 0);
    const ssize_t size = read(broker, all.data(), all.size());
    return all.substr(0, size < 0 ? 0 : static_cast<size_t>(size));
  }
  void Respond(const std::string& text) {
    REQUIRE(write(broker, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  BrokerConnection::State Receive(int64_t now = 0) { return connection->Receive(now, &answers); }
  std::string Body(size_t i) {
    Buffer& body = *answers.at(i).body;
    return std::string(reinterpret_cast<const char*>(body.data()), body.size());
  }

  std::unique_ptr<BrokerConnection> connection;
  int broker = -1;
  std::vector<Answer> answers;
};

// The kernel gathers bytes of TCP only.
struct TcpPair : Pair {
  TcpPair() {
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    auto* where = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(bind(listener, where, size) == 0);
    REQUIRE(listen(listener, 1) == 0);
    REQUIRE(getsockname(listener, where, &size) == 0);
    lane = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(connect(lane, where, size) == 0);
    close(std::exchange(broker, accept(listener, nullptr, nullptr)));
    close(listener);
    REQUIRE(fcntl(lane, F_SETFL, O_NONBLOCK) == 0);
    connection = std::make_unique<BrokerConnection>(std::make_unique<BrokerSocket>(lane, nullptr),
                                                    kResponseBytesMax);
  }
  bool IsReadable() const {
    pollfd wanted{lane, POLLIN, 0};
    return poll(&wanted, 1, 0) == 1;
  }
  int lane = -1;
};

using State = BrokerConnection::State;

TEST_CASE("a request is sent with its header, and its pieces in order") {
  Pair pair;
  const std::string payload = "PAYLOAD";
  pair.Queue(Ask(7, "body-", payload));
  pair.Queue(Ask(8, "x", "", true));
  REQUIRE(pair.connection->Flush() == State::kOpen);
  const std::string head = std::string("\0\1\0\13", 4);
  const std::string client = std::string("\0\4lane", 6);
  const std::string first = head + Int32(1) + client + "body-PAYLOAD";
  const std::string second =
      head + Int32(2) + client + std::string(1, 0) + "x" + std::string(1, 0);
  CHECK(pair.Written() == Framed(first) + Framed(second));
  CHECK_FALSE(pair.connection->is_writing());
}

TEST_CASE("bytes that the kernel does not accept are sent later, completely") {
  Pair pair;
  const std::string payload(8 << 20, 'p');
  pair.Queue(Ask(1, "", payload));
  std::string all;
  for (int i = 0; i < 10000 && (i == 0 || pair.connection->is_writing()); i++) {
    REQUIRE(pair.connection->Flush() == State::kOpen);
    all += pair.Written();
  }
  for (std::string part; !(part = pair.Written()).empty();) all += part;
  CHECK(all.size() == 14 + 4 + payload.size());
  CHECK(all.substr(18) == payload);
}

TEST_CASE("responses arrive in pieces of any size, small and large ones in turn") {
  for (const size_t step : {size_t{1}, size_t{7}, size_t{5000}, size_t{100000}}) {
    Pair pair;
    std::string all;
    std::vector<std::string> bodies;
    for (uint32_t i = 1; i <= 6; i++) {
      bodies.push_back(std::string(i % 2 == 0 ? 40'000 : 20, static_cast<char>('a' + i)));
      pair.Queue(Ask(i, "x"));
      all += Framed(Int32(i) + bodies.back());
    }
    REQUIRE(pair.connection->Flush() == State::kOpen);
    for (size_t at = 0; at < all.size(); at += step) {
      pair.Respond(all.substr(at, step));
      REQUIRE(pair.Receive() == State::kOpen);
    }
    REQUIRE(pair.answers.size() == 6);
    for (size_t i = 0; i < 6; i++) {
      CHECK(pair.answers[i].tag == i + 1);
      CHECK(pair.Body(i) == bodies[i]);
    }
    CHECK(pair.connection->is_at_rest());
  }
}

// The time until the first byte is the round trip; a large response needs much longer to arrive.
TEST_CASE("a response carries after how many ms its first byte came, however late the rest is") {
  Pair pair;
  pair.Queue(Ask(1, "x"));  // sent at 0
  pair.Queue(Ask(2, "x"));
  REQUIRE(pair.connection->Flush() == State::kOpen);
  const std::string all = Framed(Int32(1) + std::string(40'000, 'a')) + Framed(Int32(2) + "b");
  pair.Respond(all.substr(0, 10));
  REQUIRE(pair.Receive(100) == State::kOpen);
  pair.Respond(all.substr(10, 39'000));
  REQUIRE(pair.Receive(200) == State::kOpen);
  CHECK(pair.answers.empty());
  pair.Respond(all.substr(39'010));
  REQUIRE(pair.Receive(300) == State::kOpen);
  REQUIRE(pair.answers.size() == 2);
  CHECK(pair.answers[0].first_byte_ms == 100);
  CHECK(pair.answers[1].first_byte_ms == 300);
}

// Of a response whose rate is known: 100,000 bytes in 10 ms, so 20,000 in 2 ms.
TEST_CASE("the kernel gathers what arrives in 2 ms, and no more than the response lacks") {
  TcpPair pair;
  pair.Queue(Ask(1, "x"));
  pair.Queue(Ask(2, "x"));
  REQUIRE(pair.connection->Flush() == State::kOpen);
  const std::string all = Framed(Int32(1) + std::string(199'996, 'a')) + Framed(Int32(2) + "b");
  size_t at = 0;
  const auto respond = [&](size_t size) {
    pair.Respond(all.substr(at, size));
    at += size;
    return pair.IsReadable();
  };
  CHECK(respond(20'000));
  REQUIRE(pair.Receive(50) == State::kOpen);
  CHECK(respond(100'000));
  REQUIRE(pair.Receive(60) == State::kOpen);
  CHECK_FALSE(respond(19'000));
  CHECK(respond(2'000));
  REQUIRE(pair.Receive(61) == State::kOpen);
  CHECK(respond(59'003));
  REQUIRE(pair.Receive(62) == State::kOpen);
  CHECK_FALSE(pair.IsReadable());
  CHECK(respond(1));
  REQUIRE(pair.Receive(62) == State::kOpen);
  REQUIRE(pair.answers.size() == 1);
  CHECK(respond(1));
}

TEST_CASE("a flexible response comes without the tags of its header") {
  Pair pair;
  pair.Queue(Ask(1, "x", "", true));
  REQUIRE(pair.connection->Flush() == State::kOpen);
  pair.Respond(Framed(Int32(1) + std::string("\1\5\2ab", 5) + "body"));
  REQUIRE(pair.Receive() == State::kOpen);
  REQUIRE(pair.answers.size() == 1);
  CHECK(pair.Body(0) == "body");
}

TEST_CASE("bytes that do not answer the oldest request end the connection") {
  const auto after = [](const std::string& bytes, bool is_flexible) {
    Pair pair;
    pair.Queue(Ask(1, "x", "", is_flexible));
    REQUIRE(pair.connection->Flush() == State::kOpen);
    pair.Respond(bytes);
    const State state = pair.Receive();
    CHECK(pair.answers.empty());
    CHECK(pair.connection->requests().size() == 1);
    return state;
  };
  CHECK(after(Framed(Int32(2) + "other number"), false) == State::kMalformed);
  CHECK(after(Int32(3) + "abc", false) == State::kMalformed);
  CHECK(after(Int32(kResponseBytesMax + 1), false) == State::kMalformed);
  CHECK(after(Int32(0x80000000), false) == State::kMalformed);
  CHECK(after(Framed(Int32(1) + std::string("\1\5\x7f", 3)), true) == State::kMalformed);
}

TEST_CASE("responses before an end are kept, and the other requests stay in order") {
  Pair pair;
  pair.Queue(Ask(1, "x"));
  pair.Queue(Ask(2, "x"));
  REQUIRE(pair.connection->Flush() == State::kOpen);
  pair.Respond(Framed(Int32(1) + "first") + Int32(1000) + "cut");
  close(std::exchange(pair.broker, -1));
  while (pair.Receive() == State::kOpen) {
  }
  REQUIRE(pair.answers.size() == 1);
  CHECK(pair.Body(0) == "first");
  REQUIRE(pair.connection->requests().size() == 1);
  CHECK(pair.connection->requests().front().tag == 2);
}

TEST_CASE("a response is one block of the pool, until its last holder releases it") {
  Pair pair;
  const size_t before = BlockPool::OfProcess().totals().used;
  pair.Queue(Ask(1, "x"));
  REQUIRE(pair.connection->Flush() == State::kOpen);
  pair.Respond(Framed(Int32(1) + std::string(100'000, 'z')));
  REQUIRE(pair.Receive() == State::kOpen);
  REQUIRE(pair.answers.size() == 1);
  CHECK(BlockPool::OfProcess().totals().used == before + pair.answers[0].body->footprint());
  pair.answers.clear();
  CHECK(BlockPool::OfProcess().totals().used == before);
}

}  // namespace
}  // namespace longhaul::test
