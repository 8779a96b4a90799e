// The cost of passing a batch through: the walk over its header and the patch. Over large batches,
// the walk costs one cache miss for each header; the cost of the patch must not depend on the size.
#include "core/record_batch.h"

#include <string>
#include <vector>

#include "bench.h"
#include "core/crc32c.h"
#include "sample_batch.h"

namespace longhaul::bench {
namespace {

void WalkBench(Run& run, size_t batch_bytes) {
  const std::vector<uint8_t> batch = SampleBatch({.payload_bytes = batch_bytes});
  const size_t response_bytes = run.smoke() ? 2 * batch.size() : size_t{32} << 20;
  std::vector<uint8_t> response;
  size_t batches = 0;
  for (; response.size() + batch.size() <= response_bytes; ++batches) {
    response.insert(response.end(), batch.begin(), batch.end());
  }
  const double all = run.Measure([&] {
    BatchWalker walker(response.data(), response.size());
    RecordBatchView view;
    uint64_t passed = 0;
    while (walker.Next(&view) == BatchWalker::Step::kBatch) {
      passed += Classify(view, {}).action == BatchAction::kPassThrough ? 1 : 0;
    }
    return passed;
  });
  run.Report("walk and classify, " + std::to_string(batch.size()) + " B batches",
             all / static_cast<double>(batches), "ns/batch");
}

void PatchBench(Run& run, size_t batch_bytes) {
  std::vector<uint8_t> batch = SampleBatch({.payload_bytes = batch_bytes});
  const std::string label = std::to_string(batch.size()) + " B";
  constexpr int32_t kSequence = 77;  // the same each time, so that work and check sum are, too
  const double patched = run.Measure([&] {
    PatchHeader(batch.data(), batch.size(), 9000, 0, kSequence);
    return RecordBatchView(batch.data()).crc();
  });
  run.Report("patch header and CRC, " + label, patched, "ns/batch");
  const double recomputed = run.Measure([&] {
    StoreI32(&batch[kBaseSequenceOffset], kSequence);
    StoreU32(&batch[kCrcOffset],
             Crc32c(batch.data() + kAttributesOffset, batch.size() - kAttributesOffset));
    return RecordBatchView(batch.data()).crc();
  });
  run.Report("recompute CRC instead, " + label, recomputed, "ns/batch",
             (std::to_string(recomputed / patched) + " times the patch").c_str());
  const double payload = run.Measure([&] { return PayloadCrc(RecordBatchView(batch.data())); });
  run.Report("payload CRC out of the header, " + label, payload, "ns/batch");
}

}  // namespace

void RecordBatchBench(Run& run) {
  for (const size_t size : {1'000, 16'000, 1'000'000}) WalkBench(run, size);
  for (const size_t size : {1'000, 16'000, 1'000'000}) PatchBench(run, size);
}

}  // namespace longhaul::bench
