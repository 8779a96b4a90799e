#include "core/reencode_job.h"

#include <utility>
#include <vector>

#include "core/pooled_buffer.h"

namespace longhaul {

void ReencodeJob::Run(const CompressionCodecs& codecs) {
  status = Reencode(span.first.data(), span.size, wanted_offset, limits, codecs, &encoded);
  for (EncodedBatch& batch : encoded) {
    const std::vector<uint8_t> bytes = std::exchange(batch.bytes, {});
    if (!bytes.empty()) kept_.push_back(CopyToPool(bytes));
  }
}

void ReencodeJob::Hold(MemoryAccount* memory) {
  for (BufferRef& buffer : kept_) held.push_back(memory->Hold(std::move(buffer)));
  kept_.clear();
}

}  // namespace longhaul
