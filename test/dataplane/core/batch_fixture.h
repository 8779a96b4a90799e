// Batches for tests, built and read by plain code that shares nothing with src/ but the codecs: a
// mistake in the cursor or the encoder cannot cancel itself out here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/codecs.h"
#include "core/record_batch.h"
#include "random.h"

namespace longhaul::test {

using Bytes = std::vector<uint8_t>;

struct TestHeader {
  std::string key;
  std::optional<std::string> value{};

  bool operator==(const TestHeader&) const = default;
};

struct TestRecord {
  int64_t offset = 0;
  int64_t timestamp = -1;
  std::optional<std::string> key{};
  std::optional<std::string> value{};
  std::vector<TestHeader> headers{};

  bool operator==(const TestRecord&) const = default;
};

struct BatchOptions {
  Codec codec = Codec::kNone;
  uint16_t more_attributes = 0;
  std::optional<int64_t> base_offset{};  // of the first record unless compaction took it
  std::optional<int64_t> last_offset{};
  std::optional<int64_t> base_timestamp{};
  std::optional<int64_t> max_timestamp{};
};

Bytes BuildBatch(const std::vector<TestRecord>& records, const BatchOptions& options);

// The records of a magic 2 batch; throws std::runtime_error on anything that is not one.
std::vector<TestRecord> ReadBatch(const Bytes& batch);

Bytes BuildMessage(int8_t magic, const TestRecord& record, uint8_t attributes = 0);

struct WrapperOptions {
  Codec codec = Codec::kGzip;
  bool relative_offsets = true;  // magic 1; magic 0 always stores absolute ones
  bool log_append_time = false;
  int64_t timestamp = -1;
  std::optional<int64_t> offset{};  // that of the last record by default
};

Bytes BuildWrapper(int8_t magic, const std::vector<TestRecord>& records,
                   const WrapperOptions& options);
Bytes BuildWrapperAround(int8_t magic, const Bytes& packed, const WrapperOptions& options);

// Records with null and empty keys, values and headers among them. Offsets ascend from `first`, by
// 1 or, with gaps, as compaction leaves them.
std::vector<TestRecord> RandomRecords(Random& random, size_t count, int64_t first, bool gaps,
                                      size_t value_max = 300);

void SealCrc(Bytes& batch);
Bytes Join(const std::vector<Bytes>& parts);

const CompressionCodecs& Codecs();

inline constexpr Codec kAllCodecs[] = {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4,
                                       Codec::kZstd};

}  // namespace longhaul::test
