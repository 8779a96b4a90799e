#include "kafka/codecs.h"

#include <lz4frame.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

#include "contract/contract.generated.h"
#include "kafka/codec_contexts.h"

extern "C" {
#include <rdxxhash.h>
}

namespace longhaul {
namespace {

Status Failed(const char* codec, const char* what) {
  return Status::Error(kErrorCodecFailed, std::string(codec) + ": " + what);
}

Status Cut(const char* codec) { return Failed(codec, "input ends in the middle of a frame"); }

// zlib counts in unsigned int; a record batch is below 2^31 bytes anyway.
constexpr size_t kInputMax = std::numeric_limits<int32_t>::max();

// Grows by doubling from a guess up to the bound plus one byte. The extra byte distinguishes
// "exactly at the bound" from "over it", without knowing how each codec reports a full output.
class BoundedOutput {
 public:
  BoundedOutput(std::vector<uint8_t>* out, size_t max, size_t guess)
      : out_(out), max_(std::min(max, std::numeric_limits<size_t>::max() - 1)) {
    out_->clear();
    out_->resize(std::clamp(guess, std::min(kSmallest, max_ + 1), max_ + 1));
  }

  uint8_t* next() { return out_->data() + used_; }
  size_t room() const { return out_->size() - used_; }
  void Produced(size_t bytes) { used_ += bytes; }

  // Makes room() > 0, or returns an error if the bound is exceeded.
  Status Grow() {
    if (room() > 0) return Status::Ok();
    if (used_ > max_) return TooLarge(max_);
    out_->resize(out_->size() > max_ / 2 ? max_ + 1 : out_->size() * 2);
    return Status::Ok();
  }

  Status Finish() {
    if (used_ > max_) return TooLarge(max_);
    out_->resize(used_);
    return Status::Ok();
  }

  static Status TooLarge(size_t max) {
    return Status::Error(kErrorBatchDecodedTooLarge,
                         "decodes to more than " + std::to_string(max) + " bytes");
  }

 private:
  static constexpr size_t kSmallest = 4096;

