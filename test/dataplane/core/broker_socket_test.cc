// TLS between two ends in one process: all bytes arrive, with sockets that fill up.
#include "net/broker_socket.h"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace longhaul::test {
namespace {

struct Free {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};

std::unique_ptr<SSL_CTX, Free> ServerContext(int version) {
  const std::unique_ptr<EVP_PKEY, Free> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Free> certificate(X509_new());
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  REQUIRE(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  std::unique_ptr<SSL_CTX, Free> context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_max_proto_version(context.get(), version);
  REQUIRE(SSL_CTX_use_certificate(context.get(), certificate.get()) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1);
  return context;
}

// Two connected ends, after the handshake, with small socket buffers.
struct Handshake {
  explicit Handshake(int version) {
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    const auto server_context = ServerContext(version);
    const std::unique_ptr<SSL_CTX, Free> client_context(SSL_CTX_new(TLS_client_method()));
    client_ssl = SSL_new(client_context.get());
    server_ssl = SSL_new(server_context.get());
    SSL_set_fd(client_ssl, fds[0]);
    SSL_set_fd(server_ssl, fds[1]);
    SSL_set_connect_state(client_ssl);
    SSL_set_accept_state(server_ssl);
    for (int i = 0; i < 10; i++) SSL_do_handshake(i % 2 == 0 ? client_ssl : server_ssl);
    REQUIRE(SSL_is_init_finished(client_ssl));
    REQUIRE(SSL_is_init_finished(server_ssl));
  }
  int fds[2];
  SSL *client_ssl, *server_ssl;
};

struct TlsPair {
  explicit TlsPair(int version) {
    const Handshake done(version);
    client = std::make_unique<BrokerSocket>(done.fds[0], done.client_ssl);
    server = std::make_unique<BrokerSocket>(done.fds[1], done.server_ssl);
  }
  std::unique_ptr<BrokerSocket> client, server;
};

std::string Mixed(size_t size) {
  std::string text(size, 0);
  uint32_t state = 1;
  for (char& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return text;
}

TEST_CASE("TLS: pieces of all sizes arrive unchanged, whatever the kernel accepts") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsPair pair(version);
    const std::string all = Mixed(6 << 20);
    std::vector<iovec> pieces;
    const size_t sizes[] = {4, 100, 70'000, 1, 16'384, 16'383, 1'000'000, 61};
    for (size_t at = 0, i = 0; at < all.size(); i++) {
      const size_t size = std::min(sizes[i % std::size(sizes)], all.size() - at);
      pieces.push_back({const_cast<char*>(all.data()) + at, size});
      at += size;
    }
    std::string received;
    std::vector<char> place(50'000);
    size_t first = 0;
    for (int turn = 0; received.size() < all.size(); turn++) {
      REQUIRE(turn < 100'000);
      ptrdiff_t taken = pair.client->Write(pieces.data() + first,
                                           static_cast<int>(pieces.size() - first));
      REQUIRE(taken >= 0);
      while (first < pieces.size() && static_cast<size_t>(taken) >= pieces[first].iov_len)
        taken -= static_cast<ptrdiff_t>(pieces[first++].iov_len);
      if (taken > 0) {
        pieces[first].iov_base = static_cast<char*>(pieces[first].iov_base) + taken;
        pieces[first].iov_len -= static_cast<size_t>(taken);
      }
      const iovec places[] = {{place.data(), 30'000}, {place.data() + 30'000, 20'000}};
      const ptrdiff_t got = pair.server->Read(places, 2);
      REQUIRE(got >= 0);
      received.append(place.data(), static_cast<size_t>(got));
    }
    CHECK(received == all);
    CHECK(first == pieces.size());
    CHECK_FALSE(pair.client->is_writing());
  }
}

// Each call of send() is a packet of this socket.
TEST_CASE("TLS: a write sends many records by one call of the kernel") {
  const Handshake done(TLS1_3_VERSION);
  const BrokerSocket broker(done.fds[1], done.server_ssl);
  int packets[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, packets) == 0);
  BrokerSocket socket(packets[0], done.client_ssl);
  const std::string text = Mixed(100'000);
  const iovec piece{const_cast<char*>(text.data()), text.size()};
  REQUIRE(socket.Write(&piece, 1) == 100'000);
  std::vector<char> place(200'000);
  CHECK(recv(packets[1], place.data(), place.size(), 0) > 100'000);
  CHECK(recv(packets[1], place.data(), place.size(), 0) < 0);
  close(packets[1]);
  close(done.fds[0]);
}

TEST_CASE("TLS: an end is reported, and no byte is written after it") {
  TlsPair pair(TLS1_3_VERSION);
  const iovec piece{const_cast<char*>("last"), 4};
  REQUIRE(pair.server->Write(&piece, 1) == 4);
  pair.server.reset();
  char text[100];
  const iovec place{text, sizeof(text)};
  CHECK(pair.client->Read(&place, 1) == 4);
  CHECK(pair.client->Read(&place, 1) == BrokerSocket::kEnded);
  CHECK(pair.client->Write(&piece, 1) == BrokerSocket::kEnded);
}

TEST_CASE("TLS: a renegotiation is refused, because it would call librdkafka") {
  TlsPair pair(TLS1_2_VERSION);
  CHECK((SSL_get_options(pair.client->ssl()) & SSL_OP_NO_RENEGOTIATION) != 0);
}

}  // namespace
}  // namespace longhaul::test
