// Attention of the simd128 set: scores of four positions at a time, a softmax, then the weighted
// sum of the values.
#include <algorithm>
#include <cmath>

#include "kernels/simd128/simd128.h"
#include "kernels/simd128/vec.h"

namespace pipit::simd128 {
namespace {

// scores[p] = scale · q·k[p] for 4 positions; k [4, head_dim].
v128_t dot_4_positions(const float* q, const float* k, size_t head_dim, float scale) {
  v128_t sums[4] = {};
  const size_t n_vector = head_dim / 4 * 4;
  for (size_t i = 0; i < n_vector; i += 4) {
    const v128_t qi = load(q + i);
    for (size_t p = 0; p < 4; ++p) sums[p] = multiply_add(qi, load(k + p * head_dim + i), sums[p]);
  }
  // Transposed adds: lane p of the result is the sum of sums[p].
  const v128_t low01 = wasm_i32x4_shuffle(sums[0], sums[1], 0, 4, 1, 5);
  const v128_t high01 = wasm_i32x4_shuffle(sums[0], sums[1], 2, 6, 3, 7);
  const v128_t low23 = wasm_i32x4_shuffle(sums[2], sums[3], 0, 4, 1, 5);
  const v128_t high23 = wasm_i32x4_shuffle(sums[2], sums[3], 2, 6, 3, 7);
  const v128_t pairs01 = wasm_f32x4_add(low01, high01);
  const v128_t pairs23 = wasm_f32x4_add(low23, high23);
  v128_t dots = wasm_f32x4_add(wasm_i32x4_shuffle(pairs01, pairs23, 0, 1, 4, 5),
                               wasm_i32x4_shuffle(pairs01, pairs23, 2, 3, 6, 7));
  for (size_t i = n_vector; i < head_dim; ++i) {
    const v128_t ki =
        wasm_f32x4_make(k[i], k[head_dim + i], k[2 * head_dim + i], k[3 * head_dim + i]);
    dots = multiply_add(wasm_f32x4_splat(q[i]), ki, dots);
  }
  return wasm_f32x4_mul(dots, wasm_f32x4_splat(scale));
}

// Turns scores into e^(score - max); returns their sum.
float exponentials(float* scores, size_t n) {
  float max = -INFINITY;
  for (size_t p = 0; p < n; ++p) max = std::max(max, scores[p]);
  for (size_t p = n; p % 4 != 0; ++p) scores[p] = -INFINITY;
  v128_t sums = wasm_f32x4_const_splat(0);
  const v128_t max4 = wasm_f32x4_splat(max);
  for (size_t p = 0; p < n; p += 4) {
    const v128_t e = exp(wasm_f32x4_sub(load(scores + p), max4));
    store(scores + p, e);
    if (p + 4 <= n) sums = wasm_f32x4_add(sums, e);
  }
  float sum = sum_lanes(sums);
  for (size_t p = n / 4 * 4; p < n; ++p) sum += scores[p];
  return sum;
}

// out[i] = Σ_p scores[p] · v[p][i] / sum, for kVectors vectors of the head whose values begin at
// `offset` in a page.
template <size_t kVectors>
void weighted_sum(const AttentionArgs& a, size_t offset, float sum, float* out) {
  v128_t sums[kVectors] = {};
  for (size_t first = 0; first < a.n_positions; first += a.kv.page_positions) {
    const float* v = a.kv.pages[first / a.kv.page_positions] + offset;
    const size_t n = std::min(a.kv.page_positions, a.n_positions - first);
    for (size_t p = 0; p < n; ++p) {
      const v128_t weight = wasm_v128_load32_splat(a.scores + first + p);
      for (size_t j = 0; j < kVectors; ++j) {
        sums[j] = multiply_add(weight, load(v + p * a.head_dim_v + 4 * j), sums[j]);
      }
    }
  }
  for (size_t j = 0; j < kVectors; ++j) {
    store(out + 4 * j, wasm_f32x4_div(sums[j], wasm_f32x4_splat(sum)));
  }
}

// The same for one element.
void weighted_sum_of_one(const AttentionArgs& a, size_t offset, float sum, float* out) {
  float value = 0;
  for (size_t p = 0; p < a.n_positions; ++p) {
    value += a.scores[p] *
             a.kv.pages[p / a.kv.page_positions][offset + p % a.kv.page_positions * a.head_dim_v];
  }
  *out = value / sum;
}

}  // namespace

void attention(const AttentionArgs& a) {
  const size_t group = a.n_head / a.n_head_kv;
  for (size_t h = 0; h < a.n_head; ++h) {
    const size_t h_kv = h / group;
    const size_t k_offset = a.kv.k_offset + h_kv * a.kv.page_positions * a.head_dim;
    const size_t v_offset = a.kv.v_offset + h_kv * a.kv.page_positions * a.head_dim_v;
    for (size_t p = 0; p < a.n_positions; p += 4) {  // pages hold whole fours
      const float* k =
          a.kv.pages[p / a.kv.page_positions] + k_offset + p % a.kv.page_positions * a.head_dim;
      store(a.scores + p, dot_4_positions(a.q + h * a.head_dim, k, a.head_dim, a.scale));
    }
    const float sum = exponentials(a.scores, a.n_positions);
    float* out = a.out + h * a.head_dim_v;
    size_t i = 0;
    for (; i + 32 <= a.head_dim_v; i += 32) weighted_sum<8>(a, v_offset + i, sum, out + i);
    for (; i + 4 <= a.head_dim_v; i += 4) weighted_sum<1>(a, v_offset + i, sum, out + i);
    for (; i < a.head_dim_v; ++i) weighted_sum_of_one(a, v_offset + i, sum, out + i);
  }
}

}  // namespace pipit::simd128
