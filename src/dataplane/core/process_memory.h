// How malloc of this process keeps the memory of re-encoded batches. The settings apply to the
// whole process, so to the memory of Node.js, too. They are set when the addon is loaded. Responses
// use block_pool.h instead.
#pragma once

#include <cstddef>

#include "core/status.h"

namespace longhaul {

// The largest value that every glibc accepts for M_MMAP_THRESHOLD (HEAP_MAX_SIZE / 2). malloc keeps
// the memory of a freed batch up to this size; a larger batch is mapped, and unmapped when it is
// freed.
constexpr size_t kKeptBatchBytes = 32 * 1024 * 1024;

// How many arenas malloc divides its memory into. By default there are eight for each processor:
// each thread prefers its own arena, and an arena keeps the memory that its threads have freed,
// even after the threads have ended. With few arenas, a thread reuses memory that other threads
// have freed. Arenas that exist when the number is set remain.
constexpr int kArenas = 4;

// By default glibc maps each buffer of several MB and unmaps it again, and the first access to
// every page is then a large part of all CPU. An error names the setting that malloc refused, and
// has no other effect. Only the first call has an effect. Call it early: a process that already has
// more than eight arenas keeps them.
const Status& KeepFreedMemory();

}  // namespace longhaul
