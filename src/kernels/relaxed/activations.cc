// Quantisation of activations to int8 with outlier units.
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
using simd128::sum_int_lanes;

constexpr float kMax = 127;
constexpr float kOutlierMax = 127 * 128;

// The rounding noise of a group is proportional to the square of its scale. A group gets outlier
// units as long as that square is more than this many times what it would be on average if every
// group had one. (SmolLM2-135M with an F32 cache, 4,096 tokens: 1.0 has a KL of 2.2e-4 and prefills
// 5 % slower; 2.5 has 2.9e-4 and the same top token in less than 99 %.)
constexpr float kNoiseLimit = 2.0f;

// Largest magnitudes of the units of one token's group. They wait in the group's `q`, which they
// fill exactly, until the outliers of all groups are chosen.
struct UnitMaxima {
  v128_t low, high;  // units 0 … 3, 4 … 7

  float largest() const { return max_lane(wasm_f32x4_pmax(low, high)); }
};
static_assert(sizeof(UnitMaxima) == kGroupSize);

// Of 4 units; pmax(a, b) keeps a where b is NaN.
v128_t maxima_of_4(const float* x) {
  v128_t rows[4];
  for (size_t i = 0; i < 4; ++i) {
    rows[i] = wasm_f32x4_pmax(wasm_f32x4_const_splat(0), wasm_f32x4_abs(load(x + 4 * i)));
  }
  const v128_t a = wasm_f32x4_pmax(wasm_i32x4_shuffle(rows[0], rows[1], 0, 4, 1, 5),
                                   wasm_i32x4_shuffle(rows[0], rows[1], 2, 6, 3, 7));
  const v128_t b = wasm_f32x4_pmax(wasm_i32x4_shuffle(rows[2], rows[3], 0, 4, 1, 5),
                                   wasm_i32x4_shuffle(rows[2], rows[3], 2, 6, 3, 7));
  return wasm_f32x4_pmax(wasm_i32x4_shuffle(a, b, 0, 1, 4, 5),
                         wasm_i32x4_shuffle(a, b, 2, 3, 6, 7));
}

uint32_t index_of_largest(const UnitMaxima& maxima) {
  const v128_t largest = wasm_f32x4_splat(maxima.largest());
  const uint32_t equal = wasm_i32x4_bitmask(wasm_f32x4_eq(maxima.low, largest)) |
                         wasm_i32x4_bitmask(wasm_f32x4_eq(maxima.high, largest)) << 4;
  return static_cast<uint32_t>(__builtin_ctz(equal | 1u << 7));
}

// `maxima` without unit u.
UnitMaxima without(const UnitMaxima& maxima, uint32_t u) {
  const v128_t unit = wasm_i32x4_splat(static_cast<int>(u));
  return {wasm_v128_andnot(maxima.low, wasm_i32x4_eq(unit, wasm_i32x4_const(0, 1, 2, 3))),
          wasm_v128_andnot(maxima.high, wasm_i32x4_eq(unit, wasm_i32x4_const(4, 5, 6, 7)))};
}

// The noise of each unit's largest value for the tokens together: squares, weighted.
template <int T>
UnitMaxima noise(const UnitMaxima (&maxima)[T], const float (&weight)[T]) {
  UnitMaxima sum = {};
  for (int t = 0; t < T; ++t) {
    const v128_t w = wasm_f32x4_splat(weight[t]);
    sum.low =
        wasm_f32x4_pmax(sum.low, wasm_f32x4_mul(wasm_f32x4_mul(maxima[t].low, maxima[t].low), w));
    sum.high = wasm_f32x4_pmax(sum.high,
                               wasm_f32x4_mul(wasm_f32x4_mul(maxima[t].high, maxima[t].high), w));
  }
  return sum;
}

// Chooses the outlier units of a group, the same for all tokens, and the tokens' scales.
template <int T>
void choose_outliers(const float (&weight)[T], GroupTile<T>& out) {
  UnitMaxima maxima[T];
  float outlier_max[T] = {};
  for (int t = 0; t < T; ++t) std::memcpy(&maxima[t], out.q[t], sizeof(UnitMaxima));
  out.n_outliers = 0;
  while (out.n_outliers < kMaxOutliers) {
    const UnitMaxima noises = noise(maxima, weight);
    if (!(noises.largest() > kNoiseLimit)) break;
    const uint32_t u = index_of_largest(noises);
    for (int t = 0; t < T; ++t) {
      outlier_max[t] = std::max(outlier_max[t], maxima[t].largest());
      maxima[t] = without(maxima[t], u);
    }
    out.unit[out.n_outliers++] = u;
  }
  for (int t = 0; t < T; ++t) {
    out.scale[t] = std::max(maxima[t].largest() / kMax, outlier_max[t] / kOutlierMax);
  }
}

