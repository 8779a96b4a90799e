/* Requests over librdkafka's broker threads. Only the raw_ files use the private parts of
 * librdkafka; core/protocol encodes and parses. Functions may be called from any thread, but only
 * one thread at a time may serve a queue. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rd_kafka_s;

typedef struct longhaul_queue_s longhaul_queue_t;       /* where replies of one lane arrive */
typedef struct longhaul_response_s longhaul_response_t; /* the memory of a response */
typedef struct longhaul_adopted_s longhaul_adopted_t;   /* raw_connections.h */

typedef struct longhaul_partition_metadata_s {
  int32_t partition;
  int32_t leader;       /* node id, -1: none */
  int32_t leader_epoch; /* -1: unknown (brokers before 2.1) */
  int32_t error;
} longhaul_partition_metadata_t;

typedef struct longhaul_topic_metadata_s {
  const char* topic;
  int32_t error;
  uint8_t topic_id[16]; /* KIP-516; zeros: unknown (brokers before 2.8) */
  int32_t partition_count;
  const longhaul_partition_metadata_t* partitions;
} longhaul_topic_metadata_t;

/* What a served queue delivers. */
typedef struct longhaul_reply_s {
  struct rd_kafka_s* rk; /* the client that was asked */
  uint64_t tag;
  int32_t error;         /* librdkafka or Kafka error code, 0: none */
  int is_adoption;
  longhaul_adopted_t* adopted; /* is_adoption: valid only during the call; NULL on an error */
  int is_metadata;
  int32_t topic_count; /* is_metadata: valid only during the call */
  const longhaul_topic_metadata_t* topics;
} longhaul_reply_t;

typedef void (*longhaul_reply_cb)(const longhaul_reply_t* reply, void* opaque);

/* `rk` is any client of the lane; the queue must be destroyed before it is. */
longhaul_queue_t* longhaul_queue_new(struct rd_kafka_s* rk);
/* Delivers the replies that have arrived; does not wait. */
void longhaul_queue_serve(longhaul_queue_t* queue, longhaul_reply_cb cb, void* opaque);
/* From now on the queue signals this eventfd when something arrives. */
void longhaul_queue_signal(longhaul_queue_t* queue, int event_fd);
/* To free a queue: disable it, destroy every client, then free it. longhaul_queue_free delivers the
 * replies that come in between, with their error, so that no memory of a request leaks. */
void longhaul_queue_disable(longhaul_queue_t* queue);
void longhaul_queue_free(longhaul_queue_t* queue, longhaul_reply_cb cb, void* opaque);

/* The response body: contiguous, writable, valid until released. */
uint8_t* longhaul_response_data(longhaul_response_t* response);
size_t longhaul_response_size(const longhaul_response_t* response);
void longhaul_response_release(longhaul_response_t* response);

/* Asks any usable broker for the leaders of these topics; librdkafka also learns new brokers from
 * the response. Brokers of `avoid` are asked only if no other one is up; then a connection to
 * another one is opened, so that it can be asked next. *node is the broker that was asked, -1 if
 * its id is not known yet. */
int32_t longhaul_request_metadata(struct rd_kafka_s* rk, longhaul_queue_t* queue,
                                  const char* const* topics, size_t topic_count,
                                  const int32_t* avoid, size_t avoid_count, uint64_t tag,
                                  int32_t* node);
/* Allocates a producer id (InitProducerId without a transactional id, KIP-98). Blocks. */
int32_t longhaul_init_producer_id(struct rd_kafka_s* rk, int timeout_ms, int64_t* producer_id,
                                  int16_t* producer_epoch, char* errstr, size_t errstr_size);

/* Sends one request to one broker and waits for its answer, up to timeout_ms. Returns 0 and the
 * response, which the caller releases, or an error code. If the request is flexible (KIP-482), this
 * function adds the empty tags of the header and those at the end of the body, and removes the tags
 * of the response header. */
int32_t longhaul_ask(struct rd_kafka_s* rk, int32_t node, int16_t api_key, int16_t api_version,
                     int is_flexible, const void* body, size_t size, int timeout_ms,
                     longhaul_response_t** response);

#ifdef __cplusplus
}
#endif
