/* Written against the release of librdkafka that raw_requests.c asserts. */
#include "raw_brokers.h"

#include "rd.h"
#include "rdkafka_int.h"

#include "rdkafka_broker.h"
#include "rdkafka_mock.h"
#include "rdkafka_mock_int.h"

/* Called with the broker locked. While it logs in again (KIP-368) the broker counts as up: requests
 * wait in its queue. */
static int is_up(rd_kafka_broker_t* rkb) {
  return rd_kafka_broker_state_is_up(rkb->rkb_state) ||
         rkb->rkb_state == RD_KAFKA_BROKER_STATE_REAUTH ||
         (rkb->rkb_reauth_in_progress && rkb->rkb_state > RD_KAFKA_BROKER_STATE_UP);
}

int longhaul_broker_state(struct rd_kafka_s* rk, int32_t node) {
  rd_kafka_broker_t* rkb = rd_kafka_broker_find_by_nodeid(rk, node);
  if (!rkb) return -1;
  rd_kafka_broker_lock(rkb);
  int up = is_up(rkb);
  rd_kafka_broker_unlock(rkb);
  if (!up) rd_kafka_broker_schedule_connection(rkb);
  rd_kafka_broker_destroy(rkb);
  return up;
}

int64_t longhaul_broker_idle_us(struct rd_kafka_s* rk, int32_t node) {
  rd_kafka_broker_t* rkb = rd_kafka_broker_find_by_nodeid(rk, node);
  if (!rkb) return 0;
  /* The broker's thread writes both; both are atomic. */
  const rd_ts_t received_at = rd_atomic64_get(&rkb->rkb_c.ts_recv);
  const int is_idle = received_at > 0 && rd_kafka_bufq_cnt(&rkb->rkb_waitresps) == 0;
  rd_kafka_broker_destroy(rkb);
  return is_idle ? rd_clock() - received_at : 0;
}

/* The broker's thread counts a connection before the broker is up, so the lock orders the two. */
int32_t longhaul_broker_connection(struct rd_kafka_s* rk, int32_t node) {
  rd_kafka_broker_t* rkb = rd_kafka_broker_find_by_nodeid(rk, node);
  if (!rkb) return -1;
  rd_kafka_broker_lock(rkb);
  int32_t connection = is_up(rkb) ? rkb->rkb_connid : -1;
  rd_kafka_broker_unlock(rkb);
  rd_kafka_broker_destroy(rkb);
  return connection;
}

int16_t longhaul_api_version(struct rd_kafka_s* rk, int32_t node, int16_t api_key, int16_t min,
                             int16_t max) {
  rd_kafka_broker_t* rkb = rd_kafka_broker_find_by_nodeid(rk, node);
  if (!rkb) return -1;
  int16_t version = rd_kafka_broker_ApiVersion_supported(rkb, api_key, min, max, NULL);
  rd_kafka_broker_destroy(rkb);
  return version;
}

/* Called with the broker locked. */
static int is_connecting(rd_kafka_broker_t* rkb) {
  switch (rkb->rkb_state) {
    case RD_KAFKA_BROKER_STATE_CONNECT:
    case RD_KAFKA_BROKER_STATE_SSL_HANDSHAKE:
    case RD_KAFKA_BROKER_STATE_APIVERSION_QUERY:
    case RD_KAFKA_BROKER_STATE_AUTH_LEGACY:
    case RD_KAFKA_BROKER_STATE_AUTH_HANDSHAKE:
    case RD_KAFKA_BROKER_STATE_AUTH_REQ:
      return 1;
    default:
      return 0;
  }
}

int longhaul_is_connecting(struct rd_kafka_s* rk) {
  rd_kafka_broker_t* rkb;
  int found = 0;
  rd_kafka_rdlock(rk);
  TAILQ_FOREACH(rkb, &rk->rk_brokers, rkb_link) {
    rd_kafka_broker_lock(rkb);
    found |= is_connecting(rkb);
    rd_kafka_broker_unlock(rkb);
  }
  rd_kafka_rdunlock(rk);
  return found;
}

int longhaul_broker_is_connecting(struct rd_kafka_s* rk, int32_t node) {
  rd_kafka_broker_t* rkb = rd_kafka_broker_find_by_nodeid(rk, node);
  if (!rkb) return 0;
  rd_kafka_broker_lock(rkb);
  int connecting = is_connecting(rkb);
  rd_kafka_broker_unlock(rkb);
  rd_kafka_broker_destroy(rkb);
  return connecting;
}

uint64_t longhaul_current_thread(void) {
  thrd_t thread = thrd_current();
  uint64_t id = 0;
  _Static_assert(sizeof(thread) <= sizeof(id), "a thread's id fits");
  memcpy(&id, &thread, sizeof(thread));
  return id;
}

uint64_t longhaul_broker_thread(struct rd_kafka_s* rk, int32_t node) {
  rd_kafka_broker_t* rkb = rd_kafka_broker_find_by_nodeid(rk, node);
  uint64_t id = 0;
  if (!rkb) return 0;
  memcpy(&id, &rkb->rkb_thread, sizeof(rkb->rkb_thread));
  rd_kafka_broker_destroy(rkb);
  return id;
}

void longhaul_mock_partition_bytes_max(struct rd_kafka_mock_cluster_s* cluster, const char* topic,
                                       int32_t partitions, size_t bytes) {
  mtx_lock(&cluster->lock);
  rd_kafka_mock_topic_t* mtopic = rd_kafka_mock_topic_find(cluster, topic);
  for (int32_t p = 0; mtopic && p < partitions && p < mtopic->partition_cnt; p++) {
    mtopic->partitions[p].max_size = bytes;
    mtopic->partitions[p].max_cnt = SIZE_MAX;
  }
  mtx_unlock(&cluster->lock);
}

void longhaul_mock_controller(struct rd_kafka_mock_cluster_s* cluster, int32_t node) {
  mtx_lock(&cluster->lock);
  cluster->controller_id = node;
  mtx_unlock(&cluster->lock);
}
