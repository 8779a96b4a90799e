// A name with two addresses, of which nobody listens at the first: DNS returns such for a broker
// with two networks. Preloaded, because a test cannot write /etc/hosts.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>

typedef int (*resolve_fn)(const char*, const char*, const struct addrinfo*, struct addrinfo**);

int getaddrinfo(const char* node, const char* service, const struct addrinfo* hints,
                struct addrinfo** found) {
  resolve_fn resolve = (resolve_fn)dlsym(RTLD_NEXT, "getaddrinfo");
  if (node == NULL || strcmp(node, "two-addresses.test") != 0) {
    return resolve(node, service, hints, found);
  }
  int error = resolve("127.0.0.2", service, hints, found);
  if (error != 0) return error;
  struct addrinfo* last = *found;
  while (last->ai_next != NULL) last = last->ai_next;
  return resolve("127.0.0.1", service, hints, &last->ai_next);
}
