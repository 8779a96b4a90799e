/* Written against the release of librdkafka that raw_requests.c asserts. */
#include "kafka/raw_connections.h"

#include <fcntl.h>
#include <unistd.h>

#include "rd.h"
#include "rdkafka_int.h"

#include "kafka/raw_queue.h"
#include "rdkafka_broker.h"
#include "rdkafka_buf.h"
#include "rdkafka_request.h"
#include "rdkafka_timer.h"
#include "rdkafka_transport_int.h"

typedef struct adoption_s {
  longhaul_queue_t* queue;
  uint64_t tag;
  int64_t session_us_min;
  int is_busy;
  longhaul_adopted_t adopted; /* fd -1: not adopted */
} adoption_t;

static int awaits_answers(rd_kafka_broker_t* rkb, rd_kafka_transport_t* transport) {
  return rkb->rkb_state != RD_KAFKA_BROKER_STATE_UP || rkb->rkb_reauth_in_progress || !transport ||
         rd_kafka_bufq_cnt(&rkb->rkb_waitresps) > 0 ||
         (rkb->rkb_recv_buf && rd_buf_write_pos(&rkb->rkb_recv_buf->rkbuf_buf) > 0) ||
         (transport->rktrans_ssl && SSL_has_pending(transport->rktrans_ssl));
}

static void copy_apis(rd_kafka_broker_t* rkb, longhaul_adopted_t* adopted) {
  rd_kafka_broker_lock(rkb);
  adopted->api_count = rkb->rkb_ApiVersions_cnt;
  adopted->apis = rd_calloc(adopted->api_count + 1, sizeof(*adopted->apis));
  for (size_t i = 0; i < adopted->api_count; i++) {
    const struct rd_kafka_ApiVersion* from = &rkb->rkb_ApiVersions[i];
    adopted->apis[i] = (longhaul_api_range_t){from->ApiKey, from->MinVer, from->MaxVer};
  }
  rd_kafka_broker_unlock(rkb);
}

/* Replaces `fd` by a file at its end. Returns a copy of the former `fd`, or -1. */
static int replace_by_end_of_file(int fd) {
  int dead[2];
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return -1;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, dead) == 0) {
    close(dead[1]);
    int replaced = dup3(dead[0], fd, O_CLOEXEC) >= 0;
    close(dead[0]);
    if (replaced) return copy;
  }
  close(copy);
  return -1;
}

/* Runs on the broker's thread when the request is the next to be sent: no earlier request is partly
 * sent, and no login is in progress. It returns an error, so the request itself is never sent. */
static rd_kafka_resp_err_t take_connection(rd_kafka_broker_t* rkb, rd_kafka_buf_t* rkbuf,
                                           void* opaque) {
  adoption_t* adoption = opaque;
  rd_kafka_transport_t* transport = rkb->rkb_transport;
  (void)rkbuf;
  const rd_ts_t session_us =
      rd_kafka_timer_next(&rkb->rkb_rk->rk_timers, &rkb->rkb_sasl_reauth_tmr, 1);
  adoption->is_busy = awaits_answers(rkb, transport) ||
                      (adoption->session_us_min >= 0 && session_us <= adoption->session_us_min);
  if (adoption->is_busy) return RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS;
  const int fd = replace_by_end_of_file(transport->rktrans_s);
  if (fd < 0) return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
  adoption->adopted.fd = fd;
  adoption->adopted.renew_in_us = session_us;
  adoption->adopted.ssl = transport->rktrans_ssl;
  copy_apis(rkb, &adoption->adopted);
  if (transport->rktrans_ssl) {
    BIO_set_fd(SSL_get_rbio(transport->rktrans_ssl), fd, BIO_NOCLOSE);
    transport->rktrans_ssl = NULL;
  }
  rkb->rkb_max_inflight = 0; /* nothing more is sent; the next connect sets it again */
  /* As when librdkafka itself closes a connection: no ALL_BROKERS_DOWN, no return to the bootstrap
   * servers, no pause before the next connection. */
  rkb->rkb_c.skip_broker_down = rd_true;
  rkb->rkb_reconnect_backoff_ms = rkb->rkb_rk->rk_conf.reconnect_backoff_ms;
  return RD_KAFKA_RESP_ERR__FAIL;
}

static void release_adopted(longhaul_adopted_t* adopted) {
  if (adopted->ssl) SSL_free(adopted->ssl);
  if (adopted->fd >= 0) close(adopted->fd);
  rd_free(adopted->apis);
  *adopted = (longhaul_adopted_t){.fd = -1};
}

/* librdkafka calls it exactly once, also when the broker's thread or the client is ending, or when
 * the lane no longer listens. */
static void on_adopted(rd_kafka_t* rk, rd_kafka_broker_t* rkb, rd_kafka_resp_err_t err,
                       rd_kafka_buf_t* rkbuf, rd_kafka_buf_t* request, void* opaque) {
  adoption_t* adoption = opaque;
  (void)rkb, (void)rkbuf, (void)request;
  longhaul_reply_t reply = {.rk = rk, .tag = adoption->tag, .is_adoption = 1};
  if (err == RD_KAFKA_RESP_ERR__DESTROY) {
    reply.error = err;
    longhaul_queue_park(adoption->queue, &reply);
  } else {
    const int is_taken = adoption->adopted.fd >= 0;
    reply.error = is_taken ? 0 : err;
    reply.adopted = is_taken ? &adoption->adopted : NULL;
    longhaul_queue_deliver(adoption->queue, &reply);
  }
  release_adopted(&adoption->adopted);
  rd_free(adoption);
}

int32_t longhaul_adopt(struct rd_kafka_s* rk, longhaul_queue_t* queue, int32_t node, int timeout_ms,
                       int64_t session_us_min, uint64_t tag) {
  rd_kafka_broker_t* rkb = rd_kafka_broker_find_by_nodeid(rk, node);
  if (!rkb) return RD_KAFKA_RESP_ERR__UNKNOWN_BROKER;
  adoption_t* adoption = rd_calloc(1, sizeof(*adoption));
  adoption->queue = queue;
  adoption->tag = tag;
  adoption->session_us_min = session_us_min;
  adoption->adopted.fd = -1;
  rd_kafka_buf_t* rkbuf = rd_kafka_buf_new_request(rkb, RD_KAFKAP_ApiVersion, 1, 0);
  rd_kafka_buf_set_maker(rkbuf, take_connection, adoption, NULL);
  rd_kafka_buf_set_abs_timeout_force(rkbuf, timeout_ms, 0);
  rkbuf->rkbuf_max_retries = RD_KAFKA_REQUEST_NO_RETRIES;
  rd_kafka_broker_buf_enq_replyq(rkb, rkbuf, RD_KAFKA_REPLYQ(longhaul_queue_rkq(queue), 0),
                                 on_adopted, adoption);
  rd_kafka_broker_destroy(rkb);
  return 0;
}
