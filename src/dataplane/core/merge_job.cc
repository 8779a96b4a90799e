#include "core/merge_job.h"

#include <numeric>
#include <utility>

#include "core/pooled_buffer.h"

namespace longhaul {
namespace {

size_t BytesOf(const std::vector<MergeJob::Part>& parts) {
  return std::accumulate(
      parts.begin(), parts.end(), size_t{0},
      [](size_t sum, const auto& part) { return sum + part.batch.batch.size(); });
}

}  // namespace

MergeJob::MergeJob(uint32_t partition_id, std::vector<Part> batches,
                   const MergeLimits& merge_limits, MemoryAccount* memory)
    : EncodeJob(partition_id, BytesOf(batches)),
      parts_(std::move(batches)),
      limits_(merge_limits),
      reserved_(memory->Count(static_cast<int64_t>(bytes_in))) {
  for (const Part& part : parts_) part.buffer->in_flight++;
}

MergeJob::~MergeJob() {
  for (const Part& part : parts_) part.buffer->in_flight--;
}

void MergeJob::Run(const CompressionCodecs& codecs) {
  std::vector<MergePart> batches;
  batches.reserve(parts_.size());
  for (const Part& part : parts_) batches.push_back(part.batch);
  merged = MergeBatches(batches, limits_, codecs, &encoded);
  const std::vector<uint8_t> bytes = std::exchange(encoded.bytes, {});
  if (merged > 0) kept_ = CopyToPool(bytes);
}

void MergeJob::Hold(MemoryAccount* memory) {
  if (merged > 0) held = memory->Hold(std::move(kept_));
}

}  // namespace longhaul