// Writes q, outlier and sum of one token, whose scale and units are chosen.
template <int T>
void quantise_group(const float* x, int t, GroupTile<T>& out) {
  const bool is_zero = !(out.scale[t] * kMax > kSmallestGroupMax);
  const v128_t inverse = wasm_f32x4_splat(is_zero ? 0.0f : 1 / out.scale[t]);
  v128_t sums[2] = {};
  v128_t q[kUnits];
  for (size_t u = 0; u < kUnits; ++u) {
    const v128_t scaled = wasm_f32x4_mul(load(x + u * kUnitColumns), inverse);
    q[u] = wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(scaled));
    sums[2 * u / kUnits] = wasm_i32x4_add(sums[2 * u / kUnits], q[u]);
  }
  for (uint32_t i = 0; i < out.n_outliers; ++i) {
    v128_t& outlier = q[out.unit[i]];
    const v128_t high = wasm_i32x4_shr(wasm_i32x4_add(outlier, wasm_i32x4_const_splat(64)), 7);
    outlier = wasm_i32x4_sub(outlier, wasm_i32x4_shl(high, 7));
    const v128_t high16 = wasm_i16x8_narrow_i32x4(high, high);
    wasm_v128_store32_lane(out.outlier[i][t], wasm_i8x16_narrow_i16x8(high16, high16), 0);
  }
  for (size_t half = 0; half < 2; ++half) {
    const v128_t low = wasm_i16x8_narrow_i32x4(q[4 * half], q[4 * half + 1]);
    const v128_t rest = wasm_i16x8_narrow_i32x4(q[4 * half + 2], q[4 * half + 3]);
    store(out.q[t] + 16 * half, wasm_i8x16_narrow_i16x8(low, rest));
  }
  const int first = sum_int_lanes(sums[0]);
  const int second = sum_int_lanes(sums[1]);
  out.sum[t] = out.scale[t] * static_cast<float>(first + second);
  out.half_sum[0][t] = out.scale[t] * static_cast<float>(first);
  out.half_sum[1][t] = out.scale[t] * static_cast<float>(second);
}

// x [n_tokens, n_cols] to a tile's groups [n_groups].
template <int T>
void quantise_tokens(const float* x, int n_tokens, size_t n_cols, GroupTile<T>* out) {
  const size_t n_groups = n_cols / kGroupSize;
  if (n_tokens < T) std::memset(static_cast<void*>(out), 0, n_groups * sizeof(*out));
  float weight[T] = {};  // 1 / the mean square of the largest values when each group has an outlier
  for (int t = 0; t < n_tokens; ++t) {
    float sum = 0;
    for (size_t g = 0; g < n_groups; ++g) {
      const float* group = x + static_cast<size_t>(t) * n_cols + g * kGroupSize;
      const UnitMaxima maxima = {maxima_of_4(group), maxima_of_4(group + kGroupSize / 2)};
      std::memcpy(out[g].q[t], &maxima, sizeof(maxima));
      const float rest = without(maxima, index_of_largest(maxima)).largest();
      sum += rest * rest;
    }
    weight[t] = sum > 0 ? static_cast<float>(n_groups) / sum : 0.0f;
  }
  for (size_t g = 0; g < n_groups; ++g) {
    choose_outliers(weight, out[g]);
    for (int t = 0; t < n_tokens; ++t) {
      quantise_group(x + static_cast<size_t>(t) * n_cols + g * kGroupSize, t, out[g]);
    }
  }
}

}  // namespace

void quantise_tile(const Activations& a, size_t tile, uint8_t* out) {
  const size_t first = tile * kTileTokens;
  const auto n_tokens = static_cast<int>(std::min(kTileTokens, a.n_tokens - first));
  const float* x = a.x + first * a.n_cols;
  if (a.n_tokens == 1) {
    quantise_tokens(x, n_tokens, a.n_cols, reinterpret_cast<GroupTile<1>*>(out));
  } else {
    auto* tiles = reinterpret_cast<GroupTile<kTileTokens>*>(out);
    quantise_tokens(x, n_tokens, a.n_cols, tiles + tile * (a.n_cols / kGroupSize));
  }
}

}  // namespace pipit::relaxed
