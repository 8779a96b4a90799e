/* Adopts connections of librdkafka once they are logged in. librdkafka goes on as if the broker had
 * closed the connection, and opens another when it needs it. Calls may come from any thread. */
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
  int fd;             /* not blocking; a copy of librdkafka's, which holds none of it any more */
  struct ssl_st* ssl; /* NULL: plaintext */
  int64_t renew_in_us; /* until 90 % of the SASL session are over (KIP-368); -1: it has no end */
  longhaul_api_range_t* apis; /* what the broker speaks, in the order of keys */
  size_t api_count;
};

/* No demand on the SASL session. */
#define LONGHAUL_ANY_SESSION (-1)

/* Asks for the connection to the broker. The reply has `tag` and is_adoption; without an error it
 * has `adopted`: its receiver owns the parts that it sets to null (fd: -1). Returns 0, or an error
 * code, and then no reply comes. The reply fails with RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS while
 * librdkafka awaits an answer on the connection, or its SASL session has at most session_us_min
 * left until librdkafka renews it: ask again. With other codes if the connection ends before. */
int32_t longhaul_adopt(struct rd_kafka_s* rk, longhaul_queue_t* queue, int32_t node, int timeout_ms,
                       int64_t session_us_min, uint64_t tag);

#ifdef __cplusplus
}
#endif
