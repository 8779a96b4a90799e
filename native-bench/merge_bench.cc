// Merging batches of five records (rebatch): how long one merge keeps the thread of the lane from
// its other partitions.
#include "core/batch_merge.h"

#include <string>
#include <utility>
#include <vector>

#include "bench.h"
#include "kafka/codecs.h"
#include "sample_batch.h"

namespace longhaul::bench {
namespace {

void MeasureMerge(Run& run, const std::string& name, Codec codec, size_t bytes) {
  const KafkaCodecs codecs;
  const std::vector<uint8_t> batch = SampleBatch({.payload_bytes = 1'000, .codec = codec});
  const RecordBatchView view(batch.data());
  const size_t count = bytes / batch.size();
  std::vector<MergePart> parts;
  for (size_t i = 0; i < count; ++i)
    parts.push_back({view, static_cast<int64_t>(i) * view.record_count()});
  const MergeLimits limits{2 * bytes, size_t{64} << 20, count};
  EncodedBatch out;
  const double nanoseconds = run.Measure([&] {
    const size_t merged = MergeBatches(parts, limits, codecs, &out);
    return merged == count ? RecordBatchView(out.bytes.data()).crc() : 0;
  });
  run.Report(name, nanoseconds / 1e6, "ms");
}

}  // namespace

void MergeBench(Run& run) {
  const std::pair<const char*, Codec> codecs[] = {
      {"none", Codec::kNone}, {"gzip", Codec::kGzip}, {"snappy", Codec::kSnappy},
      {"lz4", Codec::kLz4},   {"zstd", Codec::kZstd}};
  for (const auto& [name, codec] : codecs) {
    const size_t small = run.smoke() ? 4'000 : 128 * 1024;
    MeasureMerge(run, std::string("merge into 128 KiB, ") + name, codec, small);
    MeasureMerge(run, std::string("merge into 1 MiB, ") + name, codec, 8 * small);
  }
}

}  // namespace longhaul::bench