  std::vector<uint8_t>* out_;
  size_t max_;
  size_t used_ = 0;
};

size_t GuessDecoded(size_t length) { return length > kInputMax ? length : length * 4; }

// --- gzip ---

Status DecompressGzip(const uint8_t* in, size_t length, size_t max_out, std::vector<uint8_t>* out) {
  z_stream* const stream = GzipDecoder();
  if (stream == nullptr) return Failed("gzip", "no memory");
  stream->next_in = const_cast<uint8_t*>(in);
  stream->avail_in = static_cast<uInt>(length);
  BoundedOutput output(out, max_out, GuessDecoded(length));
  for (;;) {
    if (Status status = output.Grow(); !status.ok()) return status;
    const auto room =
        static_cast<uInt>(std::min<size_t>(output.room(), std::numeric_limits<uInt>::max()));
    stream->next_out = output.next();
    stream->avail_out = room;
    const int result = inflate(stream, Z_NO_FLUSH);
    output.Produced(room - stream->avail_out);
    if (result == Z_STREAM_END) {
      if (stream->avail_in == 0) return output.Finish();
      // Java's GZIPInputStream accepts several members in a row, so this reader must, too.
      if (inflateReset(stream) != Z_OK) return Failed("gzip", "cannot start the next member");
      continue;
    }
    if (result != Z_OK && result != Z_BUF_ERROR) {
      return Failed("gzip", stream->msg != nullptr ? stream->msg : "damaged input");
    }
    if (stream->avail_out > 0) return Cut("gzip");
  }
}

Status CompressGzip(const uint8_t* in, size_t length, std::vector<uint8_t>* out) {
  z_stream* const stream = GzipEncoder();
  if (stream == nullptr) return Failed("gzip", "no memory");
  out->resize(deflateBound(stream, length));
  stream->next_in = const_cast<uint8_t*>(in);
  stream->avail_in = static_cast<uInt>(length);
  stream->next_out = out->data();
  stream->avail_out = static_cast<uInt>(out->size());
  if (deflate(stream, Z_FINISH) != Z_STREAM_END) return Failed("gzip", "cannot compress");
  out->resize(stream->total_out);
  return Status::Ok();
}

// --- snappy ---
//
// Java writes the "xerial" framing: a 16-byte header, then chunks, each of a big-endian length and
// a bare snappy block. Other clients write one bare block. Readers distinguish them by the header.

constexpr uint8_t kXerialHeader[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
constexpr size_t kXerialMagicSize = 8;   // the two versions after it are not checked, as in Java
constexpr size_t kXerialBlock = 32'768;  // what Java's SnappyOutputStream cuts its input into

// No element of a snappy block expands three bytes to more than 64 (a copy with two offset bytes).
// A block that claims more is invalid: refuse it before memory is allocated for the claim.
constexpr size_t kSnappyRatioMax = 64;

bool HasXerialHeader(const uint8_t* in, size_t length) {
  return length >= sizeof(kXerialHeader) && std::memcmp(in, kXerialHeader, kXerialMagicSize) == 0;
}

Status AppendSnappyBlock(const uint8_t* in, size_t length, size_t max_out,
                         std::vector<uint8_t>* out) {
  const auto* block = reinterpret_cast<const char*>(in);
  size_t decoded = 0;
  if (!rd_kafka_snappy_uncompressed_length(block, length, &decoded) ||
      decoded / kSnappyRatioMax > length) {
    return Failed("snappy", "bad length in front of a block");
  }
  if (decoded > max_out - out->size()) return BoundedOutput::TooLarge(max_out);
  const size_t start = out->size();
  out->resize(start + decoded);
  // An empty block still has to be checked, but not with a null pointer as its output.
  char nothing = 0;
  char* to = decoded == 0 ? &nothing : reinterpret_cast<char*>(out->data() + start);
  if (rd_kafka_snappy_uncompress(block, length, to) != 0) return Failed("snappy", "damaged block");
  return Status::Ok();
}

Status DecompressSnappy(const uint8_t* in, size_t length, size_t max_out,
                        std::vector<uint8_t>* out) {
  out->clear();
  if (!HasXerialHeader(in, length)) return AppendSnappyBlock(in, length, max_out, out);
  out->reserve(std::min(max_out, GuessDecoded(length)));
  while (length > 0) {
    if (HasXerialHeader(in, length)) {  // several streams in a row, as Java accepts
      in += sizeof(kXerialHeader);
      length -= sizeof(kXerialHeader);
      continue;
    }
    if (length < sizeof(uint32_t)) return Cut("snappy");
    const size_t chunk = LoadU32(in);
    in += sizeof(uint32_t);
    length -= sizeof(uint32_t);
    if (chunk > length) return Cut("snappy");
    if (Status status = AppendSnappyBlock(in, chunk, max_out, out); !status.ok()) return status;
    in += chunk;
    length -= chunk;
  }
  return Status::Ok();
}

Status CompressSnappy(const uint8_t* in, size_t length, std::vector<uint8_t>* out) {
  snappy_env* const environment = SnappyEncoder();
  if (environment == nullptr) return Failed("snappy", "no memory");
  // The library's worst case does not include the length that it writes first. Without room for
  // both, it uses a scratch buffer, which only scatter-gather environments have.
  constexpr size_t kBlockLengthMax = 5;
  const size_t chunk_max =
      sizeof(uint32_t) + kBlockLengthMax + rd_kafka_snappy_max_compressed_length(kXerialBlock);
  out->resize(sizeof(kXerialHeader) + (length / kXerialBlock + 1) * chunk_max);
  std::memcpy(out->data(), kXerialHeader, sizeof(kXerialHeader));
  size_t used = sizeof(kXerialHeader);
  for (size_t at = 0; at < length; at += kXerialBlock) {
    iovec from{const_cast<uint8_t*>(in) + at, std::min(kXerialBlock, length - at)};
    iovec to{out->data() + used + sizeof(uint32_t), chunk_max - sizeof(uint32_t)};
    if (rd_kafka_snappy_compress_iov(environment, &from, 1, from.iov_len, &to) != 0) {
      return Failed("snappy", "cannot compress");
    }
    StoreU32(out->data() + used, static_cast<uint32_t>(to.iov_len));
    used += sizeof(uint32_t) + to.iov_len;
  }
  out->resize(used);
  return Status::Ok();
}

// --- lz4 ---

constexpr uint8_t kLz4Magic[] = {0x04, 0x22, 0x4d, 0x18};
constexpr size_t kLz4HeaderMax =
    19;  // magic, flags, block descriptor, content size, dictionary, sum

// Clients before 0.10 included the magic in the header checksum (KAFKA-3160). If the input begins
// with such a header, writes the corrected one to `header` and returns its size; otherwise returns
// 0.
size_t CorrectBrokenLz4Header(const uint8_t* in, size_t length, uint8_t* header) {
  constexpr size_t kDescriptor = sizeof(kLz4Magic);
  if (length < kDescriptor + 3 || std::memcmp(in, kLz4Magic, sizeof(kLz4Magic)) != 0) return 0;
  const bool has_content_size = (in[kDescriptor] & 0x08) != 0;
  const size_t sum = kDescriptor + 2 + (has_content_size ? 8 : 0);
  if (sum >= length) return 0;
  const auto second_byte = [](uint32_t hash) { return static_cast<uint8_t>(hash >> 8); };
  const uint8_t proper = second_byte(XXH32(in + kDescriptor, sum - kDescriptor, 0));
  if (in[sum] == proper || in[sum] != second_byte(XXH32(in, sum, 0))) return 0;
  std::memcpy(header, in, sum);
  header[sum] = proper;
  return sum + 1;
}

struct FreeLz4Decoder {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};

// A context for each batch: LZ4F_resetDecompressionContext keeps the size that the last frame had
// still to decode. After a frame that was damaged, cut or too large, each further frame would fail
// with ERROR_frameSize_wrong.
Status DecompressLz4(const uint8_t* in, size_t length, size_t max_out, std::vector<uint8_t>* out) {
  LZ4F_dctx* created = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&created, LZ4F_VERSION)))
    return Failed("lz4", "no memory");
  const std::unique_ptr<LZ4F_dctx, FreeLz4Decoder> context(created);
  BoundedOutput output(out, max_out, GuessDecoded(length));
  uint8_t header[kLz4HeaderMax];
  if (const size_t corrected = CorrectBrokenLz4Header(in, length, header); corrected != 0) {
    size_t produced = 0;
    size_t consumed = corrected;
    const size_t result =
        LZ4F_decompress(context.get(), nullptr, &produced, header, &consumed, nullptr);
    if (LZ4F_isError(result) || consumed != corrected) return Failed("lz4", "bad frame header");
    in += corrected;
    length -= corrected;
  }
  for (;;) {
    if (Status status = output.Grow(); !status.ok()) return status;
    size_t produced = output.room();
    size_t consumed = length;
    const size_t result =
        LZ4F_decompress(context.get(), output.next(), &produced, in, &consumed, nullptr);
    if (LZ4F_isError(result)) return Failed("lz4", LZ4F_getErrorName(result));
    output.Produced(produced);
    in += consumed;
    length -= consumed;
    if (result == 0 && length == 0) return output.Finish();
    if (length == 0 && output.room() > 0) return Cut("lz4");
  }
}

