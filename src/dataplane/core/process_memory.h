// How malloc of this process keeps the memory of re-encoded batches. Process-wide: it holds for
// node's own memory, too. Set when the addon is loaded. Responses lie in block_pool.h.
#pragma once

#include <cstddef>

#include "core/status.h"

namespace longhaul {

// The largest value that every glibc accepts for M_MMAP_THRESHOLD (HEAP_MAX_SIZE / 2). A batch up
// to it is kept by malloc when it is freed; a larger one is mapped, and unmapped when it is freed.
constexpr size_t kKeptBatchBytes = 32 * 1024 * 1024;

// How many arenas malloc divides its memory into. By default there are eight for each processor: a
// thread prefers an arena of its own, and an arena keeps what its threads have freed, also after
// they have ended. With few arenas threads use again what other threads have freed. Arenas that are
// there when the number is set stay.
constexpr int kArenas = 4;

// By default glibc maps each buffer of several MB anew and unmaps it, and the first touch of
// every page is then a large part of all CPU. An error says what malloc refused: nothing else
// depends on it. The first call counts. It comes early: a process with more than eight
// arenas keeps its number.
const Status& KeepFreedMemory();

}  // namespace longhaul
