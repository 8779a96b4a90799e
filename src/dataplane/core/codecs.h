// The codecs as the re-encode path sees them. The implementation lives in kafka/, beside the
// library whose bundled codecs it uses, so that core/ stays free of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/record_batch.h"
#include "core/status.h"

namespace longhaul {

// Both calls replace *out, and leave it unspecified when they fail. Input is not trusted.
class CompressionCodecs {
 public:
  virtual ~CompressionCodecs() = default;

  // More than max_out decoded bytes: kErrorBatchDecodedTooLarge, having held no more than about
  // twice max_out. Cut or damaged input: kErrorCodecFailed.
  virtual Status Decompress(Codec codec, const uint8_t* in, size_t length, size_t max_out,
                            std::vector<uint8_t>* out) const = 0;

  // In the framing that Kafka's Java client reads.
  virtual Status Compress(Codec codec, const uint8_t* in, size_t length,
                          std::vector<uint8_t>* out) const = 0;
};

}  // namespace longhaul
