// The bytes of one connection to a broker, plaintext or TLS. It never waits.
#pragma once

#include <openssl/ssl.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace longhaul {

class BrokerSocket {
 public:
  // The connection has ended, from either end or by an error.
  static constexpr ptrdiff_t kEnded = -1;

  // Owns both. `ssl`: null for plaintext; logged in, with nothing read ahead.
  BrokerSocket(int fd, SSL* ssl);
  ~BrokerSocket();
  BrokerSocket(const BrokerSocket&) = delete;
  BrokerSocket& operator=(const BrokerSocket&) = delete;

  int fd() const { return fd_; }
  bool is_tls() const { return ssl_ != nullptr; }
  const SSL* ssl() const { return ssl_.get(); }
  // Fills the places in their order. Returns how many bytes came, 0: none now, or kEnded. Less than
  // there is room for: the kernel, and OpenSSL, hold nothing more.
  ptrdiff_t Read(const iovec* places, int count);
  // Returns how many bytes it has taken, or kEnded. What it has not taken is offered again, in the
  // same memory; is_writing(): not all that it has taken has left, and Write wants to be called
  // once the kernel has room, with nothing if need be.
  ptrdiff_t Write(const iovec* pieces, int count);
  bool is_writing() const { return staged_ > 0; }
  // Changes while bytes come in, or leave and are acknowledged by the kernel of the peer.
  int64_t bytes_moved() const;
  // The other side, and whoever reads or writes here, finds the connection ended.
  void Shutdown();

 private:
  // OpenSSL's own size of a record.
  static constexpr size_t kRecordBytes = 16 * 1024;
  // Two records and what TLS adds. With more, OpenSSL 3.0 moves what is left at each record.
  static constexpr size_t kReadAheadBytes = 34 * 1024;

  struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  ptrdiff_t ReadTls(uint8_t* place, size_t size);
  ptrdiff_t WriteTls(const iovec* pieces, int count);
  ptrdiff_t Encrypt(const uint8_t* data, size_t size);

  const int fd_;
  const std::unique_ptr<SSL, SslDeleter> ssl_;
  bool has_ended_ = false;  // TLS: an error is not asked for twice
  std::vector<uint8_t> stage_;  // small pieces, put together for one record
  size_t staged_ = 0;
  bool is_retrying_ = false;  // OpenSSL wants to be offered the stage again, as it is
  size_t offered_ = 0;  // bytes of the first piece that OpenSSL wants to be offered again
};

}  // namespace longhaul
