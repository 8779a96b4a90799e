/* Raw Kafka requests over librdkafka's broker threads: with raw_brokers.h the only door to
 * librdkafka's private parts. It moves bytes and knows no request: encoding and parsing are
 * the work of core/protocol. Everything may be called from any thread, but one thread at a time
 * serves a queue. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rd_kafka_s;

typedef struct longhaul_queue_s longhaul_queue_t;       /* where replies of one lane arrive */
typedef struct longhaul_response_s longhaul_response_t; /* a response's memory, held by the lane */

/* One piece of a request body. A piece by reference must stay unchanged until the reply is in. */
typedef struct longhaul_piece_s {
  const void* data;
  size_t size;
  int by_reference;
} longhaul_piece_t;

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

/* What a served queue delivers. `response` is NULL on an error; its receiver releases it. */
typedef struct longhaul_reply_s {
  struct rd_kafka_s* rk; /* the client that the request was sent with */
  uint64_t tag;
  int32_t error;       /* librdkafka or Kafka error code of the whole request, 0: none */
  int16_t api_version; /* of the response body */
  longhaul_response_t* response;
  int is_metadata;
  int32_t topic_count; /* is_metadata: valid only during the call */
  const longhaul_topic_metadata_t* topics;
} longhaul_reply_t;

typedef void (*longhaul_reply_cb)(const longhaul_reply_t* reply, void* opaque);

/* `rk` is any client of the lane; the queue must be destroyed before it is. */
longhaul_queue_t* longhaul_queue_new(struct rd_kafka_s* rk);
/* Waits up to timeout_ms for the first reply, delivers all that have arrived, returns how many. */
int longhaul_queue_serve(longhaul_queue_t* queue, int timeout_ms, longhaul_reply_cb cb,
                         void* opaque);
/* Ends a wait in longhaul_queue_serve. */
void longhaul_queue_wake(longhaul_queue_t* queue);
/* Two steps: disable, destroy every client, then free. Replies in between are delivered by
 * longhaul_queue_free with the error they carry, so that nothing that a request holds leaks. */
void longhaul_queue_disable(longhaul_queue_t* queue);
void longhaul_queue_free(longhaul_queue_t* queue, longhaul_reply_cb cb, void* opaque);

/* The response body: contiguous, writable, valid until released. */
uint8_t* longhaul_response_data(longhaul_response_t* response);
size_t longhaul_response_size(const longhaul_response_t* response);
/* Bytes of the memory that it was received into. */
size_t longhaul_response_allocated(const longhaul_response_t* response);
void longhaul_response_release(longhaul_response_t* response);

/* Sends one request; the reply arrives on `queue` with `tag`. Returns 0 or a librdkafka error code
 * (then nothing was sent and no reply comes). Of a flexible request (KIP-482) the empty tags of the
 * header and at the end of the body are added here, and the response comes without header tags.
 * `connection` is a number of longhaul_broker_connection: on any other connection the request fails
 * instead of being written; -1: any connection will do. */
int32_t longhaul_send(struct rd_kafka_s* rk, longhaul_queue_t* queue, int32_t node, int16_t api_key,
                      int16_t api_version, int is_flexible, const longhaul_piece_t* pieces,
                      size_t piece_count, int timeout_ms, int32_t connection, uint64_t tag);
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
 * response, which the caller releases, or an error code. Of a flexible request as in
 * longhaul_send. */
int32_t longhaul_ask(struct rd_kafka_s* rk, int32_t node, int16_t api_key, int16_t api_version,
                     int is_flexible, const void* body, size_t size, int timeout_ms,
                     longhaul_response_t** response);

#ifdef __cplusplus
}
#endif
