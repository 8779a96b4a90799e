#include "net/datagram.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace longhaul {

int SendDatagram(std::string_view path, std::string_view text) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool is_abstract = path.starts_with('@');
  if (!is_abstract && !path.starts_with('/')) return EAFNOSUPPORT;
  if (path.size() >= sizeof(address.sun_path)) return ENAMETOOLONG;
  memcpy(address.sun_path, path.data(), path.size());
  // The name of an abstract socket begins with a zero byte, and its length ends it.
  if (is_abstract) address.sun_path[0] = '\0';
  const size_t size =
      offsetof(sockaddr_un, sun_path) + path.size() + static_cast<size_t>(is_abstract ? 0 : 1);

  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const ssize_t sent = sendto(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&address),
                              static_cast<socklen_t>(size));
  const int code = sent < 0 ? errno : 0;
  close(fd);
  return code;
}

}  // namespace longhaul
