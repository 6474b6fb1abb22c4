// Random: the seeded generator behind the draw; its numbers are the same on every machine and in
// Wasm.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace pipit {

// splitmix64 (Steele, Lea and Flood, OOPSLA 2014): advances `state` and returns 64 well-mixed bits
// of it.
inline uint64_t splitmix64(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021).
class Random {
 public:
  // The state comes from splitmix64, so that neighbouring seeds give unrelated numbers.
  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) word = splitmix64(seed);
  }
  // `state` must not be all zeros.
  explicit Random(const std::array<uint64_t, 4>& state) : state_(state) {}

  uint64_t next() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // A multiple of 2^-53 in [0, 1). std::uniform_real_distribution is not used: each library has its
  // own.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace pipit
