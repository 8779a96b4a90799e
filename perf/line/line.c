// One line between two sites: all connections through it share its rate, its queue and its delay.
//
//   line LISTEN_PORT TO_PORT [OPTION=NUMBER]...
//     delay_us=N   each way: half of a round trip
//     rate=N       bytes a second each way, of all connections together; 0: no limit
//     queue_us=N   how long the queue before the line may become (20,000)
//     window=N     bytes that one direction of a connection may have in flight, from here until
//                  their acknowledgement has returned; 0: as many as the line holds
//     lose_every=N, stall_us=N   after each N bytes one connection is stalled, as TCP is for a
//                  lost packet that a timer must detect; 0: never
//
// A proxy that ends TCP can neither lose packets nor show slow start: the line emulates warm
// connections. Bytes wait in FIFOs with the time at which they arrive; a
// connection is read only while the queue and its own window have room, so that its sender waits.
// It prints "ready" when it listens, and ends with its standard input.

#define _GNU_SOURCE  // accept4
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
  kConnections = 4096,
  kSharedChunk = 16 << 10,   // small ones share a rate fairly
  kWideChunk = 256 << 10,
  kWideWindow = 64 << 20,    // without a bound: of our memory
  kBoundedBuffer = 32 << 10  // of the kernel, with a bound
};

typedef struct Chunk {
  struct Chunk *next;
  int64_t at_us;    // when it arrives
  size_t size;      // 0: the sender has closed
  size_t written;
  char bytes[];
} Chunk;

// Bytes that have arrived and whose acknowledgement is on its way back.
typedef struct Ack {
  struct Ack *next;
  int64_t at_us;
  size_t size;
} Ack;

// One direction of a connection.
typedef struct Pipe {
  int from, to;
  int is_readable, is_writable, is_ended, is_done;
  Chunk *first, *last;
  Ack *first_ack, *last_ack;
  size_t under_way;
  int64_t stalled_until_us;
} Pipe;

typedef struct Connection {
  Pipe pipes[2];  // 0: from the side that connected
  int is_open;
} Connection;

// The state that all connections of one direction share.
typedef struct Direction {
  int64_t free_at_us;  // when all that waits has been sent
  int64_t carried;
  int64_t next_loss;
} Direction;

static struct {
  int64_t delay_us, rate, queue_us, window, lose_every, stall_us;
} options = {.queue_us = 20000};

static Connection connections[kConnections];
static int connection_count;
static Direction directions[2];
static int epoll_fd;
static int turn;  // the connection that is read first

static void Fail(const char *what) {
  perror(what);
  exit(1);
}

static int64_t NowUs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct sockaddr_in Loopback(int port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((uint16_t)port);
  return address;
}

static void SetUp(int socket) {
  const int on = 1, size = kBoundedBuffer;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (options.window == 0) return;
  setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
  setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static void Watch(int fd, uint64_t data) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                              .data.u64 = data};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) Fail("epoll_ctl");
}

// The handshake is not delayed, the first bytes are.
static void Accept(int listener, int to_port) {
  const int near = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (near < 0) return;
  int slot = 0;
  while (slot < connection_count && connections[slot].is_open) slot++;
  struct sockaddr_in address = Loopback(to_port);
  const int far = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (slot == kConnections || far < 0) {
    close(near);
    if (far >= 0) close(far);
    return;
  }
  SetUp(near);
  SetUp(far);
  if (connect(far, (struct sockaddr *)&address, sizeof(address)) != 0 && errno != EINPROGRESS) {
    close(near);
    close(far);
    return;
  }
  if (slot == connection_count) connection_count++;
  Connection *connection = &connections[slot];
  memset(connection, 0, sizeof(*connection));
  connection->is_open = 1;
  connection->pipes[0] = (Pipe){.from = near, .to = far};
  connection->pipes[1] = (Pipe){.from = far, .to = near};
  Watch(near, (uint64_t)slot * 2);
  Watch(far, (uint64_t)slot * 2 + 1);
}

static void CloseConnection(Connection *connection) {
  for (int way = 0; way < 2; way++) {
    Pipe *pipe = &connection->pipes[way];
    for (Chunk *chunk = pipe->first; chunk != NULL;) {
      Chunk *next = chunk->next;
      free(chunk);
      chunk = next;
    }
    for (Ack *ack = pipe->first_ack; ack != NULL;) {
      Ack *next = ack->next;
      free(ack);
      ack = next;
    }
    close(pipe->from);
  }
  connection->is_open = 0;
}

