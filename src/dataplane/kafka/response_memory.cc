#include "kafka/response_memory.h"

#include <cstddef>

#include "core/block_pool.h"

extern "C" {
extern void* (*rd_buf_payload_alloc)(size_t size);
extern void (*rd_buf_payload_free)(void* payload);
}

namespace longhaul {

void ReceiveIntoBlockPool() {
  rd_buf_payload_alloc = [](size_t size) { return BlockPool::OfProcess().Allocate(size); };
  rd_buf_payload_free = [](void* payload) { BlockPool::OfProcess().Free(payload); };
}

}  // namespace longhaul
