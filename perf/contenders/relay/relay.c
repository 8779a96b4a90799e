// The limit: the cost of moving bytes from one TCP connection to another, and of nothing else.
//
//   relay source LISTEN_PORT BYTES PIECE [PEM]
//   relay sink LISTEN_PORT [PEM]           reads and discards bytes, as for Produce requests
//   relay broker LISTEN_PORT BYTES FILE [PEM]
//   relay broker-sink LISTEN_PORT [PEM]
//   relay forward FROM_PORT TO_PORT BYTES PIECE [PEM]
//
// "source" sends BYTES to a client that connects, from one buffer, at most PIECE bytes a call.
// "broker" sends BYTES of FILE, from its begin again at its end, as a broker with default settings
// does: by sendfile, or over TLS in pieces of 64 KiB, from a file outside the page cache, through
// a send buffer of 100 KiB. "broker-sink" has a receive buffer of 100 KiB.
// With PEM all connections are TLS: for source and sink the file holds key and certificate, for
// "forward" their authority.
// "forward" is measured: recv and send with one buffer of PIECE bytes, at most 1 MiB, and no
// protocol. It prints the bytes that it has moved, and runs until SIGTERM, so that its CPU time can
// be read.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kBufferBytes = 1 << 20, kBrokerBufferBytes = 100 * 1024, kBrokerPieceBytes = 64 * 1024 };
static char buffer[kBufferBytes];
static size_t piece = kBufferBytes;  // bytes of one call

// `tls` is null without TLS.
typedef struct {
  int socket;
  SSL *tls;
} Connection;

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

// A connection inherits the buffers of its listener. 0: as the kernel likes.
static int AcceptOne(const char *port, int buffer_bytes) {
  const int on = 1;
  struct sockaddr_in address = Loopback(port);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0) Fail("socket");
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (buffer_bytes > 0) {
    setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(buffer_bytes));
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes));
  }
  if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0) Fail("bind");
  if (listen(listener, 1) != 0) Fail("listen");
  const int connection = accept(listener, NULL, NULL);
  if (connection < 0) Fail("accept");
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  close(listener);
  return connection;
}

// The other end may not listen yet: tries for five seconds.
static int Connect(const char *port) {
  const int on = 1;
  const struct timespec pause = {0, 10 * 1000 * 1000};
  for (int attempt = 0; attempt < 500; attempt++) {
    struct sockaddr_in address = Loopback(port);
    const int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0) Fail("socket");
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(connection, (struct sockaddr *)&address, sizeof(address)) == 0) return connection;
    close(connection);
    nanosleep(&pause, NULL);
  }
  Fail("connect");
  return -1;
}

static Connection Secure(int socket, const char *pem, int is_server) {
  Connection connection = {socket, NULL};
  if (pem == NULL) return connection;
  SSL_CTX *context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
  if (context == NULL) Fail("SSL_CTX_new");
  int is_ready = 0;
  if (is_server)
    is_ready = SSL_CTX_use_certificate_chain_file(context, pem) == 1 &&
               SSL_CTX_use_PrivateKey_file(context, pem, SSL_FILETYPE_PEM) == 1;
  else
    is_ready = SSL_CTX_load_verify_locations(context, pem, NULL) == 1;
  if (!is_ready) Fail(pem);
  if (!is_server) SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  connection.tls = SSL_new(context);
  SSL_set_fd(connection.tls, socket);
  if ((is_server ? SSL_accept(connection.tls) : SSL_connect(connection.tls)) != 1) Fail("TLS");
  return connection;
}

static ssize_t Receive(Connection connection) {
  if (connection.tls == NULL) return recv(connection.socket, buffer, piece, 0);
  return SSL_read(connection.tls, buffer, (int)piece);
}

static void SendAll(Connection connection, const char *bytes, size_t count) {
  while (count > 0) {
    const ssize_t sent = connection.tls == NULL
                             ? send(connection.socket, bytes, count, MSG_NOSIGNAL)
                             : SSL_write(connection.tls, bytes, (int)count);
    if (sent <= 0) Fail("send");
    bytes += sent;
    count -= (size_t)sent;
  }
}

