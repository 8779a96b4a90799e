// Patches of librdkafka's sources, applied before they are compiled: one row for each patch. A row
// can be removed when a release of node-rdkafka contains the change; the set-up stops if a row no
// longer matches.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SetupError } from './step.mjs'

const sourceDir = 'node_modules/node-rdkafka/deps/librdkafka/src'

// The first three: a broker that was suspended, or that has just started, answers Metadata with
// topics and without brokers until the controller has registered it.
const mends = [
  {
    // librdkafka then forgot every known broker, including the bootstrap servers. No broker was
    // left to ask, and the client never recovered. Now the client repeats the request.
    file: 'rdkafka_metadata.c',
    from: 'if (md->broker_cnt == 0 && md->topic_cnt == 0) {',
    to: 'if (md->broker_cnt == 0) {'
  },
  {
    // The code of such an answer was lost: an assertion that a result exists ended the process.
    file: 'rdkafka_admin.c',
    from: `"DescribeTopics response protocol parse failure: %s",
                    rd_kafka_err2str(reply->rkbuf_err));
        return reply->rkbuf_err;`,
    to: `"DescribeTopics response protocol parse failure: %s",
                    rd_kafka_err2str(err ? err : reply->rkbuf_err));
        return err ? err : reply->rkbuf_err;`
  },
  {
    file: 'rdkafka_admin.c',
    from: `"DescribeCluster response protocol parse failure: %s",
                    rd_kafka_err2str(reply->rkbuf_err));
        return reply->rkbuf_err;`,
    to: `"DescribeCluster response protocol parse failure: %s",
                    rd_kafka_err2str(err ? err : reply->rkbuf_err));
        return err ? err : reply->rkbuf_err;`
  },
  {
    // A refusal (no authorizer, no permission) was read and dropped: the cluster seemed to have no
    // ACLs.
    file: 'rdkafka_admin.c',
    from: `        if (error_code) {
                if (RD_KAFKAP_STR_LEN(&error_msg) == 0)
                        errstr = (char *)rd_kafka_err2str(error_code);
                else
                        RD_KAFKAP_STR_DUPA(&errstr, &error_msg);
        }

        /* #resources */`,
    to: `        if (error_code) {
                rd_snprintf(errstr, errstr_size, "%.*s",
                            RD_KAFKAP_STR_PR(&error_msg));
                return (rd_kafka_resp_err_t)error_code;
        }

        /* #resources */`
  },
  {
    // A request that waits for one broker asks for a connection at each change of the broker's
    // state. Each time librdkafka forgot the pause after a failed attempt: ten thousand attempts a
    // second, and a whole core, while a broker refuses connections. Now the request shortens the
    // pause to the first one.
    file: 'rdkafka_broker.c',
    from: 'rkb->rkb_ts_reconnect = 0;',
    to: `rkb->rkb_ts_reconnect = RD_MIN(
                    rkb->rkb_ts_reconnect,
                    rd_clock() +
                        (rd_ts_t)rkb->rkb_rk->rk_conf.reconnect_backoff_ms * 1000);`
  },
  // The next eight: a broker that refuses a login was asked again as soon as a broker that was
  // restarted, by each client for ever. Now, after a refusal, all clients of the process with the
  // same login share one pause, which no request for a connection shortens, and try one at a time
  // until the login is accepted (longhaul_login_gate.h); each client reports each refusal, because
  // refusals are rare.
  {
    file: 'rdkafka_broker.h',
    from: `        rd_ts_t rkb_ts_reconnect;
`,
    to: `        rd_ts_t rkb_ts_reconnect;

        /**< Number of the last refusal of this login that was reported. */
        uint32_t rkb_login_reported;
`
  },
  {
    file: 'rdkafka_broker.c',
    from: `/**
 * @brief Set, log and propagate broker fail error.
`,
    to: `${readFileSync(new URL('librdkafka_logins.c', import.meta.url), 'utf8')}
/**
 * @brief Set, log and propagate broker fail error.
`
  },
  {
    file: 'rdkafka_broker.c',
    from: `        rkb->rkb_reauth_in_progress = rd_false;

        va_start(ap, fmt);
        rd_kafka_broker_set_error(rkb, level, err, fmt, ap);
        va_end(ap);
`,
    to: `        rkb->rkb_reauth_in_progress = rd_false;

        va_start(ap, fmt);
        rd_kafka_login_failed(rkb, err, fmt, ap);
        va_end(ap);

        va_start(ap, fmt);
        rd_kafka_broker_set_error(rkb, level, err, fmt, ap);
        va_end(ap);
`
  },
  {
    file: 'rdkafka_broker.c',
    from: `        suppress = identical && rd_interval(`,
    to: `        suppress = identical && err != RD_KAFKA_RESP_ERR__AUTHENTICATION &&
                   rd_interval(`
  },
  {
    file: 'rdkafka_broker.c',
    from: `        rkb->rkb_max_inflight       = rkb->rkb_rk->rk_conf.max_inflight;
        rkb->rkb_reauth_in_progress = rd_false;
`,
    to: `        rkb->rkb_max_inflight       = rkb->rkb_rk->rk_conf.max_inflight;
        rkb->rkb_reauth_in_progress = rd_false;
        rd_kafka_login_accepted(rkb);
`
  },
  {
    // A connection that ended during the handshake counted as a refusal by the broker.
    file: 'rdkafka_broker.c',
    from: `        rd_kafka_broker_fail(rkb, LOG_ERR, RD_KAFKA_RESP_ERR__AUTHENTICATION,
                             "SASL %s mechanism handshake failed`,
    to: `        rd_kafka_broker_fail(rkb, LOG_ERR,
                             err == RD_KAFKA_RESP_ERR__TRANSPORT ||
                                     err == RD_KAFKA_RESP_ERR__TIMED_OUT
                                 ? err
                                 : RD_KAFKA_RESP_ERR__AUTHENTICATION,
                             "SASL %s mechanism handshake failed`
  },
  {
    // The end of a session that was due when the connection ended: without a connection nothing
    // can log in again.
    file: 'rdkafka_broker.c',
    from: `                rd_rkb_dbg(rkb, BROKER, "REAUTH", "Received REAUTH op");
`,
    to: `                rd_rkb_dbg(rkb, BROKER, "REAUTH", "Received REAUTH op");

                if (rkb->rkb_state != RD_KAFKA_BROKER_STATE_UP)
                        break;
`
  },
  {
    file: 'rdkafka_broker.c',
    from: `                        /* Initiate asynchronous connection attempt.
`,
    to: `                        backoff = rd_kafka_login_wait_ms(rkb);
                        if (backoff > 0) {
                                if (!rd_kafka_login_report(rkb))
                                        rd_kafka_broker_serve(rkb, backoff);
                                continue;
                        }

                        /* Initiate asynchronous connection attempt.
`
  },
  {
    // The thread of the caller looked for leaders first. A metadata response at that moment let
    // librdkafka's own thread answer the call, and free what the caller was still reading.
    file: 'rdkafka_partition.c',
    from: `        rd_kafka_enq_once_add_source(rko->rko_u.leaders.eonce, "timeout timer");
        rd_kafka_timer_start_oneshot(
            &rk->rk_timers, &rko->rko_u.leaders.timeout_tmr, rd_true,
            rd_timeout_remains_us(rko->rko_u.leaders.ts_timeout),
            rd_kafka_partition_leader_query_eonce_timeout_cb,
            rko->rko_u.leaders.eonce);

        if (rd_kafka_topic_partition_list_query_leaders_async_worker(rko) ==
            RD_KAFKA_OP_RES_HANDLED)
                rd_kafka_op_destroy(rko); /* Reply queue already disabled */
}`,
    to: `        rd_kafka_enq_once_t *eonce = rko->rko_u.leaders.eonce;
        rd_kafka_enq_once_add_source(eonce, "first look");
        rd_kafka_enq_once_add_source(eonce, "timeout timer");
        rd_kafka_timer_start_oneshot(
            &rk->rk_timers, &rko->rko_u.leaders.timeout_tmr, rd_true,
            rd_timeout_remains_us(rko->rko_u.leaders.ts_timeout),
            rd_kafka_partition_leader_query_eonce_timeout_cb, eonce);
        rd_kafka_enq_once_trigger(eonce, RD_KAFKA_RESP_ERR_NO_ERROR,
                                  "first look");
}`
  },
  {
    // malloc allocates the responses, and does not bound its memory (core/block_pool.h). The
    // program may set these two functions before it opens a client.
    file: 'rdbuf.c',
    from: `static rd_segment_t *rd_buf_alloc_segment0(rd_buf_t *rbuf, size_t size) {`,
    to: `void *(*rd_buf_payload_alloc)(size_t size) = rd_malloc;
void (*rd_buf_payload_free)(void *payload)  = rd_free;

static rd_segment_t *rd_buf_alloc_segment0(rd_buf_t *rbuf, size_t size) {`
  },
  {
    file: 'rdbuf.c',
    from: `                rd_segment_init(seg, size > 0 ? rd_malloc(size) : NULL, size);
                if (size > 0)
                        seg->seg_free = rd_free;

        } else if ((seg = rd_malloc(sizeof(*seg) + size))) {`,
    to: `                rd_segment_init(seg, size > 0 ? rd_buf_payload_alloc(size) : NULL, size);
                if (size > 0)
                        seg->seg_free = rd_buf_payload_free;

        } else if ((seg = rd_malloc(sizeof(*seg) + size))) {`
  },
  {
    // The woken thread needs the lock at once: it slept a second time for each reply.
    file: 'rdkafka_queue.h',
    from: `                rd_kafka_q_enq0(rkq, rko, at_head);
                cnd_signal(&rkq->rkq_cond);
                if (rkq->rkq_qlen == 1)
                        rd_kafka_q_io_event(rkq);

                if (do_lock)
                        mtx_unlock(&rkq->rkq_lock);
        } else {`,
    to: `                rd_kafka_q_enq0(rkq, rko, at_head);
                if (rkq->rkq_qlen == 1)
                        rd_kafka_q_io_event(rkq);

                if (do_lock)
                        mtx_unlock(&rkq->rkq_lock);
                cnd_signal(&rkq->rkq_cond);
        } else {`
  },
  {
    // A read that returns less than the buffer has emptied the pipe: no second read is needed.
    file: 'rdkafka_transport.c',
    from: `                                      sizeof(buf)) > 0)
                        ; /* Read all`,
    to: `                                      sizeof(buf)) == (int)sizeof(buf))
                        ; /* Read all`
  }
]

