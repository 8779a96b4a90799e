// A buffer in a block of the pool, for bytes that a lane keeps. Its footprint is what it occupies.
// A vector may occupy many times its size, because it has grown before it shrank.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/block_pool.h"
#include "core/transport.h"

namespace longhaul {

class PooledBuffer final : public Buffer {
 public:
  explicit PooledBuffer(size_t size)
      : data_(static_cast<uint8_t*>(BlockPool::OfProcess().Allocate(size))), size_(size) {}
  ~PooledBuffer() override { BlockPool::OfProcess().Free(data_); }
  PooledBuffer(const PooledBuffer&) = delete;
  PooledBuffer& operator=(const PooledBuffer&) = delete;
  uint8_t* data() override { return data_; }
  size_t size() const override { return size_; }
  size_t footprint() const override { return BlockPool::Footprint(size_); }

 private:
  uint8_t* const data_;
  const size_t size_;
};

}  // namespace longhaul
