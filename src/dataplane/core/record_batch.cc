#include "core/record_batch.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "core/crc32c.h"

namespace longhaul {
namespace {

// PatchHeader may change these bytes that the CRC covers: attributes up to and including
// baseSequence.
constexpr size_t kPatchedEnd = kRecordCountOffset;
constexpr size_t kPatchedBytes = kPatchedEnd - kAttributesOffset;

constexpr uint16_t kClearedBits = kLogAppendTimeBit | kTransactionalBit | kDeleteHorizonBit;

constexpr BatchClass kPass{BatchAction::kPassThrough, BatchReason::kNone};

constexpr BatchClass Drop(BatchReason reason) { return {BatchAction::kDrop, reason}; }
constexpr BatchClass Reencode(BatchReason reason) { return {BatchAction::kReencode, reason}; }

// The smallest entry of each magic: a batch without records; a message with null key and null
// value.
size_t SmallestSize(int8_t magic) {
  if (magic == 2) return kRecordBatchHeaderSize;
  return (magic == 1 ? kLegacyHeaderSizeV1 : kLegacyHeaderSizeV0) + 2 * sizeof(int32_t);
}

bool OffsetsAreSane(const RecordBatchView& batch) {
  const int64_t base = batch.base_offset();
  const int32_t delta = batch.last_offset_delta();
  // Strictly below the maximum, so that the offset after the batch exists, too.
  const bool counted = batch.is_legacy() || batch.record_count() >= 0;
  return counted && base >= 0 && delta >= 0 && base < std::numeric_limits<int64_t>::max() - delta;
}

}  // namespace

const char* CodecName(Codec codec) {
  constexpr const char* kNames[] = {"none", "gzip", "snappy", "lz4", "zstd"};
  const auto index = static_cast<size_t>(codec);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

BatchWalker::Step BatchWalker::Next(RecordBatchView* out) {
  if (left_ < kLogOverhead) return Step::kEnd;
  const int32_t length = LoadI32(at_ + kLengthOffset);
  if (length < 0) return Step::kMalformed;
  const size_t size = kLogOverhead + static_cast<size_t>(length);
  // The smallest size depends on the magic. So a length that cannot hold the magic byte is rejected
  // first; if the response is cut before the magic, the smallest of all entries is the limit.
  if (size < SmallestSize(0)) return Step::kMalformed;
  if (left_ > kMagicOffset) {
    const int8_t magic = static_cast<int8_t>(at_[kMagicOffset]);
    if (magic < 0 || magic > 2 || size < SmallestSize(magic)) return Step::kMalformed;
  }
  if (size > left_) return Step::kEnd;
  const RecordBatchView batch(at_);
  if (!OffsetsAreSane(batch)) return Step::kMalformed;
  at_ += size;
  left_ -= size;
  *out = batch;
  return Step::kBatch;
}

// A run begins with such an entry, which Next has returned.
bool BatchWalker::IsUncompressedLegacy(size_t size) const {
  const RecordBatchView entry(at_ - size);
  return entry.is_legacy() && entry.codec() == Codec::kNone;
}

void BatchWalker::ExtendLegacyRun(size_t bytes_max, int64_t base_offset_max, size_t* size,
                                  int64_t* last_offset) {
  if (!IsUncompressedLegacy(*size)) return;
  for (;;) {
    const BatchWalker before = *this;
    RecordBatchView entry;
    if (Next(&entry) != Step::kBatch || !IsUncompressedLegacy(entry.size()) ||
        *size + entry.size() > bytes_max || entry.base_offset() > base_offset_max ||
        entry.base_offset() <= *last_offset) {
      *this = before;
      return;
    }
    *size += entry.size();
    *last_offset = entry.base_offset();
    base_offset_max = std::max(base_offset_max, *last_offset + 1);
  }
}

BatchClass Classify(const RecordBatchView& batch, const BatchContext& context) {
  if (batch.last_offset() < context.wanted_offset) return Drop(BatchReason::kStale);
  if (batch.is_legacy()) return Reencode(BatchReason::kOldMagic);
  if (batch.is_control()) return Drop(BatchReason::kControl);
  if (batch.record_count() == 0) return Drop(BatchReason::kEmpty);
  if (context.aborted) return Drop(BatchReason::kAborted);
  if (context.looped) return Drop(BatchReason::kLooped);
  if (batch.record_count() != int64_t{batch.last_offset_delta()} + 1) {
    return Reencode(BatchReason::kCompacted);
  }
  if (batch.base_offset() < context.wanted_offset) return Reencode(BatchReason::kMidBatch);
  if (batch.has_log_append_time() && !context.keep_producer_timestamps) {
    return Reencode(BatchReason::kLogAppendTime);
  }
  if (context.codec_refused) return Reencode(BatchReason::kCodec);
  if (context.batch_bytes_max > 0 && batch.size() > static_cast<size_t>(context.batch_bytes_max)) {
    return Reencode(BatchReason::kTooLarge);
  }
  return kPass;
}

void PatchHeader(uint8_t* batch, size_t size, int64_t producer_id, int16_t producer_epoch,
                 int32_t base_sequence) {
  uint8_t difference[kPatchedBytes];
  std::memcpy(difference, batch + kAttributesOffset, kPatchedBytes);

  StoreI64(batch, 0);
  StoreI32(batch + kLeaderEpochOffset, -1);
  StoreU16(batch + kAttributesOffset,
           static_cast<uint16_t>(LoadU16(batch + kAttributesOffset) & ~kClearedBits));
  StoreI64(batch + kProducerIdOffset, producer_id);
  StoreI16(batch + kProducerEpochOffset, producer_epoch);
  StoreI32(batch + kBaseSequenceOffset, base_sequence);

  for (size_t at = 0; at < kPatchedBytes; ++at) difference[at] ^= batch[kAttributesOffset + at];
  const uint32_t change = Crc32cShift(Crc32cRaw(difference, kPatchedBytes), size - kPatchedEnd);
  StoreU32(batch + kCrcOffset, LoadU32(batch + kCrcOffset) ^ change);
}

uint32_t PayloadCrc(const RecordBatchView& batch) {
  // crc = ~(shift(register after the header, n) ^ raw(payload)), n = payload bytes; solved for raw.
  const uint32_t after_header = Crc32cExtend(0xffffffff, batch.data() + kAttributesOffset,
                                             kRecordBatchHeaderSize - kAttributesOffset);
  return ~batch.crc() ^ Crc32cShift(after_header, batch.size() - kRecordBatchHeaderSize);
}

bool CrcMatches(const RecordBatchView& batch) {
  return Crc32c(batch.data() + kAttributesOffset, batch.size() - kAttributesOffset) == batch.crc();
}

}  // namespace longhaul
