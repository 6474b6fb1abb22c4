// Times the kernels of the sets that this build has; prints a line of JSON for each measurement.
// benchmarks/kernels.mjs runs it, once a round.
#include <cstdio>
#include <cstring>
#include <span>

#include "bench.h"

namespace pipit::bench {
namespace {

// With no arguments all sets but the reference, which is no competitor.
bool is_wanted(const KernelSet& set, std::span<char*> names) {
  if (names.empty()) return std::strcmp(set.name, "reference") != 0;
  for (const char* name : names) {
    if (std::strcmp(set.name, name) == 0) return true;
  }
  return false;
}

}  // namespace
}  // namespace pipit::bench

int main(int argc, char** argv) {
  using namespace pipit::bench;
  const std::span<char*> names(argv + 1, static_cast<size_t>(argc - 1));
  KernelSets sets;
  for (const pipit::KernelSet* set : pipit::all_kernel_sets()) {
    if (is_wanted(*set, names)) sets.push_back(set);
  }
  if (sets.size() < std::max<size_t>(names.size(), 1)) {
    std::fputs("This build does not have all of these kernel sets.\n", stderr);
    return 1;
  }
  bandwidth();
  matmul(sets);
  attention(sets);
  vectors(sets);
  return 0;
}
