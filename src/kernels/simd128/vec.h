// Small vector helpers that the simd128 kernels share.
#pragma once

#include <wasm_simd128.h>

#include <cstdint>

namespace pipit::simd128 {

inline v128_t load(const void* p) { return wasm_v128_load(p); }
inline void store(void* p, v128_t v) { wasm_v128_store(p, v); }

// acc + a · b, rounded twice: fused only in relaxed SIMD, where results differ from machine to
// machine.
inline v128_t multiply_add(v128_t a, v128_t b, v128_t acc) {
  return wasm_f32x4_add(wasm_f32x4_mul(a, b), acc);
}

inline float sum_lanes(v128_t v) {
  const v128_t pairs = wasm_f32x4_add(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  return wasm_f32x4_extract_lane(pairs, 0) + wasm_f32x4_extract_lane(pairs, 1);
}

// e^x with a relative error below 2^-23 over [-87, 88] (measured at steps of 1e-4); beyond, the
// value at the bound. Range reduction by powers of two and the Cephes library's degree-5 polynomial
// for e^r, |r| ≤ ln 2 / 2.
inline v128_t exp(v128_t x) {
  x = wasm_f32x4_pmin(wasm_f32x4_pmax(x, wasm_f32x4_const_splat(-87.0f)),
                      wasm_f32x4_const_splat(88.0f));
  // A float of this size has no bits below one: the sum is rounded to 127 + n, which stands in its
  // low bits.
  const v128_t magic = wasm_f32x4_const_splat(12582912.0f + 127.0f);
  const v128_t shifted = multiply_add(x, wasm_f32x4_const_splat(1.44269504f), magic);
  const v128_t n = wasm_f32x4_sub(shifted, magic);
  v128_t r = multiply_add(n, wasm_f32x4_const_splat(-0.693359375f), x);
  r = multiply_add(n, wasm_f32x4_const_splat(2.12194440e-4f), r);
  v128_t p = wasm_f32x4_const_splat(1.9875691500e-4f);
  p = multiply_add(p, r, wasm_f32x4_const_splat(1.3981999507e-3f));
  p = multiply_add(p, r, wasm_f32x4_const_splat(8.3334519073e-3f));
  p = multiply_add(p, r, wasm_f32x4_const_splat(4.1665795894e-2f));
  p = multiply_add(p, r, wasm_f32x4_const_splat(1.6666665459e-1f));
  p = multiply_add(p, r, wasm_f32x4_const_splat(5.0000001201e-1f));
  p = multiply_add(p, wasm_f32x4_mul(r, r), wasm_f32x4_add(r, wasm_f32x4_const_splat(1.0f)));
  return wasm_f32x4_mul(p, wasm_i32x4_shl(shifted, 23));
}

}  // namespace pipit::simd128
