/* Written against the private headers of the release of librdkafka that the assertion below names.
 * With a new release, check every private name in the raw_ files against it. */
#include "raw_requests.h"

#include "rd.h"
#include "rdkafka_int.h"

#include "rdkafka_broker.h"
#include "rdkafka_buf.h"
#include "rdkafka_metadata.h"
#include "rdkafka_queue.h"
#include "rdkafka_request.h"

#include "kafka/raw_queue.h"

_Static_assert(RD_KAFKA_VERSION == 0x020c00ff,
               "raw_requests.c is written against librdkafka 2.12.0 (node-rdkafka 3.6.1)");

/* A request whose broker thread has ended: librdkafka then calls the response callback on that
 * thread instead of the reply queue (rd_kafka_buf_callback, err __DESTROY). Its reply is parked. */
typedef struct parked_s {
  struct parked_s* next;
  longhaul_reply_t reply;
} parked_t;

struct longhaul_queue_s {
  rd_kafka_q_t* rkq;
  mtx_t lock;
  parked_t* parked; /* guarded by lock */
  longhaul_reply_cb cb;
  void* opaque; /* with cb: set while being served */
};

struct longhaul_response_s {
  rd_kafka_buf_t* rkbuf;
  uint8_t* data;
  size_t size;
  int owned; /* data is a copy */
};

/* ---- queue ---- */

longhaul_queue_t* longhaul_queue_new(struct rd_kafka_s* rk) {
  longhaul_queue_t* queue = rd_calloc(1, sizeof(*queue));
  queue->rkq = rd_kafka_q_new(rk);
  mtx_init(&queue->lock, mtx_plain);
  return queue;
}

struct rd_kafka_q_s* longhaul_queue_rkq(longhaul_queue_t* queue) { return queue->rkq; }

void longhaul_queue_deliver(longhaul_queue_t* queue, const longhaul_reply_t* reply) {
  queue->cb(reply, queue->opaque);
}

void longhaul_queue_park(longhaul_queue_t* queue, const longhaul_reply_t* reply) {
  parked_t* parked = rd_calloc(1, sizeof(*parked));
  parked->reply = *reply;
  mtx_lock(&queue->lock);
  parked->next = queue->parked;
  queue->parked = parked;
  mtx_unlock(&queue->lock);
  rd_kafka_q_yield(queue->rkq);
}

static void deliver_parked(longhaul_queue_t* queue, longhaul_reply_cb cb, void* opaque) {
  mtx_lock(&queue->lock);
  parked_t* parked = queue->parked;
  queue->parked = NULL;
  mtx_unlock(&queue->lock);
  while (parked) {
    parked_t* next = parked->next;
    cb(&parked->reply, opaque);
    rd_free(parked);
    parked = next;
  }
}

static void deliver_metadata(longhaul_queue_t* queue, rd_kafka_op_t* rko) {
  longhaul_reply_t reply = {
      .rk = rko->rko_rk, .tag = 0, .error = rko->rko_err, .is_metadata = 1};
  const rd_kafka_metadata_internal_t* mdi = rko->rko_u.metadata.mdi;
  longhaul_topic_metadata_t* topics = NULL;
  longhaul_partition_metadata_t* partitions = NULL;
  memcpy(&reply.tag, &rko->rko_op_cb, sizeof(reply.tag)); /* see longhaul_request_metadata */

  if (!reply.error && mdi) {
    const rd_kafka_metadata_t* md = &mdi->metadata;
    size_t total = 0;
    for (int t = 0; t < md->topic_cnt; t++) total += (size_t)md->topics[t].partition_cnt;
    topics = rd_calloc((size_t)md->topic_cnt + 1, sizeof(*topics));
    partitions = rd_calloc(total + 1, sizeof(*partitions));
    longhaul_partition_metadata_t* next = partitions;
    for (int t = 0; t < md->topic_cnt; t++) {
      const rd_kafka_metadata_topic_t* topic = &md->topics[t];
      topics[t].topic = topic->topic;
      topics[t].error = topic->err;
      int64_t id[2] = {(int64_t)htobe64(
                           (uint64_t)mdi->topics[t].topic_id.most_significant_bits),
                       (int64_t)htobe64(
                           (uint64_t)mdi->topics[t].topic_id.least_significant_bits)};
      memcpy(topics[t].topic_id, id, sizeof(id));
      topics[t].partition_count = topic->partition_cnt;
      topics[t].partitions = next;
      for (int p = 0; p < topic->partition_cnt; p++, next++) {
        next->partition = topic->partitions[p].id;
        next->leader = topic->partitions[p].leader;
        next->error = topic->partitions[p].err;
        next->leader_epoch = mdi->topics[t].partitions ? mdi->topics[t].partitions[p].leader_epoch
                                                       : -1;
      }
    }
    reply.topic_count = md->topic_cnt;
    reply.topics = topics;
  }
  queue->cb(&reply, queue->opaque);
  rd_free(topics);
  rd_free(partitions);
}

