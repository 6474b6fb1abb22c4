// Quantisation of activations to int8 with an outlier unit.
#include "kernels/relaxed/activations.h"

#include <algorithm>
#include <cstring>

#include "kernels/quantised_activations.h"
#include "kernels/simd128/vec.h"

namespace pipit::relaxed {
namespace {

using simd128::load;
using simd128::max_lane;
using simd128::store;

constexpr float kMax = 127;
constexpr float kOutlierMax = 127 * 128;

// The unit that holds the largest magnitude of the group in any of the tokens.
uint32_t largest_unit(const float* x, size_t n_tokens, size_t n_cols) {
  uint32_t largest = 0;
  float max = -1;
  for (uint32_t u = 0; u < kUnits; ++u) {
    v128_t maxima = wasm_f32x4_const_splat(0);
    for (size_t t = 0; t < n_tokens; ++t) {
      const v128_t values = load(x + t * n_cols + u * kUnitColumns);
      maxima = wasm_f32x4_pmax(maxima, wasm_f32x4_abs(values));
    }
    const float unit_max = max_lane(maxima);
    if (unit_max > max) {
      max = unit_max;
      largest = u;
    }
  }
  return largest;
}

template <int T>
void quantise_group(const float* x, size_t t, GroupTile<T>& out) {
  v128_t maxima = wasm_f32x4_const_splat(0);
  for (uint32_t u = 0; u < kUnits; ++u) {  // pmax(a, b) keeps a when b is NaN
    if (u == out.unit) continue;
    maxima = wasm_f32x4_pmax(maxima, wasm_f32x4_abs(load(x + u * kUnitColumns)));
  }
  const v128_t outliers = load(x + out.unit * kUnitColumns);
  const float outlier_max =
      max_lane(wasm_f32x4_pmax(wasm_f32x4_const_splat(0), wasm_f32x4_abs(outliers)));
  const float max = std::max(max_lane(maxima), outlier_max / (kOutlierMax / kMax));
  const v128_t inverse = wasm_f32x4_splat(max > kSmallestGroupMax ? kMax / max : 0.0f);

  v128_t sums = wasm_i32x4_const_splat(0);
  v128_t q[kUnits];
  for (uint32_t u = 0; u < kUnits; ++u) {
    const v128_t scaled = wasm_f32x4_mul(load(x + u * kUnitColumns), inverse);
    q[u] = wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(scaled));
    sums = wasm_i32x4_add(sums, q[u]);
  }
  const v128_t high = wasm_i32x4_shr(wasm_i32x4_add(q[out.unit], wasm_i32x4_const_splat(64)), 7);
  q[out.unit] = wasm_i32x4_sub(q[out.unit], wasm_i32x4_shl(high, 7));
  const v128_t high16 = wasm_i16x8_narrow_i32x4(high, high);
  wasm_v128_store32_lane(out.outlier[t], wasm_i8x16_narrow_i16x8(high16, high16), 0);
  for (size_t half = 0; half < 2; ++half) {
    const v128_t low = wasm_i16x8_narrow_i32x4(q[4 * half], q[4 * half + 1]);
    const v128_t rest = wasm_i16x8_narrow_i32x4(q[4 * half + 2], q[4 * half + 3]);
    store(out.q[t] + 16 * half, wasm_i8x16_narrow_i16x8(low, rest));
  }
  const int sum = wasm_i32x4_extract_lane(sums, 0) + wasm_i32x4_extract_lane(sums, 1) +
                  wasm_i32x4_extract_lane(sums, 2) + wasm_i32x4_extract_lane(sums, 3);
  out.scale[t] = max / kMax;
  out.sum[t] = out.scale[t] * static_cast<float>(sum);
}

template <int T>
void quantise_tokens(const float* x, size_t n_tokens, size_t n_cols, GroupTile<T>* out) {
  if (n_tokens < T) std::memset(static_cast<void*>(out), 0, n_cols / kGroupSize * sizeof(*out));
  for (size_t g = 0; g < n_cols / kGroupSize; ++g) {
    const float* group = x + g * kGroupSize;
    out[g].unit = largest_unit(group, n_tokens, n_cols);
    for (size_t t = 0; t < n_tokens; ++t) quantise_group(group + t * n_cols, t, out[g]);
  }
}

}  // namespace

void quantise_tile(const Activations& a, size_t tile, uint8_t* out) {
  const size_t first = tile * kTileTokens;
  const size_t n_tokens = std::min(kTileTokens, a.n_tokens - first);
  const float* x = a.x + first * a.n_cols;
  if (a.n_tokens == 1) {
    quantise_tokens(x, n_tokens, a.n_cols, reinterpret_cast<GroupTile<1>*>(out));
  } else {
    auto* tiles = reinterpret_cast<GroupTile<kTileTokens>*>(out);
    quantise_tokens(x, n_tokens, a.n_cols, tiles + tile * (a.n_cols / kGroupSize));
  }
}

}  // namespace pipit::relaxed
