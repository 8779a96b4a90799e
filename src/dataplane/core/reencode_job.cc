#include "core/reencode_job.h"

#include <algorithm>
#include <memory>

#include "core/pooled_buffer.h"

namespace longhaul {

// A batch waits in its queue for as long as its target broker does not answer. The vector in which
// it was encoded has held its records before they were compressed, and may be many times as large.
void ReencodeJob::Run(const CompressionCodecs& codecs) {
  status = Reencode(span.first.data(), span.size, wanted_offset, limits, codecs, &encoded);
  for (EncodedBatch& batch : encoded) {
    const std::vector<uint8_t> bytes = std::exchange(batch.bytes, {});
    if (bytes.empty()) continue;
    auto kept = std::make_shared<PooledBuffer>(bytes.size());
    std::copy_n(bytes.data(), bytes.size(), kept->data());
    kept_.push_back(std::move(kept));
  }
}

void ReencodeJob::Hold(MemoryAccount* memory) {
  for (BufferRef& buffer : kept_) held.push_back(memory->Hold(std::move(buffer)));
  kept_.clear();
}

}  // namespace longhaul
