// exp for the sampler's weights: the same bits on every machine and in Wasm, where the libraries'
// own differ.
#pragma once

#include <bit>
#include <cstdint>

namespace pipit {

// e^x for x ≤ 0, exactly 1 at 0, relative error below 2^-23; 0 below -87, where floats lose
// precision.
inline float portable_exp(float x) {
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f;  // 9 bits, so that n * kLn2High is exact
  constexpr float kLn2Low = -2.12194440e-4f;
  constexpr float kRoundToInteger = 0x1.8p23f;  // adding it leaves no bits for a fraction

  const float clamped = x > -87.0f ? x : -87.0f;
  const float n = (clamped * kLog2E + kRoundToInteger) - kRoundToInteger;
  const float r = (clamped - n * kLn2High) - n * kLn2Low;  // |r| ≤ ln(2) / 2

  // Taylor's series up to r^7 / 7!; what is left out is below 2^-27.
  float series = 1.0f / 5040;
  series = series * r + 1.0f / 720;
  series = series * r + 1.0f / 120;
  series = series * r + 1.0f / 24;
  series = series * r + 1.0f / 6;
  series = series * r + 1.0f / 2;
  series = series * r + 1.0f;
  series = series * r + 1.0f;

  const float power = std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);  // 2^n
  return x < -87.0f ? 0.0f : series * power;
}

}  // namespace pipit
