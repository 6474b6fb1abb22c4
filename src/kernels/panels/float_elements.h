// The elements of float panels, four at a time as floats.
#pragma once

#include <wasm_simd128.h>

#include <cstdint>

namespace pipit::panels {

inline v128_t to_f32(const float* w) { return wasm_v128_load(w); }

// Shifted into place, a half's exponent is 112 too small; infinities and NaNs get the largest.
struct Half {
  uint16_t bits;
};
inline v128_t to_f32(const Half* w) {
  const v128_t bits = wasm_u32x4_load16x4(w);
  const v128_t magnitude = wasm_v128_and(bits, wasm_i32x4_const_splat(0x7fff));
  const v128_t sign = wasm_i32x4_shl(wasm_v128_xor(bits, magnitude), 16);
  const v128_t finite =
      wasm_f32x4_mul(wasm_i32x4_shl(magnitude, 13), wasm_f32x4_const_splat(0x1p112f));
  const v128_t special = wasm_i32x4_gt(magnitude, wasm_i32x4_const_splat(0x7bff));
  const v128_t largest = wasm_v128_and(special, wasm_i32x4_const_splat(0x7f800000));
  return wasm_v128_or(sign, wasm_v128_or(finite, largest));
}

struct Bfloat {
  uint16_t bits;
};
inline v128_t to_f32(const Bfloat* w) { return wasm_i32x4_shl(wasm_u32x4_load16x4(w), 16); }

}  // namespace pipit::panels
