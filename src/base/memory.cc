// Aligned allocation that reports failure, with a fault switch for tests.
#include "base/memory.h"

#include <cstdint>
#include <cstdlib>

#include "base/checked.h"

namespace pipit {
namespace {

int fault_countdown = -1;

}  // namespace

void* allocate(size_t bytes) {
  if (fault_countdown >= 0 && fault_countdown-- == 0) return nullptr;
  if (bytes > SIZE_MAX - kMemoryAlignment) return nullptr;
  return std::aligned_alloc(kMemoryAlignment, round_up(bytes, kMemoryAlignment));
}

void release(void* memory) { std::free(memory); }

void fail_allocation_after(int n) { fault_countdown = n; }

}  // namespace pipit
