#include "net/poller.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "core/assertion.h"

namespace longhaul {

Poller::Poller()
    : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  Assert(epoll_fd_ >= 0 && wake_fd_ >= 0, "a lane gets the descriptors that it waits with");
  Add(wake_fd_, kWakeId);
}

Poller::~Poller() {
  close(wake_fd_);
  close(epoll_fd_);
}

void Poller::Add(int fd, uint64_t id) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = id;
  Assert(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0, "epoll accepts a connection");
}

void Poller::WantWrite(int fd, uint64_t id, bool wants) {
  epoll_event event{};
  event.events = wants ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u64 = id;
  Assert(epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event) == 0, "epoll knows the connection");
}

void Poller::Remove(int fd) { (void)epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr); }

bool Poller::Wait(int timeout_ms, const OnReady& on_ready) {
  std::array<epoll_event, 64> events;
  const int count =
      epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), timeout_ms);
  bool is_waked = false;
  for (int i = 0; i < count; i++) {
    const uint64_t id = events[static_cast<size_t>(i)].data.u64;
    if (id != kWakeId) {
      on_ready(id);
      continue;
    }
    uint64_t times;
    is_waked = true;
    (void)!read(wake_fd_, &times, sizeof(times));
  }
  return is_waked;
}

void Poller::Wake() {
  const uint64_t one = 1;
  (void)!write(wake_fd_, &one, sizeof(one));
}

}  // namespace longhaul
