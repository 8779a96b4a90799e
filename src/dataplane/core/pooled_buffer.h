// A buffer in a block of the pool, for bytes that a lane keeps. Its footprint is what it occupies.
// A vector may occupy many times its size, because it has grown before it shrank.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

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

// A batch waits in its queue for as long as its target broker does not answer. The vector in which
// it was encoded has held its records before they were compressed, and may be many times as large.
inline BufferRef CopyToPool(const std::vector<uint8_t>& bytes) {
  auto copy = std::make_shared<PooledBuffer>(bytes.size());
  std::copy_n(bytes.data(), bytes.size(), copy->data());
  return copy;
}

}  // namespace longhaul
