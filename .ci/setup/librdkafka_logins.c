// Connects the broker threads of librdkafka with the gate of logins. Not compiled by itself:
// librdkafka-mends.mjs inserts this file into rdkafka_broker.c.
#include <pthread.h>
#include "longhaul_login_gate.h"

/* Of all clients of the process. */
static struct LoginGate rd_kafka_login_gate;
static pthread_mutex_t rd_kafka_login_gate_lock = PTHREAD_MUTEX_INITIALIZER;

static rd_bool_t rd_kafka_login_is_needed(const rd_kafka_broker_t *rkb) {
        return rkb->rkb_proto == RD_KAFKA_PROTO_SASL_PLAINTEXT ||
               rkb->rkb_proto == RD_KAFKA_PROTO_SASL_SSL;
}

/* The same for all clients that log in to the same cluster as the same user. */
static uint64_t rd_kafka_login_of(rd_kafka_broker_t *rkb) {
        rd_kafka_conf_t *conf = &rkb->rkb_rk->rk_conf;
        uint64_t hash         = 0;

        hash = LoginGateHash(hash, conf->brokerlist);
        hash = LoginGateHash(hash, conf->sasl.mechanisms);
        hash = LoginGateHash(hash, conf->sasl.principal);
        hash = LoginGateHash(hash, conf->sasl.keytab);
        hash = LoginGateHash(hash, conf->sasl.service_name);
        hash = LoginGateHash(hash, conf->sasl.oauthbearer_config);
        mtx_lock(&conf->sasl.lock);
        hash = LoginGateHash(hash, conf->sasl.username);
        hash = LoginGateHash(hash, conf->sasl.password);
        mtx_unlock(&conf->sasl.lock);
        return hash;
}

static uint64_t rd_kafka_login_address(rd_kafka_broker_t *rkb) {
        uint64_t hash;

        rd_kafka_broker_lock(rkb);
        hash = LoginGateHash(0, rkb->rkb_nodename);
        rd_kafka_broker_unlock(rkb);
        return hash;
}

static int rd_kafka_login_wait_ms(rd_kafka_broker_t *rkb) {
        int64_t wait_us;

        if (!rd_kafka_login_is_needed(rkb))
                return 0;
        pthread_mutex_lock(&rd_kafka_login_gate_lock);
        wait_us = LoginGateWait(&rd_kafka_login_gate, rd_kafka_login_of(rkb),
                                rd_kafka_login_address(rkb), rkb, rd_clock());
        pthread_mutex_unlock(&rd_kafka_login_gate_lock);
        /* Another client may end the pause. */
        return RD_MIN(250, (int)((wait_us + 999) / 1000));
}

/* The client itself reports its own refusal. */
static void rd_kafka_login_end(rd_kafka_broker_t *rkb,
                               enum LoginOutcome outcome,
                               const char *errstr) {
        uint64_t login = rd_kafka_login_of(rkb);

        pthread_mutex_lock(&rd_kafka_login_gate_lock);
        LoginGateEnd(&rd_kafka_login_gate, login, rkb, outcome, errstr,
                     rd_jitter(0, 255), rd_clock());
        if (outcome == kLoginRefused)
                LoginGateError(&rd_kafka_login_gate, login, rd_clock(),
                               &rkb->rkb_login_reported);
        pthread_mutex_unlock(&rd_kafka_login_gate_lock);
}

static void rd_kafka_login_accepted(rd_kafka_broker_t *rkb) {
        if (!rd_kafka_login_is_needed(rkb))
                return;
        rd_kafka_login_end(rkb, kLoginAccepted, "");
}

/* Nothing has failed in TRY_CONNECT: the client reports the refusal of another
 * one. */
static void rd_kafka_login_failed(rd_kafka_broker_t *rkb,
                                  rd_kafka_resp_err_t err,
                                  const char *fmt,
                                  va_list ap) {
        char errstr[kLoginGateErrorSize];

        if (!rd_kafka_login_is_needed(rkb) ||
            rkb->rkb_state == RD_KAFKA_BROKER_STATE_TRY_CONNECT)
                return;
        rd_vsnprintf(errstr, sizeof(errstr), fmt, ap);
        rd_kafka_login_end(rkb,
                           err == RD_KAFKA_RESP_ERR__AUTHENTICATION
                               ? kLoginRefused
                               : kLoginNotReached,
                           errstr);
}

/* Returns false if this client has reported the last refusal. */
static rd_bool_t rd_kafka_login_report(rd_kafka_broker_t *rkb) {
        char errstr[kLoginGateErrorSize];
        const char *found;

        pthread_mutex_lock(&rd_kafka_login_gate_lock);
        found = LoginGateError(&rd_kafka_login_gate, rd_kafka_login_of(rkb),
                               rd_clock(), &rkb->rkb_login_reported);
        if (found)
                rd_strlcpy(errstr, found, sizeof(errstr));
        pthread_mutex_unlock(&rd_kafka_login_gate_lock);
        if (!found)
                return rd_false;
        rd_kafka_broker_fail(rkb, LOG_ERR, RD_KAFKA_RESP_ERR__AUTHENTICATION,
                             "%s", errstr);
        return rd_true;
}
