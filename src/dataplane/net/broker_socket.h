// Reads and writes the bytes of one connection to a broker, plaintext or TLS. Never waits.
#pragma once

#include <openssl/ssl.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "net/tls_output.h"

namespace longhaul {

class BrokerSocket {
 public:
  // The connection has ended: either side has closed it, or there was an error.
  static constexpr ptrdiff_t kEnded = -1;

  // Owns both. `ssl` is null for plaintext; otherwise it is logged in and has read nothing ahead.
  BrokerSocket(int fd, SSL* ssl);
  ~BrokerSocket();
  BrokerSocket(const BrokerSocket&) = delete;
  BrokerSocket& operator=(const BrokerSocket&) = delete;

  int fd() const { return fd_; }
  bool is_tls() const { return ssl_ != nullptr; }
  const SSL* ssl() const { return ssl_.get(); }
  // Fills the places in their order. Returns the number of bytes, 0 if there are none now, or
  // kEnded. If it returns less than the room, neither the kernel nor OpenSSL holds more bytes.
  ptrdiff_t Read(const iovec* places, int count);
  // Returns the number of bytes that it has accepted, or kEnded. If is_writing(), some accepted
  // bytes are still in a buffer: call Write again once the kernel has room, even without new bytes.
  ptrdiff_t Write(const iovec* pieces, int count);
  bool is_writing() const { return output_ != nullptr && !output_->empty(); }
  // The connection is reported as readable when `bytes` more have arrived, or when the kernel has
  // no room for as many.
  void WaitFor(size_t bytes);
  // Changes while bytes arrive, or while the kernel of the peer acknowledges bytes that were sent.
  int64_t bytes_moved() const;
  // Ends the connection, for the peer and for Read and Write.
  void Shutdown();

 private:
  // OpenSSL's own size of a record.
  static constexpr size_t kRecordBytes = 16 * 1024;
  // Two records and what TLS adds. With a larger buffer, OpenSSL 3.0 copies the rest of it for each
  // record.
  static constexpr size_t kReadAheadBytes = 34 * 1024;
  // Encrypted bytes that wait for one call of the kernel.
  static constexpr size_t kBurstBytes = 128 * 1024;

  struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  ptrdiff_t ReadTls(uint8_t* place, size_t size);
  ptrdiff_t WriteTls(const iovec* pieces, int count);
  bool Encrypt(const uint8_t* data, size_t size);

  const int fd_;
  const std::unique_ptr<SSL, SslDeleter> ssl_;
  bool has_ended_ = false;  // TLS: after an error OpenSSL must not be called again
  std::unique_ptr<TlsOutput> output_;
  std::vector<uint8_t> stage_;  // small pieces that are joined into one record
  size_t wait_bytes_ = 1;       // SO_RCVLOWAT
};

}  // namespace longhaul
