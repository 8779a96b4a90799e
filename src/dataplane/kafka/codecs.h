// gzip, snappy, lz4 and zstd in the framing that Kafka uses, over zlib, libzstd and the snappy and
// lz4 that librdkafka bundles. Each thread keeps the contexts of its codecs, so one instance can
// serve all threads.
#pragma once

#include <vector>

#include "core/codecs.h"

namespace longhaul {

class KafkaCodecs final : public CompressionCodecs {
 public:
  Status Decompress(Codec codec, const uint8_t* in, size_t length, size_t max_out,
                    std::vector<uint8_t>* out) const override;
  Status Compress(Codec codec, const uint8_t* in, size_t length,
                  std::vector<uint8_t>* out) const override;
};

}  // namespace longhaul
