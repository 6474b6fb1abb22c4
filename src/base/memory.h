// The one place where pipit takes memory whose size comes from outside: it may fail, and the
// failure is a Status.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pipit {

// Enough for a cache line and for every SIMD load.
inline constexpr size_t kMemoryAlignment = 64;

// `bytes` (> 0) of memory aligned to kMemoryAlignment, or nullptr when there is none.
void* allocate(size_t bytes);
void release(void* memory);

// For fault tests: the allocation after the next `n` ones fails, once. Negative: none fails (the
// default).
void fail_allocation_after(int n);

// For memory tests: the bytes that allocate() has handed out since the start, released or not.
uint64_t total_allocated();

}  // namespace pipit
