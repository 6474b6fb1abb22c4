// The elements of float panels, four at a time as floats.
#pragma once

#include <wasm_simd128.h>

#include <cstdint>

#include "kernels/panels/panels.h"

namespace pipit::panels {

inline v128_t to_f32(const float* w) { return wasm_v128_load(w); }

struct Half {
  uint16_t bits;
};

// Out of the compiler's sight, as the nibble masks of panel_loop.h and for the same reason.
struct HalfConstants {
  uint32_t magnitude[4];
  float rebias[4];
  uint32_t largest_finite[4];
  uint32_t infinite[4];  // exponent of a float
  uint32_t shifted[4];   // the bits of a half that was shifted into place with its sign
};
extern const HalfConstants kHalfConstants;

// Shifted into place, a half's exponent is 112 too small; infinities and NaNs get the largest.
inline v128_t to_f32(const Half* w) {
  const HalfConstants& c = kHalfConstants;
  const v128_t bits = wasm_u32x4_load16x4(w);
  const v128_t magnitude = wasm_v128_and(bits, wasm_v128_load(c.magnitude));
  const v128_t sign = wasm_i32x4_shl(wasm_v128_xor(bits, magnitude), 16);
  const v128_t finite = wasm_f32x4_mul(wasm_i32x4_shl(magnitude, 13), wasm_v128_load(c.rebias));
  const v128_t special = wasm_i32x4_gt(magnitude, wasm_v128_load(c.largest_finite));
  const v128_t largest = wasm_v128_and(special, wasm_v128_load(c.infinite));
  return wasm_v128_or(sign, wasm_v128_or(finite, largest));
}

// A half that is finite needs no more than that, its sign stays where the shift puts it.
inline v128_t to_f32(const FiniteHalf* w) {
  const HalfConstants& c = kHalfConstants;
  const v128_t bits = wasm_i32x4_shl(wasm_i32x4_load16x4(w), 13);
  return wasm_f32x4_mul(wasm_v128_and(bits, wasm_v128_load(c.shifted)), wasm_v128_load(c.rebias));
}

struct Bfloat {
  uint16_t bits;
};
inline v128_t to_f32(const Bfloat* w) { return wasm_i32x4_shl(wasm_u32x4_load16x4(w), 16); }

}  // namespace pipit::panels
