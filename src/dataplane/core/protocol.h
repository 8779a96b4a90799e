// The requests of the data plane as bytes: Fetch v4-v12 and Produce v3-v8. Every broker from 0.11
// on speaks one of each; Fetch v12 (2.7 and later) is flexible (KIP-482) and tells whether the log
// is still the one that was read before (KIP-595). A resume also asks by ListOffsets v1 and, where
// brokers have it (2.8 and later, KIP-664), DescribeProducers v0. Parsers never read outside the
// span that they read, nor trust a length (fuzzed in test/dataplane/core/protocol_test.cc).
// Source: Kafka's FetchRequest.json, ProduceRequest.json, ListOffsetsRequest.json,
// DescribeProducersRequest.json and the responses beside them.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "core/broker_reach.h"
#include "core/status.h"
#include "core/transport.h"

namespace longhaul {

inline constexpr Api kProduceApi{"Produce", 0, 3, 8};
inline constexpr Api kFetchApi{"Fetch", 1, 4, 12};
inline constexpr Api kListOffsetsApi{"ListOffsets", 2, 1, 1};
inline constexpr Api kDescribeProducersApi{"DescribeProducers", 61, 0, 0};
constexpr int16_t kFetchFlexibleFrom = 12;
constexpr int16_t kFetchFromFollowersFrom = 11;  // KIP-392
// KIP-219: from these versions on a broker answers at once and its client waits out the throttle
// time; before, the broker has waited when the answer comes.
constexpr int16_t kProduceClientThrottlesFrom = 6, kFetchClientThrottlesFrom = 8;
constexpr int16_t kApiListOffsets = 2, kListOffsetsVersion = 1;
constexpr int16_t kApiDescribeProducers = 61, kDescribeProducersVersion = 0;

struct FetchPartition {
  std::string_view topic;
  int32_t partition;
  int32_t leader_epoch;  // -1: do not check
  int64_t offset;
  int32_t last_epoch;  // of the batch before `offset`, -1: not known; told from v12 on
  int32_t bytes_max;
};

struct FetchRequest {
  int32_t wait_max_ms;
  int32_t bytes_min;
  int32_t bytes_max;
  int8_t isolation_level;
  std::vector<FetchPartition> partitions;  // in the order in which the broker shall fill them
  // If it is not empty, the leader may answer with a replica that is closer, and without records.
  std::string_view rack = {};
};

struct AbortedTransaction {
  int64_t producer_id;
  int64_t first_offset;
};

struct FetchedPartition {
  std::string_view topic;  // points into the response
  int32_t partition;
  int16_t error;
  int64_t high_watermark;
  int64_t last_stable_offset;
  int64_t log_start_offset;  // -1: the version does not tell
  std::vector<AbortedTransaction> aborted;
  // The leader's log parted from the one that was read: its largest epoch that is not above ours,
  // and where that ends. -1: it did not.
  int32_t diverging_epoch;
  int64_t diverging_end;
  int32_t preferred_replica = -1;  // node to fetch from instead, -1: this one
  uint8_t* records;  // points into the response
  size_t records_size;
};

struct FetchResponse {
  int32_t throttle_ms = 0;
  int16_t error = 0;
  std::vector<FetchedPartition> partitions;
};

struct ProducePartition {
  std::string_view topic;  // partitions of one topic stand together
  int32_t partition;
  const uint8_t* batch;
  size_t batch_size;
};

struct ProducedPartition {
  std::string_view topic;
  int32_t partition;
  int16_t error;
  int64_t base_offset;  // -1: the broker does not tell (an old duplicate)
  int64_t append_time;  // -1: the topic has create times, and the batch was not there yet
  std::string_view error_text;  // of the record that is refused, or else of the batch
  int32_t refused_record = -1;  // KIP-467: index in the batch of the first record that is refused
};

struct ProduceResponse {
  int32_t throttle_ms = 0;
  std::vector<ProducedPartition> partitions;
};

struct NamedPartition {
  std::string_view topic;
  int32_t partition;
};

// Where the log of a leader ends.
struct ListedEnd {
  std::string_view topic;
  int32_t partition;
  int16_t error;
  int64_t offset;
};

// What a leader remembers of a producer that wrote to a partition.
struct ProducerState {
  int64_t producer_id;
  int32_t epoch;
  int32_t last_sequence;
  int64_t last_timestamp;
  int64_t transaction_start;  // the first offset of its open transaction, -1: none
};

struct PartitionProducers {
  std::string_view topic;
  int32_t partition;
  int16_t error;
  std::vector<ProducerState> producers;
};

// The same of one producer.
struct DescribedProducer {
  std::string_view topic;
  int32_t partition;
  int16_t error;
  int32_t last_sequence;  // -1: it does not know the producer
};

// A request body: `bytes` holds what is copied, `pieces` the order in which it goes out. A flexible
// one lacks its closing tags: librdkafka adds them (rd_kafka_buf_finalize).
struct EncodedRequest {
  std::string bytes;
  std::vector<Piece> pieces;
  bool is_flexible = false;
};

void EncodeFetch(const FetchRequest& request, int16_t version, EncodedRequest* out);
void EncodeProduce(const std::vector<ProducePartition>& partitions, int32_t timeout_ms,
                   EncodedRequest* out);
// Asks as a replica in debugging (id -2), who learns the end of the log where a consumer learns
// the high watermark (Kafka's ListOffsetsRequest.DEBUGGING_REPLICA_ID, Partition.fetchOffset).
void EncodeListEnds(const std::vector<NamedPartition>& partitions, EncodedRequest* out);
void EncodeDescribeProducers(const std::vector<NamedPartition>& partitions, EncodedRequest* out);
Status ParseFetch(uint8_t* data, size_t size, int16_t version, FetchResponse* out);
Status ParseProduce(const uint8_t* data, size_t size, int16_t version, ProduceResponse* out);
Status ParseListEnds(const uint8_t* data, size_t size, std::vector<ListedEnd>* out);
Status ParseDescribeProducers(const uint8_t* data, size_t size,
                              std::vector<PartitionProducers>* out);
Status ParseDescribeProducers(const uint8_t* data, size_t size, int64_t producer_id,
                              std::vector<DescribedProducer>* out);

}  // namespace longhaul
