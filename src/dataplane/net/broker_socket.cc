#include "net/broker_socket.h"

#include <openssl/err.h>
#include <sys/socket.h>
// Included before any header of glibc, which defines an older struct tcp_info.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace longhaul {
namespace {

bool WouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

BrokerSocket::BrokerSocket(int fd, SSL* ssl) : fd_(fd), ssl_(ssl) {
  if (ssl == nullptr) return;
  // A renegotiation would call functions of librdkafka on a thread that librdkafka does not know.
  SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
  SSL_clear_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_free_buffers(ssl);  // so that the read buffer gets its new size
  SSL_set_read_ahead(ssl, 1);
  SSL_set_default_read_buffer_len(ssl, kReadAheadBytes);
  output_ = std::make_unique<TlsOutput>(ssl);
  stage_.reserve(kRecordBytes);
}

BrokerSocket::~BrokerSocket() {
  if (ssl_ != nullptr && !has_ended_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    (void)output_->Send(fd_);
  }
  close(fd_);
}

ptrdiff_t BrokerSocket::Read(const iovec* places, int count) {
  if (ssl_ == nullptr) {
    msghdr all{};
    all.msg_iov = const_cast<iovec*>(places);
    all.msg_iovlen = static_cast<size_t>(count);
    const ssize_t got = recvmsg(fd_, &all, MSG_DONTWAIT);
    if (got > 0) return got;
    return got < 0 && WouldBlock() ? 0 : kEnded;
  }
  ptrdiff_t all = 0;
  for (int i = 0; i < count; i++) {
    const ptrdiff_t got = ReadTls(static_cast<uint8_t*>(places[i].iov_base), places[i].iov_len);
    if (got > 0) all += got;
    if (got < 0 && all == 0) return kEnded;
    if (got < static_cast<ptrdiff_t>(places[i].iov_len)) break;
  }
  return all;
}

ptrdiff_t BrokerSocket::ReadTls(uint8_t* place, size_t size) {
  size_t all = 0;
  while (all < size && !has_ended_) {
    ERR_clear_error();
    const int want = static_cast<int>(std::min<size_t>(size - all, INT_MAX));
    const int got = SSL_read(ssl_.get(), place + all, want);
    if (got > 0) {
      all += static_cast<size_t>(got);
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), got);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
      return static_cast<ptrdiff_t>(all);
    has_ended_ = true;
  }
  return all > 0 || !has_ended_ ? static_cast<ptrdiff_t>(all) : kEnded;
}

ptrdiff_t BrokerSocket::Write(const iovec* pieces, int count) {
  if (ssl_ != nullptr) return WriteTls(pieces, count);
  msghdr all{};
  all.msg_iov = const_cast<iovec*>(pieces);
  all.msg_iovlen = static_cast<size_t>(count);
  const ssize_t sent = sendmsg(fd_, &all, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return sent;
  return WouldBlock() ? 0 : kEnded;
}

// Whole TLS records are encrypted in place; smaller pieces are joined first.
ptrdiff_t BrokerSocket::WriteTls(const iovec* pieces, int count) {
  ptrdiff_t taken = 0;
  int i = 0;
  size_t at = 0;  // in pieces[i]
  // The next bytes of pieces[i], up to `size` of them.
  const auto take = [&](size_t size, const uint8_t** bytes) {
    const size_t part = std::min(size, pieces[i].iov_len - at);
    *bytes = static_cast<const uint8_t*>(pieces[i].iov_base) + at;
    taken += static_cast<ptrdiff_t>(part);
    at += part;
    if (at == pieces[i].iov_len) i++, at = 0;
    return part;
  };
  const uint8_t* bytes;
  do {
    while (i < count && output_->size() < kBurstBytes) {
      const size_t whole = (pieces[i].iov_len - at) / kRecordBytes * kRecordBytes;
      if (whole > 0) {
        const size_t part = take(std::min(whole, kBurstBytes), &bytes);
        if (!Encrypt(bytes, part)) return kEnded;
        continue;
      }
      stage_.clear();
      while (i < count && stage_.size() < kRecordBytes) {
        const size_t part = take(kRecordBytes - stage_.size(), &bytes);
        stage_.insert(stage_.end(), bytes, bytes + part);
      }
      if (!stage_.empty() && !Encrypt(stage_.data(), stage_.size())) return kEnded;
    }
    if (has_ended_ || !output_->Send(fd_)) return kEnded;
  } while (i < count && output_->empty());
  return taken;
}

bool BrokerSocket::Encrypt(const uint8_t* data, size_t size) {
  if (has_ended_) return false;
  ERR_clear_error();
  has_ended_ = SSL_write(ssl_.get(), data, static_cast<int>(size)) != static_cast<int>(size);
  return !has_ended_;
}

void BrokerSocket::WaitFor(size_t bytes) {
  // OpenSSL may hold the first part of a record, and what it has read ahead.
  if (ssl_ != nullptr) bytes -= std::min(bytes - 1, kReadAheadBytes);
  bytes = std::min<size_t>(bytes, INT_MAX);
  if (bytes == wait_bytes_) return;
  const int value = static_cast<int>(bytes);
  if (setsockopt(fd_, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof(value)) == 0) wait_bytes_ = bytes;
}

int64_t BrokerSocket::bytes_moved() const {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return -1;
  // Once all bytes are acknowledged, acknowledgements do not show that the broker is alive: a proxy
  // acknowledges, too, and one request a second would make a dead connection look alive.
  const bool is_sending = info.tcpi_unacked > 0 || info.tcpi_notsent_bytes > 0;
  return static_cast<int64_t>(info.tcpi_bytes_received + (is_sending ? info.tcpi_bytes_acked : 0));
}

void BrokerSocket::Shutdown() { (void)shutdown(fd_, SHUT_RDWR); }

}  // namespace longhaul