static size_t Room(const Pipe *pipe) {
  const size_t window = options.window > 0 ? (size_t)options.window : kWideWindow;
  const size_t chunk = options.rate > 0 || options.window > 0 ? kSharedChunk : kWideChunk;
  const size_t left = window > pipe->under_way ? window - pipe->under_way : 0;
  return left < chunk ? left : chunk;
}

// Puts a chunk onto the line; its time of arrival follows from the chunks before it.
static void Depart(Pipe *pipe, Direction *direction, Chunk *chunk, int64_t now) {
  int64_t leaves = now;
  if (options.rate > 0) {
    if (direction->free_at_us < now) direction->free_at_us = now;
    direction->free_at_us += (int64_t)chunk->size * 1000000 / options.rate;
    leaves = direction->free_at_us;
  }
  direction->carried += (int64_t)chunk->size;
  if (options.lose_every > 0 && direction->carried >= direction->next_loss) {
    direction->next_loss = direction->carried + options.lose_every;
    pipe->stalled_until_us = now + options.stall_us;
  }
  if (leaves < pipe->stalled_until_us) leaves = pipe->stalled_until_us;
  chunk->at_us = leaves + options.delay_us;
  if (pipe->last != NULL) pipe->last->next = chunk;
  else pipe->first = chunk;
  pipe->last = chunk;
  pipe->under_way += chunk->size;
}

// Reads one chunk; 0: there is none now.
static int Take(Connection *connection, Pipe *pipe, Direction *direction, int64_t now) {
  const size_t room = Room(pipe);
  if (!pipe->is_readable || pipe->is_ended || room == 0) return 0;
  Chunk *chunk = malloc(sizeof(*chunk) + room);
  if (chunk == NULL) Fail("malloc");
  const ssize_t got = recv(pipe->from, chunk->bytes, room, 0);
  if (got < 0) {
    const int is_over = errno != EAGAIN && errno != EINTR;
    free(chunk);
    pipe->is_readable = 0;
    if (is_over) CloseConnection(connection);
    return 0;
  }
  *chunk = (Chunk){.size = (size_t)got};
  if (got == 0) pipe->is_ended = 1;
  Depart(pipe, direction, chunk, now);
  return 1;
}

// Reads the connections in turn while the queue before the line has room.
static void TakeAll(int64_t now) {
  for (int way = 0; way < 2; way++) {
    Direction *direction = &directions[way];
    int has_taken = 1;
    while (has_taken) {
      has_taken = 0;
      for (int i = 0; i < connection_count; i++) {
        if (options.rate > 0 && direction->free_at_us - now > options.queue_us) break;
        Connection *connection = &connections[(turn + i) % connection_count];
        if (!connection->is_open) continue;
        has_taken |= Take(connection, &connection->pipes[way], direction, now);
      }
      turn++;
    }
  }
}

static void Acknowledge(Pipe *pipe, size_t size, int64_t now) {
  Ack *ack = malloc(sizeof(*ack));
  if (ack == NULL) Fail("malloc");
  *ack = (Ack){.at_us = now + options.delay_us, .size = size};
  if (pipe->last_ack != NULL) pipe->last_ack->next = ack;
  else pipe->first_ack = ack;
  pipe->last_ack = ack;
}

static void CountAcks(Pipe *pipe, int64_t now) {
  while (pipe->first_ack != NULL && pipe->first_ack->at_us <= now) {
    Ack *ack = pipe->first_ack;
    pipe->under_way -= ack->size;
    pipe->first_ack = ack->next;
    if (pipe->first_ack == NULL) pipe->last_ack = NULL;
    free(ack);
  }
}