static void Source(const char *port, unsigned long long left, const char *pem) {
  const Connection connection = Secure(AcceptOne(port, 0), pem, 1);
  while (left > 0) {
    const size_t count = left < piece ? (size_t)left : piece;
    SendAll(connection, buffer, count);
    left -= count;
  }
  close(connection.socket);
}

static void SourceOfBroker(const char *port, unsigned long long left, const char *path,
                           const char *pem) {
  const int file = open(path, O_RDONLY);
  const off_t size = file < 0 ? 0 : lseek(file, 0, SEEK_END);
  if (size <= 0) Fail(path);
  const Connection connection = Secure(AcceptOne(port, kBrokerBufferBytes), pem, 1);
  while (left > 0) {
    // Only pages that are written back can be dropped.
    if (fsync(file) != 0) Fail("fsync");
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    for (off_t at = 0; at < size && left > 0;) {
      size_t rest = (size_t)(size - at);
      if (rest > left) rest = (size_t)left;
      const size_t count = rest < kBrokerPieceBytes ? rest : kBrokerPieceBytes;
      ssize_t sent;
      if (pem == NULL) {
        sent = sendfile(connection.socket, file, &at, rest);
      } else {
        sent = pread(file, buffer, count, at);
        if (sent > 0) SendAll(connection, buffer, (size_t)sent);
        at += sent;
      }
      if (sent <= 0) Fail(path);
      left -= (unsigned long long)sent;
    }
  }
  close(connection.socket);
}

static void Sink(const char *port, int buffer_bytes, const char *pem) {
  const Connection connection = Secure(AcceptOne(port, buffer_bytes), pem, 1);
  while (Receive(connection) > 0) {
  }
}

static void Forward(const char *from, const char *to, unsigned long long total,
                    const char *pem) {
  const unsigned long long report_every = 64ull << 20;
  const Connection source = Secure(Connect(from), pem, 0);
  const Connection sink = Secure(Connect(to), pem, 0);
  unsigned long long moved = 0;
  unsigned long long next_report = 1;
  while (moved < total) {
    const ssize_t count = Receive(source);
    if (count <= 0) Fail("recv");
    SendAll(sink, buffer, (size_t)count);
    moved += (unsigned long long)count;
    if (moved >= next_report || moved == total) {
      printf("%llu\n", moved);
      fflush(stdout);
      next_report = moved + report_every;
    }
  }
  close(sink.socket);
  pause();
}

static size_t PieceOf(const char *text) {
  const size_t bytes = strtoul(text, NULL, 10);
  if (bytes == 0 || bytes > kBufferBytes) Fail("PIECE is from 1 to 1048576");
  return bytes;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "source") == 0 && (argc == 5 || argc == 6)) {
    piece = PieceOf(argv[4]);
    Source(argv[2], strtoull(argv[3], NULL, 10), argv[5]);
  } else if (strcmp(what, "sink") == 0 && (argc == 3 || argc == 4)) {
    Sink(argv[2], 0, argv[3]);
  } else if (strcmp(what, "broker-sink") == 0 && (argc == 3 || argc == 4)) {
    Sink(argv[2], kBrokerBufferBytes, argv[3]);
  } else if (strcmp(what, "broker") == 0 && (argc == 5 || argc == 6)) {
    SourceOfBroker(argv[2], strtoull(argv[3], NULL, 10), argv[4], argv[5]);
  } else if (strcmp(what, "forward") == 0 && (argc == 6 || argc == 7)) {
    piece = PieceOf(argv[5]);
    Forward(argv[2], argv[3], strtoull(argv[4], NULL, 10), argv[6]);
  } else {
    fprintf(stderr, "usage: relay source PORT BYTES PIECE [PEM] | sink PORT [PEM] | "
                    "broker PORT BYTES FILE [PEM] | broker-sink PORT [PEM] | "
                    "forward FROM TO BYTES PIECE [PEM]\n");
    return 2;
  }
  return 0;
}
