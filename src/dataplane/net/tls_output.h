// What OpenSSL has encrypted and the kernel has not accepted yet. OpenSSL writes each record of 16
// KiB by itself; here several wait for one call of the kernel.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace longhaul {

class TlsOutput {
 public:
  // From now on `ssl` writes here.
  explicit TlsOutput(SSL* ssl);
  TlsOutput(const TlsOutput&) = delete;
  TlsOutput& operator=(const TlsOutput&) = delete;

  size_t size() const { return bytes_.size() - sent_; }
  bool empty() const { return size() == 0; }
  // Sends as much as the kernel accepts. False: the connection has ended.
  bool Send(int fd);

 private:
  static const BIO_METHOD* Method();
  static int Append(BIO* bio, const char* data, int size);
  static long Control(BIO* bio, int command, long number, void* pointer);

  std::vector<uint8_t> bytes_;
  size_t sent_ = 0;  // of bytes_
};

}  // namespace longhaul
