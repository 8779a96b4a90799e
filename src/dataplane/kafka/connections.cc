#include "kafka/connections.h"

// Before any header of glibc that defines an older struct tcp_info.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>

#include "kafka/raw_brokers.h"

namespace longhaul {

// As librdkafka connects by itself. Returns 0, also while the connection is being opened, or errno.
int Connections::Open(int fd, const sockaddr* address, int size) {
  {
    std::lock_guard<std::mutex> guard(mutex_);
    by_thread_[longhaul_current_thread()] = fd;
  }
  if (connect(fd, address, static_cast<socklen_t>(size)) == 0 || errno == EINPROGRESS) return 0;
  return errno;
}

int Connections::Close(int fd) {
  std::lock_guard<std::mutex> guard(mutex_);
  std::erase_if(by_thread_, [fd](const auto& entry) { return entry.second == fd; });
  return close(fd);
}

int64_t Connections::BytesMoved(uint64_t thread) {
  std::lock_guard<std::mutex> guard(mutex_);
  auto it = by_thread_.find(thread);
  if (it == by_thread_.end()) return -1;
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (getsockopt(it->second, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return -1;
  // Once all is sent, the acknowledgements of the peer's kernel tell nothing of the broker: a proxy
  // acknowledges, too, and a metadata request a second would keep a dead connection alive.
  const bool is_sending = info.tcpi_unacked > 0 || info.tcpi_notsent_bytes > 0;
  return static_cast<int64_t>(info.tcpi_bytes_received + (is_sending ? info.tcpi_bytes_acked : 0));
}

void Connections::Shutdown(uint64_t thread) {
  std::lock_guard<std::mutex> guard(mutex_);
  auto it = by_thread_.find(thread);
  if (it != by_thread_.end()) (void)shutdown(it->second, SHUT_RDWR);
}

}  // namespace longhaul
