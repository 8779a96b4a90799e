// How malloc of this process keeps the memory of responses. Process-wide: it holds for node's own
// heap, too, and the first lane that opens sets it for all.
#pragma once

#include <cstddef>

#include "core/status.h"

namespace longhaul {

// The largest value that every glibc accepts for M_MMAP_THRESHOLD (HEAP_MAX_SIZE / 2). A response
// up to it is kept by malloc when it is freed; a larger one is mapped, and unmapped when it is
// freed.
constexpr size_t kKeptResponseBytes = 32 * 1024 * 1024;

// By default glibc maps each response of several MB anew and unmaps it, and the first touch of
// every page is then a large part of all CPU. An error says what malloc refused: nothing else
// depends on it.
Status KeepFreedMemory();

}  // namespace longhaul
