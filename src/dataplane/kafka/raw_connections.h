/* Adopts connections of librdkafka once they are logged in. librdkafka continues as if the broker
 * had closed the connection, and opens another when it needs one. Functions may be called from any
 * thread. */
#pragma once

#include "kafka/raw_requests.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct longhaul_api_range_s {
  int16_t key;
  int16_t min;
  int16_t max;
} longhaul_api_range_t;

struct ssl_st; /* SSL of OpenSSL */

struct longhaul_adopted_s {
  int fd;             /* not blocking; librdkafka no longer uses it */
  struct ssl_st* ssl; /* NULL: plaintext */
  int64_t renew_in_us; /* until 90 % of the SASL session have passed (KIP-368); -1: no end */
  longhaul_api_range_t* apis; /* what the broker supports, in the order of keys */
  size_t api_count;
};

/* Any SASL session will do. */
#define LONGHAUL_ANY_SESSION (-1)

/* Asks for the connection to the broker. The reply has `tag` and is_adoption; without an error it
 * has `adopted`: its receiver owns the parts that it sets to null (fd: -1). Returns 0, or an error
 * code, after which no reply comes. The reply has the error RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS
 * while librdkafka awaits an answer on the connection, or if its SASL session has at most
 * session_us_min left until librdkafka renews it: ask again. It has other errors if the connection
 * ends before.
 * While a connection is being opened, the request waits until the login is over, and is then the
 * first one: librdkafka's own requests wait for the next connection. */
int32_t longhaul_adopt(struct rd_kafka_s* rk, longhaul_queue_t* queue, int32_t node, int timeout_ms,
                       int64_t session_us_min, uint64_t tag);

#ifdef __cplusplus
}
#endif
