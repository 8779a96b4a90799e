/* Preloaded into a process, stops each thread that is neither its first one nor one of librdkafka
   for a while whenever it has released a lock that it held for writing: as if a busy machine had
   preempted it there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const useconds_t kStoppedUs = 300000;

static __thread int holds_for_writing;
static int (*wrlock)(pthread_rwlock_t*);
static int (*unlock)(pthread_rwlock_t*);

__attribute__((constructor)) static void Open(void) {
  wrlock = (int (*)(pthread_rwlock_t*))dlsym(RTLD_NEXT, "pthread_rwlock_wrlock");
  unlock = (int (*)(pthread_rwlock_t*))dlsym(RTLD_NEXT, "pthread_rwlock_unlock");
}

int pthread_rwlock_wrlock(pthread_rwlock_t* lock) {
  holds_for_writing = 1;
  return wrlock(lock);
}

int pthread_rwlock_unlock(pthread_rwlock_t* lock) {
  const int code = unlock(lock);
  if (!holds_for_writing) return code;
  holds_for_writing = 0;
  char name[16] = "";
  pthread_getname_np(pthread_self(), name, sizeof(name));
  const int is_of_library = strncmp(name, "rdk:", 4) == 0;
  if (!is_of_library && syscall(SYS_gettid) != getpid()) usleep(kStoppedUs);
  return code;
}
