/* The inside of a longhaul_queue_t, for the files that send over librdkafka's broker threads. */
#pragma once

#include "kafka/raw_requests.h"

struct rd_kafka_q_s;

struct rd_kafka_q_s* longhaul_queue_rkq(longhaul_queue_t* queue);
/* Call it on the thread that serves the queue. */
void longhaul_queue_deliver(longhaul_queue_t* queue, const longhaul_reply_t* reply);
/* Call it on any other thread: a copy of the reply is delivered when the queue is served next. */
void longhaul_queue_park(longhaul_queue_t* queue, const longhaul_reply_t* reply);
