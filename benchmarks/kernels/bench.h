// What the kernel benchmarks share: time, memory that is as large as a model, and lines of JSON.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/kernel_set.h"

namespace pipit::bench {

// What is rotated over: as much as the weights of a small model, and far more than the caches of a
// core hold, as in decode.
inline constexpr size_t kFootprint = 80u << 20;

inline constexpr double kSeconds = 0.03;

struct Timing {
  size_t calls;
  double seconds;
};

// Calls run(i) for i = 0, 1, … until kSeconds have passed, after one call that does not count.
template <typename Run>
Timing measure(const Run& run) {
  using Clock = std::chrono::steady_clock;
  run(0);
  size_t calls = 0;
  double seconds = 0;
  // The clock is asked rarely enough that it does not matter for the shortest kernels.
  size_t batch = 1;
  const auto start = Clock::now();
  while (seconds < kSeconds) {
    for (size_t i = 0; i < batch; ++i) run(++calls);
    const double before = seconds;
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (seconds - before < kSeconds / 100) batch *= 2;
  }
  return {calls, seconds};
}

// A line of JSON: what was computed, for how many tokens or positions, and what one call costs.
// `macs` and `bytes` (read from memory) are those of one call; 0: of no interest.
inline void report(const char* kernels, const char* kernel, const std::string& shape, size_t n,
                   Timing timing, double macs, double bytes) {
  std::printf(
      "{\"kernels\":\"%s\",\"kernel\":\"%s\",\"shape\":\"%s\",\"n\":%zu,\"seconds\":%.9g,"
      "\"macs\":%.0f,\"bytes\":%.0f}\n",
      kernels, kernel, shape.c_str(), n, timing.seconds / static_cast<double>(timing.calls), macs,
      bytes);
  std::fflush(stdout);
}

// Numbers from -1 to 1, the same ones every time, without subnormals.
inline std::vector<float> numbers(size_t n) {
  std::vector<float> values(n);
  uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525 + 1013904223;
    value = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f + 0x1p-24f;
  }
  return values;
}

template <typename T>
void resize(Array<T>& array, uint64_t n) {
  if (!array.resize(static_cast<size_t>(n)).ok()) {
    std::fputs("There is not enough memory for the benchmark.\n", stderr);
    std::exit(1);
  }
}

using KernelSets = std::vector<const KernelSet*>;

// Each kernel is measured with one set after the other, so that they meet the same machine.
void bandwidth();
void matmul(const KernelSets& sets);
void attention(const KernelSets& sets);
void vectors(const KernelSets& sets);

}  // namespace pipit::bench
