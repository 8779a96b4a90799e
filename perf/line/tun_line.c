// One line between two network namespaces, for IP packets. It shows what line.c, which ends TCP,
// cannot: lost packets, slow start, congestion control and the socket buffers of both ends.
//
//   tun_line NAME NEAR FAR DIRECT
//
//   this namespace               this process                 a new namespace
//   TUN NAME, NEAR  ---> loss ---> queue, rate ---> delay ---> TUN NAME, FAR and DIRECT
//
// The addresses are of one /29. All packets between NEAR and FAR share the line, each way. Packets
// from or to DIRECT pass at once, for whoever prepares and watches a run. The far end has no other
// route. Its programs enter /proc/PID/ns/net of this process. Devices and namespace end with this
// process and the programs inside, however they end.
//
// It prints "ready". Each line of its standard input has the settings from then on:
//     delay_us=N        each way: half of a round trip
//     rate=N            bytes a second each way, of whole packets; 0: no limit
//     queue_us=N        how long the queue before the line may become; then packets are dropped
//     loss_ppm=N        of a million packets each way, chosen at random
//     seed=N            of that choice
// The answer to a line are the packets since the line before it that were carried, lost, and
// dropped before the queue; "error" and a reason for a line that has no meaning. The process ends
// with its standard input.

#define _GNU_SOURCE  // unshare, ppoll
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  kPacketBytes = 1500,
  // Packets that wait for this process: as many as a sender may have in flight. What is lost here
  // would be lost without a setting.
  kDeviceQueue = 20000,
  kPacketsMax = 1 << 16,  // on the line each way
  kTurn = 256             // packets of one way, before the other way
};

typedef struct Packet {
  struct Packet *next;
  int64_t at_ns;  // when it arrives
  size_t size;
  uint8_t bytes[];
} Packet;

// One way.
typedef struct Direction {
  int from, to;
  Packet *first, *last;
  int64_t count;       // of packets on the line
  int64_t free_at_ns;  // when all that waits has been sent
  uint64_t random;
  int64_t carried, lost, dropped;
} Direction;

typedef struct Settings {
  int64_t delay_us, rate, queue_us, loss_ppm, seed;
} Settings;

static Settings settings;
static Direction directions[2];
static struct in_addr direct;

static void Fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t NowNs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int OpenTun(const char *name) {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) Fail("/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
  if (ioctl(fd, TUNSETIFF, &request) != 0) Fail("a TUN device");
  return fd;
}

static void SetAddress(int control, const char *name, struct in_addr address) {
  struct ifreq request = {0};
  struct sockaddr_in value = {.sin_family = AF_INET, .sin_addr = address};
  snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
  memcpy(&request.ifr_addr, &value, sizeof(value));
  if (ioctl(control, SIOCSIFADDR, &request) != 0) Fail("the address of a TUN device");
  value.sin_addr.s_addr = htonl(0xfffffff8);
  memcpy(&request.ifr_netmask, &value, sizeof(value));
  if (ioctl(control, SIOCSIFNETMASK, &request) != 0) Fail("the netmask of a TUN device");
}

static void SetUp(int control, const char *name) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
  if (ioctl(control, SIOCGIFFLAGS, &request) != 0) Fail(name);
  request.ifr_flags |= IFF_UP;
  if (ioctl(control, SIOCSIFFLAGS, &request) != 0) Fail(name);
}

// In the namespace of the caller.
static int CreateDevice(const char *name, struct in_addr address, const struct in_addr *second) {
  const int tun = OpenTun(name);
  const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) Fail("socket");
  struct ifreq request = {.ifr_qlen = kDeviceQueue};
  snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
  if (ioctl(control, SIOCSIFTXQLEN, &request) != 0) Fail("the queue of a TUN device");
  SetAddress(control, name, address);
  SetUp(control, name);
  if (second != NULL) {
    char alias[IFNAMSIZ];
    snprintf(alias, sizeof(alias), "%s:1", name);
    SetAddress(control, alias, *second);
    SetUp(control, "lo");
  }
  close(control);
  return tun;
}

// Otherwise a connection would begin with what an earlier one learned about another line. The
// kernel shows each process the values of its namespace.
static void ForgetMetrics(void) {
  const int fd = open("/proc/sys/net/ipv4/tcp_no_metrics_save", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "1", 1) != 1) Fail("tcp_no_metrics_save");
  close(fd);
}