/** Files of the project that the mended sources include. */
const additions = [
  { file: 'longhaul_login_gate.h', of: 'src/dataplane/kafka/login_gate.h' }
]

/** The files on which the mended sources depend, besides node-rdkafka's. */
export const mendFiles = [
  '.ci/setup/librdkafka-mends.mjs', '.ci/setup/librdkafka_logins.c',
  ...additions.map(({ of }) => of)
]

/** Returns whether a source was changed, so that earlier objects are stale. */
export function mendSources (root) {
  let isChanged = false
  for (const { file, of } of additions) {
    const path = join(root, sourceDir, file)
    const text = readFileSync(join(root, of), 'utf8')
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
    writeFileSync(path, text)
    isChanged = true
  }
  for (const { file, from, to } of mends) {
    const path = join(root, sourceDir, file)
    const text = readFileSync(path, 'utf8')
    if (text.includes(to)) continue
    if (text.split(from).length !== 2) {
      throw new SetupError(`${file} of librdkafka is not the one that is mended here`, {
        wayOut: 'compare .ci/setup/librdkafka-mends.mjs with the sources of this release'
      })
    }
    writeFileSync(`${path}.mended`, text.replace(from, () => to))
    renameSync(`${path}.mended`, path)
    isChanged = true
  }
  return isChanged
}
