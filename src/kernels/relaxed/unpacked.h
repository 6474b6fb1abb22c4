// Products of many tokens with weights of 4 to 6 bits: what a panel holds is unpacked once, and
// then multiplied tile by tile: its scales and minima to floats, its weights to bytes.
//
// Unpacked for every tile anew, a panel's masks and shifts would be as many instructions as the
// products. Prefill of 256 tokens with relaxed-i32 (Intel Xeon with AVX-VNNI): Gemma 3 270M Q4_K_M
// 262 tokens a second in place of 217, SmolLM2-135M Q4_1 7 % more.
#pragma once

#include <algorithm>

#include "kernels/panels/units.h"
#include "kernels/relaxed/activations.h"
#include "kernels/simd128/vec.h"

namespace pipit::relaxed {

using panels::PanelSum;
using panels::UnitConstants;
using panels::Units;
using simd128::load;

// The weights of a panel's group: unit u of the rows 4 · half ….
struct UnpackedWeights {
  uint8_t units[kUnits][2][16];
};

template <int kScales>
struct UnpackedFactors {
  float scale[kScales][kPanelRows];
  float min[kScales][kPanelRows];
};

// Groups of a panel that stay in the first-level cache when they are unpacked.
inline constexpr size_t kMostUnpacked = 64;

// In the 16-bit form the nibbles alone cost less than the bytes' loads (SmolLM2-135M: 7 % slower).
template <typename Dot, typename Panel>
constexpr bool is_unpacking_faster = Dot::kMaxSum > INT16_MAX || Panel::kHighBits > 0;

template <int kScales>
inline v128_t load_scale(const UnpackedFactors<kScales>& factors, int part, int half) {
  return load(factors.scale[part] + 4 * half);
}

template <int kScales>
inline v128_t load_min(const UnpackedFactors<kScales>& factors, int part, int half) {
  return load(factors.min[part] + 4 * half);
}

template <typename Panel>
void unpack_factors(const Panel* groups, size_t n, UnpackedFactors<Panel::kScales>* out) {
  for (size_t g = 0; g < n; ++g) {
    PIPIT_UNROLL for (int part = 0; part < Panel::kScales; ++part) {
      PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
        simd128::store(out[g].scale[part] + 4 * half, load_scale(groups[g], part, half));
        simd128::store(out[g].min[part] + 4 * half, load_min(groups[g], part, half));
      }
    }
  }
}

template <typename Panel>
void unpack_weights(const Panel* groups, size_t n, UnpackedWeights* out) {
  const UnitConstants<Panel> constants;
  for (size_t g = 0; g < n; ++g) {
    const Units<Panel> units(groups[g]);
    PIPIT_UNROLL for (int u = 0; u < static_cast<int>(kUnits); ++u) {
      PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
        simd128::store(out[g].units[u][half], units.bytes(u, half, constants));
      }
    }
  }
}

// Adds the products of unit u, whose columns of T tokens are q [T, kUnitColumns] a `stride` apart.
template <typename Dot, int T>
[[gnu::always_inline]] inline void add_unit(const UnpackedWeights& bytes, size_t u, const int8_t* q,
                                            size_t stride, v128_t (&dots)[T][2]) {
  const v128_t w[2] = {load(bytes.units[u][0]), load(bytes.units[u][1])};
  PIPIT_UNROLL for (size_t t = 0; t < T; ++t) {
    const v128_t x = wasm_v128_load32_splat(q + t * stride);
    PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
      dots[t][half] = Dot::add(x, w[half], dots[t][half]);
    }
  }
}

// As nibbles_q8_gemm_8SxT__relaxed, whose panel has become `bytes` and `factors`.
template <typename Dot, typename Panel, int T>
inline void bytes_q8_gemm_8xT__relaxed(const UnpackedWeights* bytes,
                                       const UnpackedFactors<Panel::kScales>* factors,
                                       size_t n_groups, const GroupTile<T>* a,
                                       PanelSum (&sums)[1][T]) {
  constexpr size_t kScales = Panel::kScales;
  constexpr size_t kPartUnits = kUnits / kScales;
  constexpr size_t kAddable =
      std::min<size_t>(kPartUnits, Dot::kMaxSum / (127 * Panel::kMax * 2) & ~1);
  clear(sums);
  for (size_t g = 0; g < n_groups; ++g) {
    const GroupTile<T>& group = a[g];
    PIPIT_UNROLL for (size_t part = 0; part < kScales; ++part) {
      v128_t totals[T][2];
      PIPIT_UNROLL for (size_t first = 0; first < kPartUnits; first += kAddable) {
        v128_t dots[T][2] = {};
        const size_t begin = part * kPartUnits + first;
        // Unrolled in full, LLVM puts a token's products behind one another, and V8 keeps the
        // weights on the stack.
#pragma clang loop unroll_count(2)
        for (size_t u = begin; u < begin + kAddable; ++u) {
          add_unit<Dot>(bytes[g], u, group.q[0] + 4 * u, kGroupSize, dots);
        }
        PIPIT_UNROLL for (int t = 0; t < T; ++t) {
          PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
            const v128_t total = Dot::total(dots[t][half]);
            totals[t][half] = first == 0 ? total : wasm_i32x4_add(totals[t][half], total);
          }
        }
      }
      if (group.n_outliers > 0) {
        v128_t dots[T][2] = {};
        for (size_t i = 0; i < group.n_outliers; ++i) {
          if (kScales == 1 || group.unit[i] / kPartUnits == part) {
            add_unit<Dot>(bytes[g], group.unit[i], group.outlier[i][0], kUnitColumns, dots);
          }
        }
        PIPIT_UNROLL for (int t = 0; t < T; ++t) {
          PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
            totals[t][half] = wasm_i32x4_add(totals[t][half], Dot::total_times_128(dots[t][half]));
          }
        }
      }
      const float* sum = kScales == 1 ? group.sum : group.half_sum[part];
      PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
        const v128_t scale = load_scale(factors[g], static_cast<int>(part), half);
        const v128_t min = load_min(factors[g], static_cast<int>(part), half);
        PIPIT_UNROLL for (int t = 0; t < T; ++t) {
          const v128_t scaled = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(totals[t][half]),
                                               wasm_v128_load32_splat(group.scale + t));
          v128_t& total = sums[0][t].half[half];
          total = wasm_f32x4_relaxed_madd(scaled, scale, total);
          total = wasm_f32x4_relaxed_madd(wasm_v128_load32_splat(sum + t), min, total);
        }
      }
    }
  }
}

}  // namespace pipit::relaxed
