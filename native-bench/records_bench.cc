// What a resume costs: it decodes the last batches of source and target and compares digests of
// their records. And what each acknowledged batch costs in the offset map.
#include <string>
#include <vector>

#include "bench.h"
#include "core/decoded_batch.h"
#include "core/offset_spans.h"
#include "core/record_digest.h"
#include "kafka/codecs.h"
#include "sample_batch.h"

namespace longhaul::bench {
namespace {

void DigestBench(Run& run, Codec codec, const char* name) {
  const std::vector<uint8_t> batch = SampleBatch({.codec = codec});
  const KafkaCodecs codecs;
  const double each = run.Measure([&] {
    DecodedBatch decoded;
    const BatchSpan span(RecordBatchView(batch.data()));
    uint64_t sum = 0;
    if (!DecodedBatch::Open(span, size_t{1} << 20, false, codecs, &decoded).ok()) return sum;
    RecordCursor cursor = decoded.begin();
    RecordSlice record;
    while (cursor.Next(&record) == RecordCursor::Step::kRecord)
      sum = sum * 31 + DigestOf(record).content;
    return sum;
  });
  run.ReportRate(std::string("decode and digest, ") + name, each, SampleOptions{}.payload_bytes);
}

// Batches without gaps join the last span. Each gap (a compacted log) begins another.
void SpansBench(Run& run, const char* name, int64_t gap) {
  constexpr int64_t kBatches = 1'000;
  const double each = run.Measure([&] {
    OffsetSpans spans;
    for (int64_t batch = 0; batch < kBatches; ++batch)
      spans.Add(batch * (100 + gap), batch * 100, 100);
    return spans.spans().size();
  });
  run.Report(std::string("offset spans, ") + name, each / kBatches, "ns/batch");
}

}  // namespace

void RecordsBench(Run& run) {
  DigestBench(run, Codec::kNone, "none");
  DigestBench(run, Codec::kLz4, "lz4");
  DigestBench(run, Codec::kZstd, "zstd");
  SpansBench(run, "no gaps", 0);
  SpansBench(run, "gaps", 3);
}

}  // namespace longhaul::bench
