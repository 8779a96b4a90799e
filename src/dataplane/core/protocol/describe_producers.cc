#include "core/protocol/describe_producers.h"

#include <utility>

#include "core/protocol/wire.h"

namespace longhaul {

void EncodeDescribeProducers(const std::vector<NamedPartition>& partitions, EncodedRequest* out) {
  out->is_flexible = true;
  Writer w(&out->bytes, true);
  WriteByTopic(&w, partitions, [&](const NamedPartition& p) { w.Int32(p.partition); });
  TakeBytes(out);
}

Status ParseDescribeProducers(const uint8_t* data, size_t size,
                              std::vector<PartitionProducers>* out) {
  Reader in(data, size, true);
  in.Int32();  // throttle time
  size_t topics = in.ArrayLength(3);
  for (size_t t = 0; t < topics && in.ok(); t++) {
    std::string_view topic = in.String();
    size_t partitions = in.ArrayLength(9);
    for (size_t p = 0; p < partitions && in.ok(); p++) {
      PartitionProducers described{topic, in.Int32(), in.Int16(), {}};
      in.String();  // error message
      size_t producers = in.ArrayLength(37);
      for (size_t i = 0; i < producers && in.ok(); i++) {
        ProducerState state{};
        state.producer_id = in.Int64();
        state.epoch = in.Int32();
        state.last_sequence = in.Int32();
        state.last_timestamp = in.Int64();
        in.Int32();  // coordinator epoch
        state.transaction_start = in.Int64();
        in.SkipTags();
        described.producers.push_back(state);
      }
      in.SkipTags();
      if (in.ok()) out->push_back(std::move(described));
    }
    in.SkipTags();
  }
  in.SkipTags();
  return in.ok() ? Status::Ok() : Malformed("DescribeProducers", in.left());
}

Status ParseDescribeProducers(const uint8_t* data, size_t size, int64_t producer_id,
                              std::vector<DescribedProducer>* out) {
  std::vector<PartitionProducers> partitions;
  Status status = ParseDescribeProducers(data, size, &partitions);
  for (const PartitionProducers& partition : partitions) {
    DescribedProducer described{partition.topic, partition.partition, partition.error, -1};
    for (const ProducerState& state : partition.producers)
      if (state.producer_id == producer_id) described.last_sequence = state.last_sequence;
    out->push_back(described);
  }
  return status;
}

}  // namespace longhaul
