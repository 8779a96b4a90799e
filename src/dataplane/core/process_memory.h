// How much memory malloc of this process keeps after it was freed. The settings apply to the
// whole process, so to the memory of Node.js, too. They are set when the addon is loaded. Responses
// use block_pool.h instead.
#pragma once

#include <cstddef>

#include "core/status.h"

namespace longhaul {

// malloc keeps the memory of a freed buffer up to this size, and this much free memory at the end
// of each arena; it returns the rest to the kernel. A larger buffer is mapped, and unmapped when it
// is freed. With a fourth of it, re-encoding and splitting a batch of a megabyte needs up to twice
// the CPU, because pages are touched for the first time repeatedly. With 32 times as much, each
// arena kept what a thread had once needed at most, for example a compiler thread of V8.
constexpr size_t kKeptFreeBytes = 4 * 1024 * 1024;

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
