// Seeded random test data, the same on every platform.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace pipit::testing {

class RandomValues {
 public:
  explicit RandomValues(uint32_t seed) : engine_(seed) {}

  // 0 … n - 1.
  uint32_t below(uint32_t n) { return engine_() % n; }

  // Uniform in [-1, 1).
  float uniform() { return static_cast<float>(engine_()) * 0x1p-31f - 1.0f; }

  std::vector<float> floats(size_t n, float magnitude = 1.0f) {
    std::vector<float> values(n);
    for (float& value : values) value = uniform() * magnitude;
    return values;
  }

  std::vector<uint8_t> bytes(size_t n) {
    std::vector<uint8_t> values(n);
    for (uint8_t& value : values) value = static_cast<uint8_t>(engine_());
    return values;
  }

 private:
  std::mt19937 engine_;  // its sequence is fixed by the standard, unlike the distributions'
};

}  // namespace pipit::testing
