// Aligned allocation that reports failure, with a fault switch for tests.
#include "base/memory.h"

#include <cstdint>
#include <cstdlib>

#include "base/checked.h"

namespace pipit {
namespace {

int fault_countdown = -1;
uint64_t handed_out = 0;

}  // namespace

void* allocate(size_t bytes) {
  if (fault_countdown >= 0 && fault_countdown-- == 0) return nullptr;
  if (bytes > PTRDIFF_MAX - kMemoryAlignment)
    return nullptr;  // beyond, pointers have no difference
  void* memory = std::aligned_alloc(kMemoryAlignment, round_up(bytes, kMemoryAlignment));
  if (memory != nullptr) handed_out += bytes;
  return memory;
}

void release(void* memory) { std::free(memory); }

void fail_allocation_after(int n) { fault_countdown = n; }

uint64_t total_allocated() { return handed_out; }

}  // namespace pipit