static rd_kafka_op_res_t serve_op(rd_kafka_t* rk, rd_kafka_q_t* rkq, rd_kafka_op_t* rko,
                                  rd_kafka_q_cb_type_t cb_type, void* opaque) {
  (void)rk;
  (void)rkq;
  (void)cb_type;
  if (rko->rko_type == RD_KAFKA_OP_METADATA) deliver_metadata(opaque, rko);
  rd_kafka_op_destroy(rko);
  return RD_KAFKA_OP_RES_HANDLED;
}

void longhaul_queue_serve(longhaul_queue_t* queue, longhaul_reply_cb cb, void* opaque) {
  queue->cb = cb;
  queue->opaque = opaque;
  deliver_parked(queue, cb, opaque);
  rd_kafka_q_serve(queue->rkq, RD_POLL_NOWAIT, 0, RD_KAFKA_Q_CB_CALLBACK, serve_op, queue);
}

void longhaul_queue_signal(longhaul_queue_t* queue, int event_fd) {
  const uint64_t one = 1;
  rd_kafka_q_io_event_enable(queue->rkq, event_fd, &one, sizeof(one));
}

void longhaul_queue_disable(longhaul_queue_t* queue) { rd_kafka_q_disable(queue->rkq); }

void longhaul_queue_free(longhaul_queue_t* queue, longhaul_reply_cb cb, void* opaque) {
  deliver_parked(queue, cb, opaque);
  rd_kafka_q_destroy_owner(queue->rkq);
  mtx_destroy(&queue->lock);
  rd_free(queue);
}

/* ---- response ---- */

static longhaul_response_t* take_response(rd_kafka_buf_t* rkbuf) {
  longhaul_response_t* response = rd_calloc(1, sizeof(*response));
  rd_slice_t* reader = &rkbuf->rkbuf_reader;
  response->size = rd_slice_remains(reader);
  /* librdkafka receives a response body into one contiguous segment (rd_kafka_recv). If there are
   * several, copy them. The segment is from malloc, and may be written to. */
  response->data = response->size ? (uint8_t*)rd_slice_ensure_contig(reader, response->size) : NULL;
  if (response->size && !response->data) {
    response->data = rd_malloc(response->size);
    rd_slice_read(reader, response->data, response->size);
    response->owned = 1;
  } else {
    rd_kafka_buf_keep(rkbuf);
    response->rkbuf = rkbuf;
  }
  return response;
}

uint8_t* longhaul_response_data(longhaul_response_t* response) { return response->data; }
size_t longhaul_response_size(const longhaul_response_t* response) { return response->size; }
void longhaul_response_release(longhaul_response_t* response) {
  if (response->owned) rd_free(response->data);
  if (response->rkbuf) rd_kafka_buf_destroy(response->rkbuf);
  rd_free(response);
}

/* ---- requests ---- */

typedef struct avoided_s {
  const int32_t* nodes;
  size_t count;
} avoided_t;

/* Called with the broker locked; a bootstrap broker whose id is not known may be any of them. */
static int is_avoided(rd_kafka_broker_t* rkb, void* opaque) {
  const avoided_t* avoided = opaque;
  if (rkb->rkb_nodeid < 0) return 1;
  for (size_t i = 0; i < avoided->count; i++)
    if (avoided->nodes[i] == rkb->rkb_nodeid) return 1;
  return 0;
}

static int is_avoided_or_connected(rd_kafka_broker_t* rkb, void* opaque) {
  return is_avoided(rkb, opaque) || rd_kafka_broker_state_is_up(rkb->rkb_state);
}

