/* Keeps librdkafka's DescribeCluster and DescribeTopics from ending the process. A broker that has
 * just woken answers Metadata with no broker at all while the controller still holds it for dead;
 * rd_kafka_parse_Metadata_admin() then returns _PARTIAL. Its two callers
 * (rd_kafka_DescribeClusterResponse_parse, rd_kafka_DescribeTopicsResponse_parse, librdkafka 2.12)
 * do not pass that code on: they return rkbuf_err, which is 0, and the assertion in
 * rd_kafka_admin_response_parse that there is a result aborts. The linker puts the function below
 * in its place (--wrap in binding.gyp). */
#include "rd.h"
#include "rdkafka_int.h"
#include "rdkafka_metadata.h"

_Static_assert(RD_KAFKA_VERSION == 0x020c00ff,
               "admin_metadata.c is written against librdkafka 2.12.0 (node-rdkafka 3.6.1)");

rd_kafka_resp_err_t __real_rd_kafka_parse_Metadata_admin(rd_kafka_broker_t* rkb,
                                                         rd_kafka_buf_t* reply,
                                                         rd_list_t* topics,
                                                         rd_kafka_metadata_internal_t** metadata);

rd_kafka_resp_err_t __wrap_rd_kafka_parse_Metadata_admin(rd_kafka_broker_t* rkb,
                                                         rd_kafka_buf_t* reply,
                                                         rd_list_t* topics,
                                                         rd_kafka_metadata_internal_t** metadata) {
  rd_kafka_resp_err_t error = __real_rd_kafka_parse_Metadata_admin(rkb, reply, topics, metadata);
  if (error && !reply->rkbuf_err) reply->rkbuf_err = error;
  return error;
}
