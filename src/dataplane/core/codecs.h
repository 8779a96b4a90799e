// The codecs as the re-encode path sees them. The implementation is in kafka/, because it uses
// codecs that librdkafka bundles; core/ does not depend on librdkafka.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/record_batch.h"
#include "core/status.h"

namespace longhaul {

// Both functions replace *out; after an error its content is unspecified. Input is not trusted.
class CompressionCodecs {
 public:
  virtual ~CompressionCodecs() = default;

  // Returns kErrorBatchDecodedTooLarge if there are more than max_out decoded bytes, and never
  // holds more than about twice max_out. Returns kErrorCodecFailed if the input is cut or damaged.
  virtual Status Decompress(Codec codec, const uint8_t* in, size_t length, size_t max_out,
                            std::vector<uint8_t>* out) const = 0;

  // In the framing that Kafka's Java client reads.
  virtual Status Compress(Codec codec, const uint8_t* in, size_t length,
                          std::vector<uint8_t>* out) const = 0;
};

}  // namespace longhaul
