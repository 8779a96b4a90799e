// Requests and responses without their records: what a request of many partitions costs to write,
// and a response to read, in the versions that new brokers use.
#include <cstdlib>
#include <utility>
#include <vector>

#include "bench.h"
#include "core/protocol/fetch.h"
#include "core/protocol/produce.h"

namespace longhaul::bench {
namespace {

constexpr int32_t kPartitions = 100;
constexpr TopicId kTopicId = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

size_t BytesOf(const EncodedRequest& request) {
  size_t bytes = 0;
  for (const Piece& piece : request.pieces) bytes += piece.size;
  return bytes;
}

void EncodeFetchBench(Run& run) {
  FetchRequest request{500, 1, 6 << 20, 1, {}};
  for (int32_t partition = 0; partition < kPartitions; ++partition)
    request.partitions.push_back({"orders", kTopicId, partition, 3, 123'456, 3, 1 << 20});
  const double each = run.Measure([&] {
    EncodedRequest out;
    EncodeFetch(request, kFetchApi.max, &out);
    return BytesOf(out);
  });
  run.Report("encode Fetch, 100 partitions", each, "ns");
}

void EncodeProduceBench(Run& run) {
  const std::vector<uint8_t> batch(1'000, 7);
  std::vector<ProducePartition> partitions;
  for (int32_t partition = 0; partition < kPartitions; ++partition)
    partitions.push_back({"orders", partition, batch.data(), batch.size(), kTopicId});
  const double each = run.Measure([&] {
    EncodedRequest out;
    EncodeProduce(partitions, kProduceApi.max, 30'000, &out);
    return BytesOf(out);
  });
  run.Report("encode Produce, 100 partitions", each, "ns");
}

// Flexible layouts: every count is one more than the number, every structure ends with its tags.
class Body {
 public:
  Body& Int(int64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      bytes_.push_back(static_cast<uint8_t>(value >> shift));
    return *this;
  }
  Body& Count(int32_t count) { return Int(count + 1, 1); }
  Body& Id() {
    bytes_.insert(bytes_.end(), kTopicId.begin(), kTopicId.end());
    return *this;
  }
  Body& Tags() { return Int(0, 1); }
  std::vector<uint8_t> Take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

// 100 partitions, each without records.
std::vector<uint8_t> FetchResponseBody() {
  Body body;
  body.Int(0, 4).Int(0, 2).Int(77, 4).Count(1).Id().Count(kPartitions);
  for (int32_t partition = 0; partition < kPartitions; ++partition) {
    body.Int(partition, 4).Int(0, 2).Int(500, 8).Int(500, 8).Int(0, 8);
    body.Count(0).Int(-1, 4).Count(0).Tags();  // no aborted transaction, no replica, no records
  }
  return body.Tags().Tags().Take();
}

std::vector<uint8_t> ProduceResponseBody() {
  Body body;
  body.Count(1).Id().Count(kPartitions);
  for (int32_t partition = 0; partition < kPartitions; ++partition) {
    body.Int(partition, 4).Int(0, 2).Int(500, 8).Int(-1, 8).Int(0, 8);
    body.Count(0).Int(0, 1).Tags();  // no refused record, no text
  }
  return body.Tags().Int(0, 4).Tags().Take();
}

// False: the body is not of the version, and the figure would be that of an error.
bool ParseBenches(Run& run) {
  std::vector<uint8_t> fetched = FetchResponseBody();
  size_t read = 0;
  double each = run.Measure([&] {
    FetchResponse fetch;
    const Status status =
        ParseFetch(fetched.data(), fetched.size(), kFetchApi.max, &fetch);
    return read = status.ok() ? fetch.partitions.size() : 0;
  });
  run.Report("parse Fetch response, 100 partitions", each, "ns");
  if (read != kPartitions) return false;
  const std::vector<uint8_t> produced = ProduceResponseBody();
  each = run.Measure([&] {
    ProduceResponse produce;
    const Status status =
        ParseProduce(produced.data(), produced.size(), kProduceApi.max, &produce);
    return read = status.ok() ? produce.partitions.size() : 0;
  });
  run.Report("parse Produce response, 100 partitions", each, "ns");
  return read == kPartitions;
}

}  // namespace

void ProtocolBench(Run& run) {
  EncodeFetchBench(run);
  EncodeProduceBench(run);
  if (!ParseBenches(run)) std::abort();
}

}  // namespace longhaul::bench
