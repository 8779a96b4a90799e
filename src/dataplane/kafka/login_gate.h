// When a client may connect after a broker has refused its login: one gate for all clients that
// share a copy of librdkafka. A login that was never refused, or was accepted since, passes without
// a gate. The gate owns no thread and no clock; the caller locks it. This file is C:
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
  // The round trips of a login over a long line, on a loaded machine. Then the next client tries.
  kLoginGateAloneMs = 3000,
  // How often a client looks whether the attempt of another client has ended.
  kLoginGateLookMs = 20
};

enum LoginOutcome { kLoginAccepted, kLoginRefused, kLoginNotReached };

struct LoginAtCluster {
  uint64_t login;
  // 0: the login has been accepted since its last refusal.
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

static inline struct LoginAtCluster* LoginGateFind(struct LoginGate* gate, uint64_t login) {
  for (int i = 0; i < gate->login_count; i++) {
    if (gate->logins[i].login == login) return &gate->logins[i];
  }
  return NULL;
}

static inline struct LoginAtCluster* LoginGateAdd(struct LoginGate* gate, uint64_t login) {
  struct LoginAtCluster* found = LoginGateFind(gate, login);
  if (found != NULL || gate->login_count == kLoginGateLogins) return found;
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
  const struct LoginAtCluster* at_cluster = LoginGateFind(gate, login);
  if (at_cluster == NULL || at_cluster->pause_us == 0) return 0;
  if (now_us < at_cluster->no_attempt_before_us) return at_cluster->no_attempt_before_us - now_us;
  struct LoginAtBroker* at_broker = LoginGateBroker(gate, login, broker);
  if (at_broker == NULL) return 0;
  const int64_t alone_until_us = at_broker->alone_since_us + kLoginGateAloneMs * 1000LL;
  if (at_broker->client != NULL && at_broker->client != client && now_us < alone_until_us) {
    return kLoginGateLookMs * 1000LL;
  }
  at_broker->client = client;
  at_broker->alone_since_us = now_us;
  return 0;
}

/** The address of a broker may change between the begin and the end of an attempt. */
static inline void LoginGateRelease(struct LoginGate* gate, const void* client) {
  for (int i = 0; i < gate->broker_count; i++) {
    if (gate->brokers[i].client == client) gate->brokers[i].client = NULL;
  }
}

/**
 * The end of an attempt. `chance`, from 0 to 255, shortens the pause by up to a quarter, so that
 * processes do not try together. `error` is the broker's text.
 */
static inline void LoginGateEnd(struct LoginGate* gate, uint64_t login, const void* client,
                                enum LoginOutcome outcome, const char* error, int chance,
                                int64_t now_us) {
  LoginGateRelease(gate, client);
  if (outcome == kLoginNotReached) return;
  struct LoginAtCluster* at_cluster =
      outcome == kLoginRefused ? LoginGateAdd(gate, login) : LoginGateFind(gate, login);
  if (at_cluster == NULL) return;
  if (outcome == kLoginAccepted) {
    at_cluster->pause_us = 0;
    at_cluster->no_attempt_before_us = 0;
    return;
  }
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
  const struct LoginAtCluster* at_cluster = LoginGateFind(gate, login);
  if (at_cluster == NULL || now_us >= at_cluster->no_attempt_before_us) return NULL;
  if (*reported == at_cluster->refusals) return NULL;
  *reported = at_cluster->refusals;
  return at_cluster->error;
}