Status CompressLz4(const uint8_t* in, size_t length, std::vector<uint8_t>* out) {
  // Java's reader refuses blocks that depend on each other; 64 KiB is what Java writes.
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  out->resize(LZ4F_compressFrameBound(length, &preferences));
  const size_t size = LZ4F_compressFrame(out->data(), out->size(), in, length, &preferences);
  if (LZ4F_isError(size)) return Failed("lz4", LZ4F_getErrorName(size));
  out->resize(size);
  return Status::Ok();
}

// --- zstd ---

Status DecompressZstd(const uint8_t* in, size_t length, size_t max_out, std::vector<uint8_t>* out) {
  ZSTD_DCtx* const context = ZstdDecoder();
  if (context == nullptr) return Failed("zstd", "no memory");
  // Streaming clients do not write the size. libzstd limits the window of a frame to 128 MiB, as
  // Java does.
  const unsigned long long stated = ZSTD_getFrameContentSize(in, length);
  const bool known = stated != ZSTD_CONTENTSIZE_UNKNOWN && stated != ZSTD_CONTENTSIZE_ERROR;
  if (known && stated > max_out) return BoundedOutput::TooLarge(max_out);
  // The size in the frame is not trusted: it only saves growth steps if it is plausible.
  const size_t guess = GuessDecoded(length);
  BoundedOutput output(out, max_out, known ? std::min<size_t>(stated + 1, guess * 16) : guess);
  ZSTD_inBuffer input{in, length, 0};
  for (;;) {
    if (Status status = output.Grow(); !status.ok()) return status;
    ZSTD_outBuffer to{output.next(), output.room(), 0};
    const size_t result = ZSTD_decompressStream(context, &to, &input);
    if (ZSTD_isError(result)) return Failed("zstd", ZSTD_getErrorName(result));
    output.Produced(to.pos);
    if (result == 0 && input.pos == length) return output.Finish();
    if (input.pos == length && output.room() > 0) return Cut("zstd");
  }
}

