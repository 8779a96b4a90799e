#include "net/tls_output.h"

#include <openssl/bio.h>
#include <sys/socket.h>

#include <cerrno>

#include "core/assertion.h"

namespace longhaul {

TlsOutput::TlsOutput(SSL* ssl) {
  BIO* bio = BIO_new(Method());
  Assert(bio != nullptr, "OpenSSL has memory for a connection");
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set0_wbio(ssl, bio);
}

const BIO_METHOD* TlsOutput::Method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* created = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "records to send");
    Assert(created != nullptr, "OpenSSL has memory for its methods");
    BIO_meth_set_write(created, Append);
    BIO_meth_set_ctrl(created, Control);
    return created;
  }();
  return method;
}

int TlsOutput::Append(BIO* bio, const char* data, int size) {
  auto* self = static_cast<TlsOutput*>(BIO_get_data(bio));
  self->bytes_.insert(self->bytes_.end(), data, data + size);
  return size;
}

// OpenSSL flushes after a handshake message; Send() does that.
long TlsOutput::Control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

bool TlsOutput::Send(int fd) {
  if (empty()) return true;
  const ssize_t sent = send(fd, bytes_.data() + sent_, size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  sent_ += static_cast<size_t>(sent);
  if (!empty()) return true;
  bytes_.clear();
  sent_ = 0;
  return true;
}

}  // namespace longhaul
