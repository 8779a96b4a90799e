// Record batches as a Fetch response contains them: walks over them, classifies them and patches
// their header. Nothing here reads a record. DefaultRecordBatch.java (magic 2) and
// LegacyRecord.java (magic 0 and 1) of Apache Kafka are the reference for the layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "contract/contract.generated.h"

namespace longhaul {

// --- big-endian access; memcpy because a batch may lie at any address ---

inline uint16_t LoadU16(const uint8_t* at) {
  uint16_t value;
  std::memcpy(&value, at, sizeof(value));
  return __builtin_bswap16(value);
}
inline uint32_t LoadU32(const uint8_t* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof(value));
  return __builtin_bswap32(value);
}
inline uint64_t LoadU64(const uint8_t* at) {
  uint64_t value;
  std::memcpy(&value, at, sizeof(value));
  return __builtin_bswap64(value);
}
inline int16_t LoadI16(const uint8_t* at) { return static_cast<int16_t>(LoadU16(at)); }
inline int32_t LoadI32(const uint8_t* at) { return static_cast<int32_t>(LoadU32(at)); }
inline int64_t LoadI64(const uint8_t* at) { return static_cast<int64_t>(LoadU64(at)); }

inline void StoreU16(uint8_t* at, uint16_t value) {
  value = __builtin_bswap16(value);
  std::memcpy(at, &value, sizeof(value));
}
inline void StoreU32(uint8_t* at, uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(at, &value, sizeof(value));
}
inline void StoreU64(uint8_t* at, uint64_t value) {
  value = __builtin_bswap64(value);
  std::memcpy(at, &value, sizeof(value));
}
inline void StoreI16(uint8_t* at, int16_t value) { StoreU16(at, static_cast<uint16_t>(value)); }
inline void StoreI32(uint8_t* at, int32_t value) { StoreU32(at, static_cast<uint32_t>(value)); }
inline void StoreI64(uint8_t* at, int64_t value) { StoreU64(at, static_cast<uint64_t>(value)); }

// --- layout ---

constexpr size_t kLogOverhead = 12;  // baseOffset and length, in front of every magic
constexpr size_t kMagicOffset = 16;
constexpr size_t kRecordBatchHeaderSize = 61;

// Positions in a magic 2 header.
constexpr size_t kLengthOffset = 8;
constexpr size_t kLeaderEpochOffset = 12;
constexpr size_t kCrcOffset = 17;
constexpr size_t kAttributesOffset = 21;  // the CRC covers from here to the end
constexpr size_t kLastOffsetDeltaOffset = 23;
constexpr size_t kBaseTimestampOffset = 27;
constexpr size_t kMaxTimestampOffset = 35;
constexpr size_t kProducerIdOffset = 43;
constexpr size_t kProducerEpochOffset = 51;
constexpr size_t kBaseSequenceOffset = 53;
constexpr size_t kRecordCountOffset = 57;

// Positions in a magic 0 or 1 entry (offset, size, then one message).
constexpr size_t kLegacyCrcOffset = 12;
constexpr size_t kLegacyAttributesOffset = 17;
constexpr size_t kLegacyTimestampOffset = 18;  // magic 1 only
constexpr size_t kLegacyHeaderSizeV0 = 18;     // up to the key length
constexpr size_t kLegacyHeaderSizeV1 = 26;

constexpr uint16_t kCodecMask = 0x07;
constexpr uint16_t kLogAppendTimeBit = 0x08;
constexpr uint16_t kTransactionalBit = 0x10;
constexpr uint16_t kControlBit = 0x20;
constexpr uint16_t kDeleteHorizonBit = 0x40;

// The values are those of the attributes. 5 to 7 name no codec yet, but can occur in hostile bytes.
enum class Codec : uint8_t { kNone, kGzip, kSnappy, kLz4, kZstd };
// The name as in compression.type.
const char* CodecName(Codec codec);

// Reads a header in place. The bytes must have been checked by a BatchWalker, or written by the
// caller.
//
// Works for entries of magic 0 and 1, too: they have no producer and no epoch; all their offsets
// are the one stored offset (for a compressed wrapper that of its *last* record); and
// record_count() of a wrapper is -1, because it is known only after inflating.
class RecordBatchView {
 public:
  RecordBatchView() = default;  // points nowhere until a BatchWalker sets it
  explicit RecordBatchView(const uint8_t* data) : data_(data) {}

  const uint8_t* data() const { return data_; }
  int64_t base_offset() const { return LoadI64(data_); }
  size_t size() const { return kLogOverhead + LoadU32(data_ + kLengthOffset); }
  int8_t magic() const { return static_cast<int8_t>(data_[kMagicOffset]); }
  bool is_legacy() const { return magic() < 2; }