Status CompressZstd(const uint8_t* in, size_t length, std::vector<uint8_t>* out) {
  constexpr int kLevel = 3;  // Kafka's default
  out->resize(ZSTD_compressBound(length));
  ZSTD_CCtx* const context = ZstdEncoder();
  if (context == nullptr) return Failed("zstd", "no memory");
  const size_t size = ZSTD_compressCCtx(context, out->data(), out->size(), in, length, kLevel);
  if (ZSTD_isError(size)) return Failed("zstd", ZSTD_getErrorName(size));
  out->resize(size);
  return Status::Ok();
}

Status Unsupported(Codec codec) {
  return Status::Error(kErrorCodecUnsupported,
                       "codec " + std::to_string(static_cast<int>(codec)) + " is not known");
}

}  // namespace

Status KafkaCodecs::Decompress(Codec codec, const uint8_t* in, size_t length, size_t max_out,
                               std::vector<uint8_t>* out) const {
  if (length == 0 && codec != Codec::kNone) return Failed("codec", "no input");
  if (length > kInputMax) return Failed("codec", "input over 2 GiB");
  switch (codec) {
    case Codec::kNone:
      if (length > max_out) return BoundedOutput::TooLarge(max_out);
      out->assign(in, in + length);
      return Status::Ok();
    case Codec::kGzip:
      return DecompressGzip(in, length, max_out, out);
    case Codec::kSnappy:
      return DecompressSnappy(in, length, max_out, out);
    case Codec::kLz4:
      return DecompressLz4(in, length, max_out, out);
    case Codec::kZstd:
      return DecompressZstd(in, length, max_out, out);
  }
  return Unsupported(codec);
}

Status KafkaCodecs::Compress(Codec codec, const uint8_t* in, size_t length,
                             std::vector<uint8_t>* out) const {
  if (length > kInputMax) return Failed("codec", "input over 2 GiB");
  switch (codec) {
    case Codec::kNone:
      out->assign(in, in + length);
      return Status::Ok();
    case Codec::kGzip:
      return CompressGzip(in, length, out);
    case Codec::kSnappy:
      return CompressSnappy(in, length, out);
    case Codec::kLz4:
      return CompressLz4(in, length, out);
    case Codec::kZstd:
      return CompressZstd(in, length, out);
  }
  return Unsupported(codec);
}

}  // namespace longhaul
