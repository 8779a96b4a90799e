// Re-encoding, in megabytes of inflated records a second: a batch from which compaction has removed
// records, and a batch that has to be split. Except for codec none the compressor is the
// bottleneck.
#include "core/reencode.h"

#include <string>
#include <vector>

#include "bench.h"
#include "kafka/codecs.h"
#include "sample_batch.h"

namespace longhaul::bench {
namespace {

constexpr const char* kCodecNames[] = {"none", "gzip", "snappy", "lz4", "zstd"};

uint64_t CheckSum(const std::vector<EncodedBatch>& batches) {
  uint64_t sum = batches.size();
  for (const EncodedBatch& batch : batches) {
    sum = sum * 31 + RecordBatchView(batch.bytes.data()).crc();
  }
  return sum;
}

void MeasureReencode(Run& run, const std::string& name, const SampleOptions& options,
                     int32_t batch_bytes_max) {
  const KafkaCodecs codecs;
  const std::vector<uint8_t> batch = SampleBatch(options);
  const ReencodeLimits limits{size_t{256} << 20, batch_bytes_max, false};
  std::vector<EncodedBatch> out;
  const double each = run.Measure([&] {
    const Status status = Reencode(batch.data(), batch.size(), 0, limits, codecs, &out);
    return status.ok() ? CheckSum(out) : 0;
  });
  run.ReportRate(name + ", " + kCodecNames[static_cast<size_t>(options.codec)], each,
                 options.payload_bytes);
}

}  // namespace

void ReencodeBench(Run& run) {
  for (const Codec codec :
       {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd}) {
    SampleOptions options{.codec = codec, .thinned = true};
    options.payload_bytes = run.smoke() ? 4'000 : 64 * 1024;
    MeasureReencode(run, "re-encode thinned", options, 0);
    options.payload_bytes = run.smoke() ? 8'000 : 1024 * 1024;
    MeasureReencode(run, "re-encode and split in 4 or more", options,
                    static_cast<int32_t>(SampleBatch(options).size() / 4));
  }
}

}  // namespace longhaul::bench