/* librdkafka connects only to brokers that it needs, and opens no connection while any broker is
 * up. So if the only broker that is up hangs, no other one could be asked until its connection is
 * closed. */
static void connect_another(rd_kafka_t* rk, avoided_t avoided) {
  rd_kafka_broker_t* rkb = rd_kafka_broker_random(rk, -1, is_avoided_or_connected, &avoided);
  if (!rkb) return;
  rd_kafka_broker_schedule_connection(rkb);
  rd_kafka_broker_destroy(rkb);
}

static rd_kafka_broker_t* broker_to_ask(rd_kafka_t* rk, avoided_t avoided) {
  rd_kafka_broker_t* rkb = NULL;
  if (avoided.count > 0) {
    rd_kafka_rdlock(rk);
    rkb = rd_kafka_broker_any_up(rk, NULL, is_avoided, &avoided, "leaders of mirrored topics");
    if (!rkb) connect_another(rk, avoided);
    rd_kafka_rdunlock(rk);
  }
  if (rkb) return rkb;
  return rd_kafka_broker_any_usable(rk, RD_POLL_NOWAIT, RD_DO_LOCK, 0,
                                    "leaders of mirrored topics");
}

int32_t longhaul_request_metadata(struct rd_kafka_s* rk, longhaul_queue_t* queue,
                                  const char* const* topics, size_t topic_count,
                                  const int32_t* avoid, size_t avoid_count, uint64_t tag,
                                  int32_t* node) {
  rd_kafka_broker_t* rkb = broker_to_ask(rk, (avoided_t){avoid, avoid_count});
  if (!rkb) return RD_KAFKA_RESP_ERR__TRANSPORT;
  *node = rd_kafka_broker_id(rkb);

  rd_list_t list;
  rd_list_init(&list, (int)topic_count, rd_free);
  for (size_t i = 0; i < topic_count; i++) rd_list_add(&list, rd_strdup(topics[i]));

  rd_kafka_op_t* rko = rd_kafka_op_new(RD_KAFKA_OP_METADATA);
  rko->rko_rk = rk;
  rd_kafka_op_set_replyq(rko, queue->rkq, 0);
  rko->rko_u.metadata.force = 1;
  /* A METADATA op has no callback of its own, so its callback slot carries our tag. */
  _Static_assert(sizeof(rko->rko_op_cb) == sizeof(tag), "the tag fits the callback slot");
  memcpy(&rko->rko_op_cb, &tag, sizeof(tag));
  rd_kafka_resp_err_t err =
      rd_kafka_MetadataRequest(rkb, &list, NULL, "leaders of mirrored topics", rd_false, rd_false,
                               -1, rd_false, rko);
  rd_list_destroy(&list);
  rd_kafka_broker_destroy(rkb);
  if (err) rd_kafka_op_destroy(rko);
  return err;
}

typedef struct producer_id_s {
  int32_t error;
  rd_kafka_pid_t pid;
  int done;
} producer_id_t;

static void on_producer_id(rd_kafka_t* rk, rd_kafka_broker_t* rkb, rd_kafka_resp_err_t err,
                           rd_kafka_buf_t* rkbuf, rd_kafka_buf_t* request, void* opaque) {
  const int log_decode_errors = LOG_ERR;
  producer_id_t* out = opaque;
  int16_t code = 0;
  (void)rk, (void)rkb, (void)request;
  if (err == RD_KAFKA_RESP_ERR__DESTROY) return; /* the caller's wait ends by its time limit */
  out->done = 1;
  if (err) goto err;
  rd_kafka_buf_read_throttle_time(rkbuf);
  rd_kafka_buf_read_i16(rkbuf, &code);
  if ((err = code)) goto err;
  rd_kafka_buf_read_i64(rkbuf, &out->pid.id);
  rd_kafka_buf_read_i16(rkbuf, &out->pid.epoch);
  out->error = 0;
  return;

err_parse:
  err = rkbuf->rkbuf_err;
err:
  out->error = err;
}