// splitmix64
static uint64_t NextRandom(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

static int IsDirect(const uint8_t *bytes) {
  return memcmp(bytes + 12, &direct, 4) == 0 || memcmp(bytes + 16, &direct, 4) == 0;
}

// A packet that the device does not accept is lost, as on any line.
static void Write(int tun, const uint8_t *bytes, size_t size) {
  if (write(tun, bytes, size) < 0 && errno != EAGAIN && errno != EIO && errno != ENOBUFS &&
      errno != EINVAL)
    Fail("write to a TUN device");
}

static void Depart(Direction *way, const uint8_t *bytes, size_t size, int64_t now) {
  if ((int64_t)(NextRandom(&way->random) % 1000000) < settings.loss_ppm) {
    way->lost++;
    return;
  }
  if (way->free_at_ns < now) way->free_at_ns = now;
  if (way->free_at_ns - now > settings.queue_us * 1000 || way->count == kPacketsMax) {
    way->dropped++;
    return;
  }
  Packet *packet = malloc(sizeof(*packet) + size);
  if (packet == NULL) Fail("malloc");
  if (settings.rate > 0) way->free_at_ns += (int64_t)size * 1000000000 / settings.rate;
  *packet = (Packet){.at_ns = way->free_at_ns + settings.delay_us * 1000, .size = size};
  memcpy(packet->bytes, bytes, size);
  if (way->last != NULL) way->last->next = packet;
  else way->first = packet;
  way->last = packet;
  way->count++;
}

static void TakeAll(Direction *way) {
  static uint8_t bytes[kPacketBytes];
  for (int i = 0; i < kTurn; i++) {
    const ssize_t size = read(way->from, bytes, sizeof(bytes));
    if (size < 0 && errno != EAGAIN && errno != EINTR) Fail("read from a TUN device");
    if (size <= 0) return;
    const int is_ipv4 = size >= 20 && bytes[0] >> 4 == 4;
    if (!is_ipv4) continue;  // IPv6 looks for routers
    if (IsDirect(bytes)) Write(way->to, bytes, (size_t)size);
    else Depart(way, bytes, (size_t)size, NowNs());
  }
}

static void DeliverAll(Direction *way) {
  while (way->first != NULL && way->first->at_ns <= NowNs()) {
    Packet *packet = way->first;
    Write(way->to, packet->bytes, packet->size);
    way->first = packet->next;
    if (way->first == NULL) way->last = NULL;
    way->count--;
    way->carried++;
    free(packet);
  }
}

static int ReadSetting(char *text, Settings *read) {
  char *value = strchr(text, '=');
  if (value == NULL) return 0;
  *value++ = '\0';
  const struct {
    const char *name;
    int64_t *value;
  } numbers[] = {{"delay_us", &read->delay_us}, {"rate", &read->rate},
                 {"queue_us", &read->queue_us}, {"loss_ppm", &read->loss_ppm},
                 {"seed", &read->seed}};
  for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
    if (strcmp(text, numbers[i].name) != 0) continue;
    *numbers[i].value = atoll(value);
    return 1;
  }
  return 0;
}

static void ReadSettings(char *line) {
  Settings read = {.queue_us = 20000};
  for (char *text = strtok(line, " \n"); text != NULL; text = strtok(NULL, " \n")) {
    if (ReadSetting(text, &read)) continue;
    printf("error no setting %s\n", text);
    return;
  }
  settings = read;
  Direction *const ways = directions;
  printf("%lld %lld %lld\n", (long long)(ways[0].carried + ways[1].carried),
         (long long)(ways[0].lost + ways[1].lost),
         (long long)(ways[0].dropped + ways[1].dropped));
  for (int i = 0; i < 2; i++) {
    ways[i].carried = ways[i].lost = ways[i].dropped = 0;
    ways[i].random = (uint64_t)read.seed * 2 + (uint64_t)i;
  }
}

// Until the next packet arrives; NULL: only after other events.
static const struct timespec *NextWait(struct timespec *wait) {
  int64_t next = INT64_MAX;
  for (int i = 0; i < 2; i++) {
    const Packet *first = directions[i].first;
    if (first != NULL && first->at_ns < next) next = first->at_ns;
  }
  if (next == INT64_MAX) return NULL;
  const int64_t now = NowNs(), ns = next > now ? next - now : 0;
  *wait = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
  return wait;
}

static void Serve(void) {
  char line[256];
  for (;;) {
    struct pollfd events[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                              {.fd = directions[0].from, .events = POLLIN},
                              {.fd = directions[1].from, .events = POLLIN}};
    struct timespec wait;
    if (ppoll(events, 3, NextWait(&wait), NULL) < 0 && errno != EINTR) Fail("ppoll");
    for (int i = 0; i < 2; i++) {
      if (events[1 + i].revents != 0) TakeAll(&directions[i]);
      DeliverAll(&directions[i]);
    }
    if (events[0].revents == 0) continue;
    if (fgets(line, sizeof(line), stdin) == NULL) return;
    ReadSettings(line);
    fflush(stdout);
  }
}

static struct in_addr Address(const char *text) {
  struct in_addr address;
  if (inet_pton(AF_INET, text, &address) == 1) return address;
  fprintf(stderr, "not an IPv4 address: %s\n", text);
  exit(2);
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: tun_line NAME NEAR FAR DIRECT\n");
    return 2;
  }
  const char *name = argv[1];
  direct = Address(argv[4]);
  setvbuf(stdin, NULL, _IONBF, 0);  // poll does not see what a buffer holds
  const int near = CreateDevice(name, Address(argv[2]), NULL);
  if (unshare(CLONE_NEWNET) != 0) Fail("a new network namespace");
  const int far = CreateDevice(name, Address(argv[3]), &direct);
  ForgetMetrics();
  directions[0] = (Direction){.from = near, .to = far};
  directions[1] = (Direction){.from = far, .to = near};
  // Packets that wait for this process would leave as one burst, for which the queue has no room.
  // So it runs before all others, however busy the machine is; it needs little.
  prctl(PR_SET_TIMERSLACK, 1);
  if (sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 1}) != 0)
    setpriority(PRIO_PROCESS, 0, -20);
  puts("ready");
  fflush(stdout);
  Serve();
  return 0;
}
