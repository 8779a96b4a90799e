// The contexts of gzip, snappy and zstd, which each thread keeps for its next batch. To set one up
// costs as much as a small batch, and those of zstd have some MB, which malloc would return to the
// kernel after each batch: half of the CPU of re-encoding was page faults.
//
// Each function returns a context that is ready for another batch, whatever the batch before did to
// it; nullptr: there is no memory.
#pragma once

#include <sys/uio.h>
#include <zlib.h>
#include <zstd.h>

#include <memory>

extern "C" {
#include <snappy.h>
}

namespace longhaul {

template <int (*Open)(z_stream*), int (*Reset)(z_stream*), int (*End)(z_stream*)>
class ZlibContext {
 public:
  ZlibContext() = default;
  ZlibContext(const ZlibContext&) = delete;
  ZlibContext& operator=(const ZlibContext&) = delete;
  ~ZlibContext() {
    if (is_open_) End(&stream_);
  }
  z_stream* Restart() {
    const int result = is_open_ ? Reset(&stream_) : Open(&stream_);
    is_open_ |= result == Z_OK;
    return result == Z_OK ? &stream_ : nullptr;
  }

 private:
  z_stream stream_{};
  bool is_open_ = false;
};

inline int OpenInflate(z_stream* stream) {
  constexpr int kAnyHeader = 15 + 32;  // largest window; zlib or gzip header, as librdkafka accepts
  return inflateInit2(stream, kAnyHeader);
}
inline z_stream* GzipDecoder() {
  thread_local ZlibContext<OpenInflate, inflateReset, inflateEnd> context;
  return context.Restart();
}

inline int OpenDeflate(z_stream* stream) {
  constexpr int kGzipHeader = 15 + 16;
  constexpr int kMemoryLevel = 8;  // zlib's default
  return deflateInit2(stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipHeader, kMemoryLevel,
                      Z_DEFAULT_STRATEGY);
}
inline z_stream* GzipEncoder() {
  thread_local ZlibContext<OpenDeflate, deflateReset, deflateEnd> context;
  return context.Restart();
}

struct FreeCodecContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(snappy_env* context) const {
    rd_kafka_snappy_free_env(context);
    delete context;
  }
};
template <typename Context>
using CodecContext = std::unique_ptr<Context, FreeCodecContext>;

inline snappy_env* SnappyEncoder() {
  thread_local CodecContext<snappy_env> context;
  if (context == nullptr) {
    auto created = std::make_unique<snappy_env>();
    if (rd_kafka_snappy_init_env(created.get()) == 0) context.reset(created.release());
  }
  return context.get();
}

inline ZSTD_DCtx* ZstdDecoder() {
  thread_local CodecContext<ZSTD_DCtx> context;
  if (context == nullptr) context.reset(ZSTD_createDCtx());
  if (context != nullptr) ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_only);
  return context.get();
}

inline ZSTD_CCtx* ZstdEncoder() {
  thread_local CodecContext<ZSTD_CCtx> context;
  if (context == nullptr) context.reset(ZSTD_createCCtx());
  return context.get();
}

}  // namespace longhaul
