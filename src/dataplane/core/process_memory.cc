#include "core/process_memory.h"

#include <malloc.h>

#include <string>

#include "contract/contract.generated.h"

namespace longhaul {
namespace {

// The order matters. Each of the last two calls disables the adaptive mmap threshold: if
// M_MMAP_THRESHOLD were refused and M_TRIM_THRESHOLD still set, every large buffer would be mapped
// separately.
Status SetMalloc() {
  if (mallopt(M_ARENA_MAX, kArenas) == 0)
    return Status::Error(kErrorInvalidArgument, "malloc refused M_ARENA_MAX " +
                                                    std::to_string(kArenas) +
                                                    ": each thread keeps freed memory");
  if (mallopt(M_MMAP_THRESHOLD, static_cast<int>(kUnmappedBytes)) == 0)
    return Status::Error(kErrorInvalidArgument,
                         "malloc refused M_MMAP_THRESHOLD " + std::to_string(kUnmappedBytes) +
                             ": re-encoded batches are mapped anew, which costs CPU");
  if (mallopt(M_TRIM_THRESHOLD, static_cast<int>(kKeptFreeBytes)) == 0)
    return Status::Error(kErrorInvalidArgument, "malloc refused M_TRIM_THRESHOLD " +
                                                    std::to_string(kKeptFreeBytes) +
                                                    ": freed memory goes back at once");
  return Status::Ok();
}

}  // namespace

const Status& LimitFreedMemory() {
  static const Status status = SetMalloc();
  return status;
}

}  // namespace longhaul
