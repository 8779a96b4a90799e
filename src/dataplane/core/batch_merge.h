// Merges batches of one partition that follow each other into one batch (rebatch). Pure. A record
// keeps its key, value, headers, attributes and timestamp; its offset follows from its place.
//
// A merge is not repeatable: how many batches wait depends on the time. So a batch that was sent
// once is never merged with others, because its broker recognizes it by its first and its last
// sequence; and a resume compares records (seam.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/batch_encoder.h"
#include "core/codecs.h"
#include "core/record_batch.h"

namespace longhaul {

struct MergeLimits {
  size_t bytes_max = 0;          // of the batches as they are, less all headers but one
  size_t decoded_bytes_max = 0;  // of all records together
  size_t batches_max = 0;
};

// A batch of magic 2 whose records have no gaps on the source.
struct MergePart {
  RecordBatchView batch;
  int64_t upstream_first = 0;
};

// Merges the first of `parts` as far as the limits allow, up to a batch of another codec, or up to
// one that cannot be read. Returns how many were merged; 0 if fewer than two can be, and *out is
// then unspecified. The CRC of each part is checked: the merged batch has a CRC of its own, so
// nobody could detect a damaged part later.
size_t MergeBatches(const std::vector<MergePart>& parts, const MergeLimits& limits,
                    const CompressionCodecs& codecs, EncodedBatch* out);

}  // namespace longhaul
