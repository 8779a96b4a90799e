// The sockets of one client, so that a connection can be closed from outside: librdkafka has no
// call for it. Each broker of a client has a thread of its own, which opens
// and closes its socket: a socket is found by that thread.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <mutex>

#include "kafka/handles.h"

namespace longhaul {

class Connections {
 public:
  // Sets the callbacks of `conf` that open and close connections. The opaque of the configuration
  // must be a Context, with a member `connections`.
  template <typename Context>
  static void Register(rd_kafka_conf_t* conf) {
    rd_kafka_conf_set_connect_cb(
        conf, [](int fd, const sockaddr* address, int size, const char*, void* opaque) {
          return static_cast<Context*>(opaque)->connections.Open(fd, address, size);
        });
    rd_kafka_conf_set_closesocket_cb(conf, [](int fd, void* opaque) {
      return static_cast<Context*>(opaque)->connections.Close(fd);
    });
  }

  // Ends the connection: librdkafka finds it closed, fails its requests and opens another one.
  void Shutdown(uint64_t thread);

 private:
  int Open(int fd, const sockaddr* address, int size);
  int Close(int fd);

  std::mutex mutex_;  // held while a socket is used, so that it is not closed meanwhile
  std::map<uint64_t, int> by_thread_;
};

}  // namespace longhaul
