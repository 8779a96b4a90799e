/* Preloaded into a process, shifts the wall clock that it sees by the milliseconds in the file that
   LONGHAUL_TEST_CLOCK names, as setting the host's clock would: absolute waits on it end earlier or
   later from then on, those under way too. The monotonic clock and relative waits stay alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static const int64_t kNsPerSecond = 1000000000;
static const int64_t kSliceNs = 20000000;
/* An absolute time before 2001 is none of the wall clock. */
static const time_t kWallSecondsMin = 1000000000;

static const volatile int64_t* shift_ms;

__attribute__((constructor)) static void Open(void) {
  const char* path = getenv("LONGHAUL_TEST_CLOCK");
  if (path == NULL) return;
  const int file = open(path, O_RDONLY);
  if (file < 0) return;
  void* page = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (page != MAP_FAILED) shift_ms = page;
}

static int64_t ShiftNs(void) { return shift_ms == NULL ? 0 : *shift_ms * 1000000; }

static int64_t ToNs(const struct timespec* time) {
  return (int64_t)time->tv_sec * kNsPerSecond + time->tv_nsec;
}

static struct timespec ToTimespec(int64_t ns) {
  return (struct timespec){ns / kNsPerSecond, ns % kNsPerSecond};
}

static int64_t HostNs(void) {
  struct timespec now;
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  return ToNs(&now);
}

int clock_gettime(clockid_t clock, struct timespec* time) {
  const int result = (int)syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    *time = ToTimespec(ToNs(time) + ShiftNs());
  return result;
}

int timespec_get(struct timespec* time, int base) {
  return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, time) == 0 ? base : 0;
}

int gettimeofday(struct timeval* restrict time, void* restrict zone) {
  (void)zone;
  const int64_t ns = HostNs() + ShiftNs();
  time->tv_sec = ns / kNsPerSecond;
  time->tv_usec = ns % kNsPerSecond / 1000;
  return 0;
}

time_t time(time_t* out) {
  const time_t seconds = (HostNs() + ShiftNs()) / kNsPerSecond;
  if (out != NULL) *out = seconds;
  return seconds;
}

typedef int (*TimedWait)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*);

int pthread_cond_timedwait(pthread_cond_t* restrict cond, pthread_mutex_t* restrict mutex,
                           const struct timespec* restrict until) {
  static TimedWait wait;
  if (wait == NULL) {
    wait = (TimedWait)dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (wait == NULL) wait = (TimedWait)dlsym(RTLD_NEXT, "pthread_cond_timedwait");
  }
  if (until->tv_sec < kWallSecondsMin) return wait(cond, mutex, until);
  for (;;) {
    const int64_t now = HostNs();
    const int64_t end = ToNs(until) - ShiftNs();
    if (end <= now) return ETIMEDOUT;
    const struct timespec slice = ToTimespec(end < now + kSliceNs ? end : now + kSliceNs);
    const int result = wait(cond, mutex, &slice);
    if (result != ETIMEDOUT) return result;
  }
}

int cnd_timedwait(cnd_t* restrict cond, mtx_t* restrict mutex,
                  const struct timespec* restrict until) {
  const int result =
      pthread_cond_timedwait((pthread_cond_t*)cond, (pthread_mutex_t*)mutex, until);
  if (result == 0) return thrd_success;
  return result == ETIMEDOUT ? thrd_timedout : thrd_error;
}