int32_t longhaul_init_producer_id(struct rd_kafka_s* rk, int timeout_ms, int64_t* producer_id,
                                  int16_t* producer_epoch, char* errstr, size_t errstr_size) {
  rd_ts_t end = rd_timeout_init(timeout_ms);
  rd_kafka_broker_t* rkb = rd_kafka_broker_any_usable(rk, timeout_ms, RD_DO_LOCK,
                                                      RD_KAFKA_FEATURE_IDEMPOTENT_PRODUCER,
                                                      "InitProducerId");
  if (!rkb) {
    rd_snprintf(errstr, errstr_size, "no connected broker offers this request");
    rkb = rd_kafka_broker_any_usable(rk, 0, RD_DO_LOCK, 0, "InitProducerId");
    if (!rkb) return RD_KAFKA_RESP_ERR__TRANSPORT;
    rd_kafka_broker_destroy(rkb);
    return RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
  }
  /* A reply after the time limit finds its queue destroyed, so it never writes to this. */
  producer_id_t result = {.error = RD_KAFKA_RESP_ERR__TIMED_OUT};
  rd_kafka_q_t* rkq = rd_kafka_q_new(rk);
  rd_kafka_resp_err_t err =
      rd_kafka_InitProducerIdRequest(rkb, NULL, -1, NULL, errstr, errstr_size,
                                     RD_KAFKA_REPLYQ(rkq, 0), on_producer_id, &result);
  rd_kafka_broker_destroy(rkb);
  while (!err && !result.done && !rd_timeout_expired(rd_timeout_remains(end)))
    rd_kafka_q_serve(rkq, 50, 0, RD_KAFKA_Q_CB_CALLBACK, serve_op, NULL);
  rd_kafka_q_destroy_owner(rkq);
  if (err) return err;
  if (result.error) {
    rd_snprintf(errstr, errstr_size, "InitProducerId: %s", rd_kafka_err2str(result.error));
    return result.error;
  }
  *producer_id = result.pid.id;
  *producer_epoch = result.pid.epoch;
  return 0;
}

typedef struct answer_s {
  int32_t error;
  longhaul_response_t* response;
  int done;
} answer_t;

static void on_answer(rd_kafka_t* rk, rd_kafka_broker_t* rkb, rd_kafka_resp_err_t err,
                      rd_kafka_buf_t* rkbuf, rd_kafka_buf_t* request, void* opaque) {
  answer_t* out = opaque;
  (void)rk, (void)rkb, (void)request;
  if (err == RD_KAFKA_RESP_ERR__DESTROY) return; /* the caller's wait ends by its time limit */
  out->done = 1;
  out->error = err;
  if (!err && rkbuf) out->response = take_response(rkbuf);
}

int32_t longhaul_ask(struct rd_kafka_s* rk, int32_t node, int16_t api_key, int16_t api_version,
                     int is_flexible, const void* body, size_t size, int timeout_ms,
                     longhaul_response_t** response) {
  rd_ts_t end = rd_timeout_init(timeout_ms);
  rd_kafka_broker_t* rkb = rd_kafka_broker_find_by_nodeid(rk, node);
  if (!rkb) return RD_KAFKA_RESP_ERR__UNKNOWN_BROKER;
  rd_kafka_buf_t* rkbuf = rd_kafka_buf_new_flexver_request(rkb, api_key, 2, size + 16,
                                                           is_flexible ? rd_true : rd_false);
  rd_kafka_buf_write(rkbuf, body, size);
  rd_kafka_buf_ApiVersion_set(rkbuf, api_version, 0);
  rd_kafka_buf_set_abs_timeout_force(rkbuf, timeout_ms, 0);
  rkbuf->rkbuf_max_retries = RD_KAFKA_REQUEST_NO_RETRIES;
  /* As in longhaul_init_producer_id: a reply after the time limit finds the queue destroyed. */
  answer_t answer = {.error = RD_KAFKA_RESP_ERR__TIMED_OUT};
  rd_kafka_q_t* rkq = rd_kafka_q_new(rk);
  rd_kafka_broker_buf_enq_replyq(rkb, rkbuf, RD_KAFKA_REPLYQ(rkq, 0), on_answer, &answer);
  rd_kafka_broker_destroy(rkb);
  while (!answer.done && !rd_timeout_expired(rd_timeout_remains(end)))
    rd_kafka_q_serve(rkq, 50, 0, RD_KAFKA_Q_CB_CALLBACK, serve_op, NULL);
  rd_kafka_q_destroy_owner(rkq);
  if (!answer.error && !answer.response) answer.error = RD_KAFKA_RESP_ERR__BAD_MSG;
  *response = answer.response;
  return answer.error;
}
