// Queries and softmax weights as integers, for products with 8-bit keys and values.
#pragma once

#include <algorithm>

#include "kernels/kv_layout.h"
#include "kernels/simd128/vec.h"

namespace pipit::simd128 {

// out [head_dim_padded] = the query, turned as the keys are, and padded with zeros.
inline void turn_query(const float* q, const KvLayout& layout, float* out) {
  std::copy_n(q, layout.head_dim, out);
  std::fill(out + layout.head_dim, out + layout.head_dim_padded(), 0.0f);
  hadamard(out, layout.head_dim);
}

// The integers nearest to x / scale, of at most `q_max`, for the scale it returns. `n` is a
// multiple of 8.
inline float quantise_row(const float* x, size_t n, float q_max, int16_t* out) {
  v128_t maxima = wasm_f32x4_const_splat(0);
  for (size_t i = 0; i < n; i += 4) maxima = wasm_f32x4_pmax(maxima, wasm_f32x4_abs(load(x + i)));
  maxima = wasm_f32x4_pmax(maxima, wasm_i32x4_shuffle(maxima, maxima, 2, 3, 0, 1));
  maxima = wasm_f32x4_pmax(maxima, wasm_i32x4_shuffle(maxima, maxima, 1, 0, 3, 2));
  const float max = wasm_f32x4_extract_lane(maxima, 0);
  const v128_t inverse = wasm_f32x4_splat(max > 1e-30f ? q_max / max : 0.0f);
  // In a float of this size the last bit is a one, so that the sum is rounded to an integer, which
  // stands in its low bits.
  const v128_t magic = wasm_f32x4_const_splat(12582912.0f);
  for (size_t i = 0; i < n; i += 8) {
    v128_t q[2];
    for (size_t half = 0; half < 2; ++half) {
      const v128_t shifted =
          wasm_f32x4_add(wasm_f32x4_mul(load(x + i + 4 * half), inverse), magic);
      q[half] = wasm_i32x4_sub(shifted, magic);
    }
    store(out + i, wasm_i16x8_narrow_i32x4(q[0], q[1]));
  }
  return max / q_max;
}

}  // namespace pipit::simd128