  int32_t leader_epoch() const { return is_legacy() ? -1 : LoadI32(data_ + kLeaderEpochOffset); }
  uint32_t crc() const { return LoadU32(data_ + (is_legacy() ? kLegacyCrcOffset : kCrcOffset)); }
  uint16_t attributes() const {
    return is_legacy() ? data_[kLegacyAttributesOffset] : LoadU16(data_ + kAttributesOffset);
  }
  Codec codec() const { return static_cast<Codec>(attributes() & kCodecMask); }
  bool has_log_append_time() const {
    return magic() != 0 && (attributes() & kLogAppendTimeBit) != 0;
  }
  bool is_transactional() const { return has_v2_bit(kTransactionalBit); }
  bool is_control() const { return has_v2_bit(kControlBit); }
  // KIP-534: base_timestamp() is then the delete horizon. Record timestamps are deltas to that
  // field all the same, so only the log cleaner of the source has to treat such a batch
  // differently.
  bool has_delete_horizon() const { return has_v2_bit(kDeleteHorizonBit); }

  int32_t last_offset_delta() const {
    return is_legacy() ? 0 : LoadI32(data_ + kLastOffsetDeltaOffset);
  }
  int64_t last_offset() const {  // unsigned: hostile headers must wrap, not overflow
    return static_cast<int64_t>(static_cast<uint64_t>(base_offset()) +
                                static_cast<uint64_t>(int64_t{last_offset_delta()}));
  }
  int64_t base_timestamp() const {
    return is_legacy() ? legacy_timestamp() : LoadI64(data_ + kBaseTimestampOffset);
  }
  int64_t max_timestamp() const {
    return is_legacy() ? legacy_timestamp() : LoadI64(data_ + kMaxTimestampOffset);
  }
  int64_t producer_id() const { return is_legacy() ? -1 : LoadI64(data_ + kProducerIdOffset); }
  int16_t producer_epoch() const {
    return is_legacy() ? int16_t{-1} : LoadI16(data_ + kProducerEpochOffset);
  }
  int32_t base_sequence() const { return is_legacy() ? -1 : LoadI32(data_ + kBaseSequenceOffset); }
  int32_t record_count() const {
    if (is_legacy()) return codec() == Codec::kNone ? 1 : -1;
    return LoadI32(data_ + kRecordCountOffset);
  }

 private:
  bool has_v2_bit(uint16_t bit) const { return !is_legacy() && (attributes() & bit) != 0; }
  int64_t legacy_timestamp() const {
    return magic() == 0 ? -1 : LoadI64(data_ + kLegacyTimestampOffset);
  }

  const uint8_t* data_ = nullptr;
};

// Steps through the batches of one partition of a Fetch response. The bytes are not trusted: each
// batch that it returns is inside them and has a complete header, and its offsets do not overflow.
class BatchWalker {
 public:
  enum class Step : uint8_t {
    kBatch,
    kEnd,        // nothing left, or a last batch that is cut by the byte limit: normal in a Fetch
    kMalformed,  // the bytes that follow are no batch; the walker stays here
  };

  BatchWalker(const uint8_t* data, size_t length) : at_(data), left_(length) {}

  Step Next(RecordBatchView* out);

  // After an uncompressed entry of magic 0 or 1: steps over the entries of the same kind that
  // follow, as long as all of them together have at most `bytes_max` bytes and none begins after
  // `base_offset_max`. On entry *size and *last_offset are those of the first entry, afterwards
  // those of the run.
  void ExtendLegacyRun(size_t bytes_max, int64_t base_offset_max, size_t* size,
                       int64_t* last_offset);

  size_t left() const { return left_; }  // bytes; after kEnd the bytes of a cut batch

 private:
  bool IsUncompressedLegacy(size_t size) const;

  const uint8_t* at_;
  size_t left_;
};

enum class BatchAction : uint8_t { kPassThrough, kReencode, kDrop };

// What is not in the header.
struct BatchContext {
  int64_t wanted_offset = 0;    // records below it have been mirrored already
  bool aborted = false;         // its transaction is in the response's aborted list
  bool looped = false;          // its producer id is that of an inbound flow of the same pair
  int32_t batch_bytes_max = 0;  // max.message.bytes of the target topic; 0 = unknown
  bool keep_producer_timestamps = false;
  bool codec_refused = false;  // the target does not accept its codec
};

struct BatchClass {
  BatchAction action;
  BatchReason reason;

  bool operator==(const BatchClass&) const = default;
};

BatchClass Classify(const RecordBatchView& batch, const BatchContext& context);

// Patches a magic 2 batch so that it can be produced: baseOffset 0, leader epoch -1, our producer
// fields, no transactional, timestamp-type or delete-horizon bit. The CRC is corrected by
// linearity; a payload that was damaged before can still be detected, because the CRC keeps its
// (wrong) contribution. `size` is the size() of the batch.
void PatchHeader(uint8_t* batch, size_t size, int64_t producer_id, int16_t producer_epoch,
                 int32_t base_sequence);

// Crc32cRaw of the bytes after the header of a magic 2 batch, computed from its stored CRC without
// reading those bytes. Two batches with equal size and equal PayloadCrc carry the same records.
uint32_t PayloadCrc(const RecordBatchView& batch);

// Recomputes the CRC of a magic 2 batch over all its bytes.
bool CrcMatches(const RecordBatchView& batch);

}  // namespace longhaul
