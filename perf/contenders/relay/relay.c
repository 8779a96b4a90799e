// The limit: what it costs to move bytes from one TCP connection to another and nothing else.
//
//   relay source LISTEN_PORT BYTES   sends BYTES to whoever connects, as a broker answers fetches
//   relay sink LISTEN_PORT           reads and forgets what it gets, as for Produce requests
//   relay forward FROM_PORT TO_PORT BYTES
//
// "forward" is the one that is measured: recv and send with one buffer of 1 MiB, no protocol. It
// prints the bytes it has moved, and stays until told to go, so that its CPU time can be read.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kBufferBytes = 1 << 20 };
static char buffer[kBufferBytes];

static void Fail(const char *what) {
  perror(what);
  exit(1);
}

static struct sockaddr_in Loopback(const char *port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((unsigned short)atoi(port));
  return address;
}

static int AcceptOne(const char *port) {
  const int on = 1;
  struct sockaddr_in address = Loopback(port);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0) Fail("socket");
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0) Fail("bind");
  if (listen(listener, 1) != 0) Fail("listen");
  const int connection = accept(listener, NULL, NULL);
  if (connection < 0) Fail("accept");
  close(listener);
  return connection;
}

// The other end may not listen yet: tries for five seconds.
static int Connect(const char *port) {
  const struct timespec pause = {0, 10 * 1000 * 1000};
  for (int attempt = 0; attempt < 500; attempt++) {
    struct sockaddr_in address = Loopback(port);
    const int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0) Fail("socket");
    if (connect(connection, (struct sockaddr *)&address, sizeof(address)) == 0) return connection;
    close(connection);
    nanosleep(&pause, NULL);
  }
  Fail("connect");
  return -1;
}

static void SendAll(int connection, const char *bytes, size_t count) {
  while (count > 0) {
    const ssize_t sent = send(connection, bytes, count, MSG_NOSIGNAL);
    if (sent <= 0) Fail("send");
    bytes += sent;
    count -= (size_t)sent;
  }
}

static void Source(const char *port, unsigned long long left) {
  const int connection = AcceptOne(port);
  while (left > 0) {
    const size_t count = left < kBufferBytes ? (size_t)left : kBufferBytes;
    SendAll(connection, buffer, count);
    left -= count;
  }
  close(connection);
}

static void Sink(const char *port) {
  const int connection = AcceptOne(port);
  while (recv(connection, buffer, kBufferBytes, 0) > 0) {
  }
}

static void Forward(const char *from, const char *to, unsigned long long total) {
  const unsigned long long report_every = 64ull << 20;
  const int source = Connect(from);
  const int sink = Connect(to);
  unsigned long long moved = 0;
  unsigned long long next_report = 1;
  while (moved < total) {
    const ssize_t count = recv(source, buffer, kBufferBytes, 0);
    if (count <= 0) Fail("recv");
    SendAll(sink, buffer, (size_t)count);
    moved += (unsigned long long)count;
    if (moved >= next_report || moved == total) {
      printf("%llu\n", moved);
      fflush(stdout);
      next_report = moved + report_every;
    }
  }
  close(sink);
  pause();
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "source") == 0) {
    Source(argv[2], strtoull(argv[3], NULL, 10));
  } else if (argc == 3 && strcmp(argv[1], "sink") == 0) {
    Sink(argv[2]);
  } else if (argc == 5 && strcmp(argv[1], "forward") == 0) {
    Forward(argv[2], argv[3], strtoull(argv[4], NULL, 10));
  } else {
    fprintf(stderr, "usage: relay source PORT BYTES | sink PORT | forward FROM TO BYTES\n");
    return 2;
  }
  return 0;
}
