// How much memory malloc of this process keeps after it was freed. The settings apply to the
// whole process, so to the memory of Node.js, too. They are set when the addon is loaded. Responses
// use block_pool.h instead.
#pragma once

#include <cstddef>

#include "core/status.h"

namespace longhaul {

// A buffer up to this size is in an arena. A larger one is mapped, and unmapped when it is freed.
constexpr size_t kUnmappedBytes = 4 * 1024 * 1024;

// How much free memory malloc keeps at the end of each arena; it returns the rest to the kernel.
// With 4 MiB, a process that mirrors for some minutes has 8 MB more: each arena keeps what a thread
// has once needed at most, for example a compiler thread of V8. With 256 KiB, re-encoding a batch
// of 64 KiB costs a third more CPU, because its pages are touched for the first time repeatedly.
constexpr size_t kKeptFreeBytes = 512 * 1024;

// How many arenas malloc divides its memory into. By default there are eight for each processor:
// each thread prefers its own arena, and memory that the thread has freed in the middle of an arena
// stays there, even after the thread has ended. With few arenas, a thread reuses memory that other
// threads have freed. Arenas that exist when the number is set remain.
constexpr int kArenas = 2;

// By default glibc raises both sizes with each larger buffer that is freed, up to 32 and 64 MiB. An
// error names the setting that malloc refused, and has no other effect. Only the first call has an
// effect. Call it early: a process that already has more arenas keeps them.
const Status& LimitFreedMemory();

}  // namespace longhaul
