// Waits for connections and for wake-ups by other threads, with one epoll.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <functional>

namespace longhaul {

class Poller {
 public:
  // No connection has this id.
  static constexpr uint64_t kWakeId = 0;
  // Called with the id of a connection that can be read or written, or has ended.
  using OnReady = std::function<void(uint64_t id)>;

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void Add(int fd, uint64_t id);
  void WantWrite(int fd, uint64_t id, bool wants);
  void Remove(int fd);
  // Waits up to timeout_ms. Returns whether Wake() was called.
  bool Wait(int timeout_ms, const OnReady& on_ready);
  // Call it on any thread.
  void Wake();
  int wake_fd() const { return wake_fd_; }

 private:
  const int epoll_fd_;
  const int wake_fd_;
};

}  // namespace longhaul
