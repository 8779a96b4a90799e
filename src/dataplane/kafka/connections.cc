#include "kafka/connections.h"

#include <unistd.h>

#include <cerrno>

#include "kafka/raw_brokers.h"

namespace longhaul {

// Connects as librdkafka does by default. Returns 0, also while the connection is being opened, or
// errno.
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

void Connections::Shutdown(uint64_t thread) {
  std::lock_guard<std::mutex> guard(mutex_);
  auto it = by_thread_.find(thread);
  if (it != by_thread_.end()) (void)shutdown(it->second, SHUT_RDWR);
}

}  // namespace longhaul