// 0: the connection is lost.
static int Deliver(Pipe *pipe, int64_t now) {
  while (pipe->is_writable && pipe->first != NULL && pipe->first->at_us <= now) {
    Chunk *chunk = pipe->first;
    if (chunk->size == 0) {
      shutdown(pipe->to, SHUT_WR);
      pipe->is_done = 1;
    } else {
      const ssize_t sent = send(pipe->to, chunk->bytes + chunk->written,
                                chunk->size - chunk->written, MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return 0;
      if (sent < 0) {
        pipe->is_writable = 0;
        return 1;
      }
      chunk->written += (size_t)sent;
      if (chunk->written < chunk->size) continue;
      Acknowledge(pipe, chunk->size, now);
    }
    pipe->first = chunk->next;
    if (pipe->first == NULL) pipe->last = NULL;
    free(chunk);
  }
  return 1;
}

static void DeliverAll(int64_t now) {
  for (int i = 0; i < connection_count; i++) {
    Connection *connection = &connections[i];
    if (!connection->is_open) continue;
    int is_lost = 0;
    for (int way = 0; way < 2; way++) {
      CountAcks(&connection->pipes[way], now);
      is_lost |= !Deliver(&connection->pipes[way], now);
    }
    if (is_lost || (connection->pipes[0].is_done && connection->pipes[1].is_done))
      CloseConnection(connection);
  }
}

// When the next chunk arrives, or the queue has room again; -1: only after other events.
static int64_t NextUs(void) {
  int64_t next = INT64_MAX;
  for (int i = 0; i < connection_count; i++) {
    if (!connections[i].is_open) continue;
    for (int way = 0; way < 2; way++) {
      const Pipe *pipe = &connections[i].pipes[way];
      if (pipe->is_writable && pipe->first != NULL && pipe->first->at_us < next)
        next = pipe->first->at_us;
      if (pipe->first_ack != NULL && pipe->first_ack->at_us < next)
        next = pipe->first_ack->at_us;
      const int64_t room_at = directions[way].free_at_us - options.queue_us;
      if (options.rate > 0 && pipe->is_readable && !pipe->is_ended && Room(pipe) > 0 &&
          room_at < next)
        next = room_at;
    }
  }
  return next == INT64_MAX ? -1 : next;
}

static void SetTimer(int timer, int64_t at_us) {
  if (at_us < 0) at_us = 0;  // zero disarms
  else if (at_us == 0) at_us = 1;
  const struct itimerspec when = {
      .it_value = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000}};
  if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL) != 0) Fail("timerfd_settime");
}

static void Note(const struct epoll_event *event) {
  Connection *connection = &connections[event->data.u64 / 2];
  if (!connection->is_open) return;
  const int end = (int)(event->data.u64 % 2);
  Pipe *out = &connection->pipes[end];
  Pipe *in = &connection->pipes[1 - end];
  if (event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) out->is_readable = 1;
  if (event->events & EPOLLOUT) in->is_writable = 1;
}

static void Serve(int listener, int to_port, int timer) {
  const uint64_t listener_tag = UINT64_MAX, timer_tag = UINT64_MAX - 1, end_tag = UINT64_MAX - 2;
  struct epoll_event listening = {.events = EPOLLIN, .data.u64 = listener_tag};
  struct epoll_event timing = {.events = EPOLLIN, .data.u64 = timer_tag};
  struct epoll_event ending = {.events = EPOLLIN, .data.u64 = end_tag};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &listening) != 0 ||
      epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer, &timing) != 0 ||
      epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &ending) != 0)
    Fail("epoll_ctl");
  for (;;) {
    struct epoll_event events[256];
    SetTimer(timer, NextUs());
    const int count = epoll_wait(epoll_fd, events, 256, -1);
    for (int i = 0; i < count; i++) {
      uint64_t expirations;
      if (events[i].data.u64 == end_tag) return;
      if (events[i].data.u64 == listener_tag) Accept(listener, to_port);
      else if (events[i].data.u64 == timer_tag)
        (void)!read(timer, &expirations, sizeof(expirations));
      else Note(&events[i]);
    }
    const int64_t now = NowUs();
    DeliverAll(now);
    if (connection_count > 0) TakeAll(now);
    DeliverAll(now);  // without a delay the chunks have arrived already
  }
}

static int SetOption(const char *text) {
  const struct {
    const char *name;
    int64_t *value;
  } known[] = {{"delay_us=", &options.delay_us}, {"rate=", &options.rate},
               {"queue_us=", &options.queue_us}, {"window=", &options.window},
               {"lose_every=", &options.lose_every}, {"stall_us=", &options.stall_us}};
  for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
    const size_t length = strlen(known[i].name);
    if (strncmp(text, known[i].name, length) != 0) continue;
    *known[i].value = strtoll(text + length, NULL, 10);
    return 1;
  }
  return 0;
}

int main(int argc, char **argv) {
  int are_known = argc >= 3;
  for (int i = 3; i < argc; i++) are_known = are_known && SetOption(argv[i]);
  if (!are_known) {
    fprintf(stderr, "usage: line LISTEN_PORT TO_PORT [delay_us=N] [rate=N] [queue_us=N] "
                    "[window=N] [lose_every=N stall_us=N]\n");
    return 2;
  }
  const int on = 1;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  epoll_fd = epoll_create1(0);
  if (listener < 0 || timer < 0 || epoll_fd < 0) Fail("socket");
  struct sockaddr_in address = Loopback(atoi(argv[1]));
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0) Fail("bind");
  if (listen(listener, 512) != 0) Fail("listen");
  directions[0].next_loss = directions[1].next_loss = options.lose_every;
  puts("ready");
  fflush(stdout);
  Serve(listener, atoi(argv[2]), timer);
  return 0;
}
