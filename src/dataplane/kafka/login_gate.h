// When a client may connect in order to log in: one gate for all clients that share a copy of
// librdkafka. The gate owns no thread and no clock; the caller locks it. This file is C:
// .ci/setup/librdkafka-mends.mjs copies it into librdkafka's sources, which call it.
#pragma once

#include <stdint.h>
#include <string.h>

enum {
  // A process has a login or two for each cluster of its file, and each reload may change them all.
  kLoginGateLogins = 128,
  // By login and address of a broker. Further logins and addresses pass without a gate.
  kLoginGateBrokers = 1024,
  kLoginGateErrorSize = 512,

  kLoginGateFirstPauseMs = 1000,
  // The password of an account is right again at an unknown time: the longest wait for a client.
  kLoginGateLongestPauseMs = 5000,
  // The round trips of a login over a long line. A broker that is silent for longer, or that has
  // just accepted a login, is not protected from several attempts at a time.
  kLoginGateAloneMs = 1000,
  // How often a client looks whether the attempt of another client has ended.
  kLoginGateLookMs = 20
};

enum LoginOutcome { kLoginAccepted, kLoginRefused, kLoginNotReached };

struct LoginAtCluster {
  uint64_t login;
  int64_t pause_us;
  int64_t no_attempt_before_us;
  uint32_t refusals;
  char error[kLoginGateErrorSize];
};

struct LoginAtBroker {
  uint64_t login;
  uint64_t broker;
  // The client that tries alone.
  const void* client;
  int64_t alone_since_us;
  int64_t open_until_us;
};

struct LoginGate {
  struct LoginAtCluster logins[kLoginGateLogins];
  int login_count;
  struct LoginAtBroker brokers[kLoginGateBrokers];
  int broker_count;
};

/** FNV-1a of a text and its end; `hash` is 0 for the first text. */
static inline uint64_t LoginGateHash(uint64_t hash, const char* text) {
  if (hash == 0) hash = 14695981039346656037ULL;
  for (const char* at = text == NULL ? "" : text;; at++) {
    hash = (hash ^ (unsigned char)*at) * 1099511628211ULL;
    if (*at == '\0') return hash;
  }
}

static inline struct LoginAtCluster* LoginGateLogin(struct LoginGate* gate, uint64_t login) {
  for (int i = 0; i < gate->login_count; i++) {
    if (gate->logins[i].login == login) return &gate->logins[i];
  }
  if (gate->login_count == kLoginGateLogins) return NULL;
  struct LoginAtCluster* added = &gate->logins[gate->login_count++];
  memset(added, 0, sizeof(*added));
  added->login = login;
  return added;
}

static inline struct LoginAtBroker* LoginGateBroker(struct LoginGate* gate, uint64_t login,
                                                    uint64_t broker) {
  for (int i = 0; i < gate->broker_count; i++) {
    struct LoginAtBroker* found = &gate->brokers[i];
    if (found->login == login && found->broker == broker) return found;
  }
  if (gate->broker_count == kLoginGateBrokers) return NULL;
  struct LoginAtBroker* added = &gate->brokers[gate->broker_count++];
  memset(added, 0, sizeof(*added));
  added->login = login;
  added->broker = broker;
  return added;
}

/**
 * The microseconds after which `client` asks again; 0: the client may connect to the broker, and
 * reports the end of this attempt.
 */
static inline int64_t LoginGateWait(struct LoginGate* gate, uint64_t login, uint64_t broker,
                                    const void* client, int64_t now_us) {
  const struct LoginAtCluster* at_cluster = LoginGateLogin(gate, login);
  if (at_cluster != NULL && now_us < at_cluster->no_attempt_before_us) {
    return at_cluster->no_attempt_before_us - now_us;
  }
  struct LoginAtBroker* at_broker = LoginGateBroker(gate, login, broker);
  if (at_broker == NULL || now_us < at_broker->open_until_us) return 0;
  if (at_broker->client == NULL || at_broker->client == client) {
    at_broker->client = client;
    at_broker->alone_since_us = now_us;
    return 0;
  }
  if (now_us - at_broker->alone_since_us < kLoginGateAloneMs * 1000LL) {
    return kLoginGateLookMs * 1000LL;
  }
  at_broker->client = NULL;
  at_broker->open_until_us = now_us + kLoginGateAloneMs * 1000LL;
  return 0;
}

/**
 * `chance`, from 0 to 255, shortens the pause by up to a quarter, so that processes do not try
 * together. `error` is the broker's text.
 */
static inline void LoginGateEnd(struct LoginGate* gate, uint64_t login, uint64_t broker,
                                const void* client, enum LoginOutcome outcome, const char* error,
                                int chance, int64_t now_us) {
  struct LoginAtBroker* at_broker = LoginGateBroker(gate, login, broker);
  if (at_broker != NULL && at_broker->client == client) at_broker->client = NULL;
  struct LoginAtCluster* at_cluster = LoginGateLogin(gate, login);
  if (at_cluster == NULL || outcome == kLoginNotReached) return;
  if (outcome == kLoginAccepted) {
    at_cluster->pause_us = 0;
    at_cluster->no_attempt_before_us = 0;
    if (at_broker != NULL) at_broker->open_until_us = now_us + kLoginGateAloneMs * 1000LL;
    return;
  }
  if (at_broker != NULL) at_broker->open_until_us = 0;
  // A client that began before another one was refused: the refusal is the same one.
  if (now_us < at_cluster->no_attempt_before_us) return;
  const int64_t longest_us = kLoginGateLongestPauseMs * 1000LL;
  at_cluster->pause_us =
      at_cluster->pause_us == 0 ? kLoginGateFirstPauseMs * 1000LL : 2 * at_cluster->pause_us;
  if (at_cluster->pause_us > longest_us) at_cluster->pause_us = longest_us;
  at_cluster->no_attempt_before_us = now_us + at_cluster->pause_us * (1024 - chance) / 1024;
  at_cluster->refusals++;
  strncpy(at_cluster->error, error, kLoginGateErrorSize - 1);
}

/**
 * The text of a refusal that a waiting client has not reported yet, because another client tried.
 * `reported` belongs to the client: the number of the last refusal that it reported, 0 at first.
 */
static inline const char* LoginGateError(struct LoginGate* gate, uint64_t login, int64_t now_us,
                                         uint32_t* reported) {
  const struct LoginAtCluster* at_cluster = LoginGateLogin(gate, login);
  if (at_cluster == NULL || now_us >= at_cluster->no_attempt_before_us) return NULL;
  if (*reported == at_cluster->refusals) return NULL;
  *reported = at_cluster->refusals;
  return at_cluster->error;
}
