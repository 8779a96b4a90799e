// The sockets of one client, so that Longhaul can close a connection: librdkafka has no call for
// that. Each broker of a client has its own thread, which opens and closes the socket, so a socket
// is found by that thread.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <mutex>

#include "kafka/handles.h"

namespace longhaul {

class Connections {
 public:
  // Sets the callbacks of `conf` that open and close connections. The opaque pointer of the
  // configuration must point to a Context, which has a member `connections`.
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

  // Ends the connection: librdkafka finds it closed, fails its requests and opens another
  // connection.
  void Shutdown(uint64_t thread);

 private:
  int Open(int fd, const sockaddr* address, int size);
  int Close(int fd);

  std::mutex mutex_;  // held while a socket is used, so that nobody closes it meanwhile
  std::map<uint64_t, int> by_thread_;
};

}  // namespace longhaul
