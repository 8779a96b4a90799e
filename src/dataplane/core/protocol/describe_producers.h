// DescribeProducers v0, of brokers from 2.8 on (KIP-664).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/protocol/request.h"
#include "core/status.h"

namespace longhaul {

inline constexpr Api kDescribeProducersApi{"DescribeProducers", 61, 0, 0};

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

// The same for one producer.
struct DescribedProducer {
  std::string_view topic;
  int32_t partition;
  int16_t error;
  int32_t last_sequence;  // -1: the leader does not know the producer
};

void EncodeDescribeProducers(const std::vector<NamedPartition>& partitions, EncodedRequest* out);
Status ParseDescribeProducers(const uint8_t* data, size_t size,
                              std::vector<PartitionProducers>* out);
Status ParseDescribeProducers(const uint8_t* data, size_t size, int64_t producer_id,
                              std::vector<DescribedProducer>* out);

}  // namespace longhaul
