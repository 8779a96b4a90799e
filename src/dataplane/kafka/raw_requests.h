/* Requests over librdkafka's broker threads: the raw_ files are the only door to librdkafka's
 * private parts. Encoding and parsing are the work of core/protocol. Calls may come from any
 * thread, but one thread at a time serves a queue. */
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
/* Delivers what has arrived; does not wait. */
void longhaul_queue_serve(longhaul_queue_t* queue, longhaul_reply_cb cb, void* opaque);
/* From now on the queue signals this eventfd when something arrives. */
void longhaul_queue_signal(longhaul_queue_t* queue, int event_fd);
/* Two steps: disable, destroy every client, then free. Replies in between are delivered by
 * longhaul_queue_free with the error they carry, so that nothing that a request holds leaks. */
void longhaul_queue_disable(longhaul_queue_t* queue);
void longhaul_queue_free(longhaul_queue_t* queue, longhaul_reply_cb cb, void* opaque);

/* The response body: contiguous, writable, valid until released. */
uint8_t* longhaul_response_data(longhaul_response_t* response);
size_t longhaul_response_size(const longhaul_response_t* response);
void longhaul_response_release(longhaul_response_t* response);

/* Asks any usable broker for leaders of these topics; librdkafka learns new brokers from it too.
 * Brokers of `avoid` are asked only if no other one is up. *node is the broker asked, -1 if its id
 * is not known yet. */
int32_t longhaul_request_metadata(struct rd_kafka_s* rk, longhaul_queue_t* queue,
                                  const char* const* topics, size_t topic_count,
                                  const int32_t* avoid, size_t avoid_count, uint64_t tag,
                                  int32_t* node);
/* Allocates a producer id (InitProducerId without a transactional id, KIP-98). Blocks. */
int32_t longhaul_init_producer_id(struct rd_kafka_s* rk, int timeout_ms, int64_t* producer_id,
                                  int16_t* producer_epoch, char* errstr, size_t errstr_size);

/* Sends one request to one broker and waits for its answer, up to timeout_ms. Returns 0 and the
 * response, which the caller releases, or an error code. Of a flexible request (KIP-482) the empty
 * tags of the header and at the end of the body are added here; the response comes without its
 * header's tags. */
int32_t longhaul_ask(struct rd_kafka_s* rk, int32_t node, int16_t api_key, int16_t api_version,
                     int is_flexible, const void* body, size_t size, int timeout_ms,
                     longhaul_response_t** response);

#ifdef __cplusplus
}
#endif
