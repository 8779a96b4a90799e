// The merge of batches of one partition (batch_merge.h) as a job. Until it is done, its parts stay
// in the queue, and the outbox does not send them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/batch_merge.h"
#include "core/encode_jobs.h"

namespace longhaul {

class MergeJob final : public EncodeJob {
 public:
  struct Part {
    MergePart batch;
    HeldRef buffer;  // holds its bytes
  };

  // The memory that the merged batch needs counts as held from now on.
  MergeJob(uint32_t partition_id, std::vector<Part> batches, const MergeLimits& merge_limits,
           MemoryAccount* memory);
  ~MergeJob() override;

  void Run(const CompressionCodecs& codecs) override;
  void Hold(MemoryAccount* memory) override;

  size_t parts() const { return parts_.size(); }

  // How many of the parts, from the first one on, were merged; 0: none. Then there is no result.
  size_t merged = 0;
  EncodedBatch encoded;  // without its bytes, which are in `held`
  HeldRef held;

 private:
  const std::vector<Part> parts_;
  const MergeLimits limits_;
  const HeldBytes reserved_;
  BufferRef kept_;
};

}  // namespace longhaul
