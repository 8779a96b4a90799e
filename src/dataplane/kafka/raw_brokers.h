/* What librdkafka knows of a broker but does not return by a public call. All functions may be
 * called from any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rd_kafka_s;
struct rd_kafka_mock_cluster_s;

/* 1: up, 0: known but not up (librdkafka then opens a connection), -1: no such broker known. */
int longhaul_broker_state(struct rd_kafka_s* rk, int32_t node);
/* For how long librdkafka's connection to the broker has received nothing and awaited no answer; 0:
 * it awaits one, or there is no connection. */
int64_t longhaul_broker_idle_us(struct rd_kafka_s* rk, int32_t node);
/* The number of the connection if the broker is up (librdkafka counts connections from 1), -1: the
 * broker is not up. */
int32_t longhaul_broker_connection(struct rd_kafka_s* rk, int32_t node);
/* The highest version that both sides support, or -1. Only valid once the broker was up. */
int16_t longhaul_api_version(struct rd_kafka_s* rk, int32_t node, int16_t api_key, int16_t min,
                             int16_t max);

/* Whether a connection is being opened and has not failed: the address may still accept it, or TLS,
 * the first request or the login await an answer. */
int longhaul_is_connecting(struct rd_kafka_s* rk);
/* The same for one broker; 0: no such broker known. */
int longhaul_broker_is_connecting(struct rd_kafka_s* rk, int32_t node);

/* The thread that serves a broker, and opens and closes its socket; 0: no such broker known. */
uint64_t longhaul_broker_thread(struct rd_kafka_s* rk, int32_t node);
uint64_t longhaul_current_thread(void);

/* Sets how many bytes a mock partition keeps (librdkafka's default is 5 MiB). */
void longhaul_mock_partition_bytes_max(struct rd_kafka_mock_cluster_s* cluster, const char* topic,
                                       int32_t partitions, size_t bytes);
/* Sets the controller of the mock cluster: by default it has none (id 0), and admin calls wait. */
void longhaul_mock_controller(struct rd_kafka_mock_cluster_s* cluster, int32_t node);

#ifdef __cplusplus
}
#endif
