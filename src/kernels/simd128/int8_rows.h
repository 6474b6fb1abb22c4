// Queries and softmax weights as integers, for products with 8-bit keys and values.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/kv_layout.h"
#include "kernels/quantised_activations.h"
#include "kernels/simd128/vec.h"

namespace pipit::simd128 {

// hadamard(), to the same bits, of an x whose size is a multiple of 4.
inline void hadamard_of_vectors(float* x, size_t n) {
  const v128_t odd = wasm_f32x4_make(1, -1, 1, -1);
  const v128_t high = wasm_f32x4_make(1, 1, -1, -1);
  for (size_t i = 0; i < n; i += 4) {
    v128_t v = load(x + i);
    v = wasm_f32x4_add(wasm_i32x4_shuffle(v, v, 1, 0, 3, 2), wasm_f32x4_mul(v, odd));
    v = wasm_f32x4_add(wasm_i32x4_shuffle(v, v, 2, 3, 0, 1), wasm_f32x4_mul(v, high));
    store(x + i, v);
  }
  const size_t block = n & (~n + 1);  // the lowest bit
  for (size_t half = 4; half < block; half *= 2) {
    for (size_t first = 0; first < n; first += 2 * half) {
      for (size_t i = first; i < first + half; i += 4) {
        const v128_t a = load(x + i);
        const v128_t b = load(x + i + half);
        store(x + i, wasm_f32x4_add(a, b));
        store(x + i + half, wasm_f32x4_sub(a, b));
      }
    }
  }
  const v128_t norm = wasm_f32x4_splat(1.0f / std::sqrt(static_cast<float>(block)));
  for (size_t i = 0; i < n; i += 4) store(x + i, wasm_f32x4_mul(load(x + i), norm));
}

// out [head_dim_padded] = the query, turned as the keys are, and padded with zeros.
inline void turn_query(const float* q, const KvLayout& layout, float* out) {
  std::copy_n(q, layout.head_dim, out);
  std::fill(out + layout.head_dim, out + layout.head_dim_padded(), 0.0f);
  if (layout.head_dim % 4 == 0) {
    hadamard_of_vectors(out, layout.head_dim);
  } else {
    hadamard(out, layout.head_dim);
  }
}

// The integers nearest to x / scale, of at most `q_max`, for the scale it returns. `n` is a
// multiple of 8.
inline float quantise_row(const float* x, size_t n, float q_max, int16_t* out) {
  v128_t maxima = wasm_f32x4_const_splat(0);
  for (size_t i = 0; i < n; i += 4) maxima = wasm_f32x4_pmax(maxima, wasm_f32x4_abs(load(x + i)));
  const float max = max_lane(maxima);
  const v128_t inverse = wasm_f32x4_splat(max > kSmallestGroupMax ? q_max / max : 0.0f);
  const v128_t shift = opaque_splat(kRoundingShift);
  for (size_t i = 0; i < n; i += 8) {
    v128_t q[2];
    for (size_t half = 0; half < 2; ++half) {
      const v128_t shifted = wasm_f32x4_add(wasm_f32x4_mul(load(x + i + 4 * half), inverse), shift);
      q[half] = wasm_i32x4_sub(shifted, shift);
    }
    store(out + i, wasm_i16x8_narrow_i32x4(q[0], q[1]));
  }
  return max / q_max;
}

}  // namespace pipit::simd128
