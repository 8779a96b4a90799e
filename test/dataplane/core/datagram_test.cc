// Datagrams to sockets that this test binds: by path, and abstract.
#include "net/datagram.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

namespace longhaul::test {
namespace {

struct Receiver {
  explicit Receiver(const std::string& name, bool is_abstract) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, name.data(), name.size());
    if (is_abstract) address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const size_t size = offsetof(sockaddr_un, sun_path) + name.size() + (is_abstract ? 0 : 1);
    REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(size)) == 0);
  }
  ~Receiver() { close(fd); }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  std::string Receive() const {
    char bytes[256];
    const ssize_t count = recv(fd, bytes, sizeof(bytes), 0);
    return count < 0 ? strerror(errno) : std::string(bytes, static_cast<size_t>(count));
  }

  int fd = -1;
};

TEST_CASE("a datagram reaches a socket with a path") {
  std::string folder = std::filesystem::temp_directory_path() / "longhaul-datagram-XXXXXX";
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  const std::string path = folder + "/notify";
  {
    const Receiver receiver(path, false);
    CHECK(SendDatagram(path, "READY=1\nSTATUS=runs") == 0);
    CHECK(receiver.Receive() == "READY=1\nSTATUS=runs");
  }
  // The file of the socket is left, and nobody listens.
  CHECK(SendDatagram(path, "WATCHDOG=1") == ECONNREFUSED);
  unlink(path.c_str());
  CHECK(SendDatagram(path, "WATCHDOG=1") == ENOENT);
  rmdir(folder.c_str());
}

TEST_CASE("a datagram reaches an abstract socket") {
  const std::string name = "@longhaul-datagram-" + std::to_string(getpid());
  const Receiver receiver(name, true);
  CHECK(SendDatagram(name, "STOPPING=1") == 0);
  CHECK(receiver.Receive() == "STOPPING=1");
}

TEST_CASE("a full socket is an error, not a wait") {
  const std::string name = "@longhaul-datagram-full-" + std::to_string(getpid());
  const Receiver receiver(name, true);
  int code = 0;
  for (int i = 0; i < 100'000 && code == 0; i++) code = SendDatagram(name, "WATCHDOG=1");
  CHECK(code == EAGAIN);
}

TEST_CASE("a name that no socket can have is refused") {
  CHECK(SendDatagram("", "READY=1") == EAFNOSUPPORT);
  CHECK(SendDatagram("vsock:2:1234", "READY=1") == EAFNOSUPPORT);
  CHECK(SendDatagram("/" + std::string(200, 'x'), "READY=1") == ENAMETOOLONG);
}

}  // namespace
}  // namespace longhaul::test
