// Matrix products of the simd128 set: a panel of 8 rows at a time, for 1, 2 or 4 tokens at once.
// Sums run in the order of the reference kernels, so the results are the same bits.
#include "kernels/panels/bounds.h"
#include "kernels/panels/float_elements.h"
#include "kernels/panels/panel_loop.h"
#include "kernels/panels/units.h"
#include "kernels/quantised_activations.h"
#include "kernels/simd128/simd128.h"
#include "kernels/simd128/vec.h"

namespace pipit::simd128 {
namespace {

using panels::Bfloat;
using panels::FloatColumn;
using panels::Half;
using panels::HighPanel;
using panels::LowPanel;
using panels::PanelSum;
using panels::Part;
using panels::Q8Panel;
using panels::Streams;
using panels::to_f32;
using panels::UnitConstants;
using panels::Units;
using Int16Activations = QuantisedActivations<const int16_t>;

// The columns 8v … of a group of four rows as 16-bit lanes, in the order of panels::pair_column.
template <typename Panel>
inline void load_pairs(const Units<Panel>& units, int v, int half,
                       const UnitConstants<Panel>& constants, v128_t mask, v128_t (&pairs)[4]) {
  PIPIT_UNROLL for (int i = 0; i < 2; ++i) {
    const v128_t bytes = units.bytes(2 * v + i, half, constants);
    if constexpr (Panel::kIsSigned) {
      pairs[i] = wasm_i16x8_shr(wasm_i16x8_shl(bytes, 8), 8);
      pairs[i + 2] = wasm_i16x8_shr(bytes, 8);
    } else {
      pairs[i] = wasm_v128_and(bytes, mask);
      pairs[i + 2] = wasm_u16x8_shr(bytes, 8);
    }
  }
}

// Σ over the groups of S panels with the int16 activations of T tokens.
template <typename Panel, int S, int T>
inline void nibbles_q16_gemm_8SxT__simd128(Streams<Panel, S> streams, size_t n_groups,
                                           const Int16Activations& a, size_t token,
                                           PanelSum (&sums)[S][T]) {
  constexpr int kScales = Panel::kScales;
  const UnitConstants<Panel> constants;
  const v128_t mask = load(panels::kByteMask16);
  clear(sums);
  const size_t n_cols = n_groups * kGroupSize;
  for (size_t g = 0; g < n_groups; ++g) {
    const int16_t* q = a.q + token * n_cols + g * kGroupSize;
    PIPIT_UNROLL for (int s = 0; s < S; ++s) {
      const Panel& panel = streams[s][g];
      const Units<Panel> units(panel);
      PIPIT_UNROLL for (int part = 0; part < kScales; ++part) {
        v128_t dots[T][2];
        PIPIT_UNROLL for (int t = 0; t < T; ++t) dots[t][0] = dots[t][1] =
            wasm_i32x4_const_splat(0);
        PIPIT_UNROLL for (int v = 4 / kScales * part; v < 4 / kScales * (part + 1); ++v) {
          PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
            v128_t pairs[4];
            load_pairs(units, v, half, constants, mask, pairs);
            PIPIT_UNROLL for (int t = 0; t < T; ++t) {
              PIPIT_UNROLL for (int j = 0; j < 4; ++j) {
                const v128_t x =
                    wasm_v128_load32_splat(q + static_cast<size_t>(t) * n_cols + v * 8 + j * 2);
                dots[t][half] = wasm_i32x4_add(dots[t][half], wasm_i32x4_dot_i16x8(pairs[j], x));
              }
            }
          }
        }
        PIPIT_UNROLL for (int t = 0; t < T; ++t) {
          const size_t i = (token + static_cast<size_t>(t)) * n_groups + g;
          const v128_t scale = wasm_v128_load32_splat(a.scale + i);
          PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
            v128_t& total = sums[s][t].half[half];
            const v128_t dot = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(dots[t][half]), scale);
            total = multiply_add(dot, load_scale(panel, part, half), total);
            if constexpr (Panel::kHasMin) {
              const float* sum = kScales == 1 ? a.sum + i : a.half_sum + 2 * i + part;
              total = multiply_add(wasm_v128_load32_splat(sum), load_min(panel, part, half), total);
            }
          }
        }
      }
    }
  }
}

// The same for 8-bit rows.
template <int S, int T>
inline void q8_q16_gemm_8SxT__simd128(Streams<Q8Panel, S> streams, size_t n_groups,
                                      const Int16Activations& a, size_t token,
                                      PanelSum (&sums)[S][T]) {
  clear(sums);
  const size_t n_cols = n_groups * kGroupSize;
  for (size_t g = 0; g < n_groups; ++g) {
    const int16_t* q = a.q + token * n_cols + g * kGroupSize;
    PIPIT_UNROLL for (int s = 0; s < S; ++s) {
      const Q8Panel& panel = streams[s][g];
      v128_t dots[T][2];
      PIPIT_UNROLL for (int t = 0; t < T; ++t) dots[t][0] = dots[t][1] = wasm_i32x4_const_splat(0);
      // Unrolled in full, LLVM sums the 32 products as a tree, and V8 keeps them on the stack (the
      // head of SmolLM2-135M: 1.65 ms in place of 1.27).
#pragma clang loop unroll_count(2)
      for (size_t pair = 0; pair < kGroupSize / 2; ++pair) {
        const v128_t low = wasm_i16x8_load8x8(panel.q[pair][0]);
        const v128_t high = wasm_i16x8_load8x8(panel.q[pair][4]);
        PIPIT_UNROLL for (int t = 0; t < T; ++t) {
          const v128_t values =
              wasm_v128_load32_splat(q + static_cast<size_t>(t) * n_cols + pair * 2);
          dots[t][0] = wasm_i32x4_add(dots[t][0], wasm_i32x4_dot_i16x8(low, values));
          dots[t][1] = wasm_i32x4_add(dots[t][1], wasm_i32x4_dot_i16x8(high, values));
        }
      }
      PIPIT_UNROLL for (int t = 0; t < T; ++t) {
        const v128_t scale =
            wasm_v128_load32_splat(a.scale + (token + static_cast<size_t>(t)) * n_groups + g);
        PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
          v128_t& total = sums[s][t].half[half];
          const v128_t dot = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(dots[t][half]), scale);
          total = multiply_add(dot, to_f32(panel.scale + 4 * half), total);
        }
      }
    }
  }
}

// -128 · the sum of a group of activations, in every lane.
inline v128_t minus_128_times_sum(const int16_t* q, v128_t minus_128) {
  v128_t sum = wasm_i32x4_const_splat(0);
  PIPIT_UNROLL for (size_t i = 0; i < kGroupSize; i += 8) {
    sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(load(q + i), minus_128));
  }
  sum = wasm_i32x4_add(sum, wasm_i32x4_shuffle(sum, sum, 2, 3, 0, 1));
  return wasm_i32x4_add(sum, wasm_i32x4_shuffle(sum, sum, 1, 0, 3, 2));
}

// The same for S panels of halved 8-bit rows.
template <int S, int T>
inline void halves_q16_gemm_8SxT__simd128(Streams<HighPanel, S> highs, Streams<LowPanel, S> lows,
                                          size_t n_groups, const Int16Activations& a, size_t token,
                                          PanelSum (&sums)[S][T]) {
  const UnitConstants<LowPanel> constants;
  const v128_t mask = load(panels::kByteMask16);
  const v128_t minus_128 = wasm_i16x8_neg(load(panels::k128In16));
  clear(sums);
  const size_t n_cols = n_groups * kGroupSize;
  for (size_t g = 0; g < n_groups; ++g) {
    const int16_t* q = a.q + token * n_cols + g * kGroupSize;
    v128_t offsets[T];
    PIPIT_UNROLL for (int t = 0; t < T; ++t) {
      offsets[t] = minus_128_times_sum(q + static_cast<size_t>(t) * n_cols, minus_128);
    }
    PIPIT_UNROLL for (int s = 0; s < S; ++s) {
      v128_t dots[T][2];
      PIPIT_UNROLL for (int t = 0; t < T; ++t) dots[t][0] = dots[t][1] = offsets[t];
      // Not unrolled, for the reason that stands at the 8-bit product.
#pragma clang loop unroll(disable)
      for (size_t v = 0; v < kGroupSize / 8; ++v) {
        PIPIT_UNROLL for (size_t half = 0; half < 2; ++half) {
          const v128_t high = load(highs[s][g].planes[v][half]);
          const v128_t low = load(lows[s][g].planes[v][half]);
          const v128_t bytes[2] = {
              wasm_v128_or(wasm_i16x8_shl(wasm_v128_and(high, constants.nibble), 4),
                           wasm_v128_and(low, constants.nibble)),
              wasm_v128_or(wasm_v128_andnot(high, constants.nibble),
                           wasm_v128_and(wasm_u16x8_shr(low, 4), constants.nibble))};
          PIPIT_UNROLL for (size_t i = 0; i < 2; ++i) {
            const v128_t pairs[2] = {wasm_v128_and(bytes[i], mask), wasm_u16x8_shr(bytes[i], 8)};
            PIPIT_UNROLL for (int t = 0; t < T; ++t) {
              PIPIT_UNROLL for (size_t j = 0; j < 2; ++j) {
                const v128_t x = wasm_v128_load32_splat(q + static_cast<size_t>(t) * n_cols +
                                                        v * 8 + 4 * j + 2 * i);
                dots[t][half] = wasm_i32x4_add(dots[t][half], wasm_i32x4_dot_i16x8(pairs[j], x));
              }
            }
          }
        }
      }
      PIPIT_UNROLL for (int t = 0; t < T; ++t) {
        const v128_t scale =
            wasm_v128_load32_splat(a.scale + (token + static_cast<size_t>(t)) * n_groups + g);
        PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
          v128_t& total = sums[s][t].half[half];
          const v128_t dot = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(dots[t][half]), scale);
          total = multiply_add(dot, to_f32(highs[s][g].scale + 4 * half), total);
        }
      }
    }
  }
}

// Σ over the columns of S panels of float rows with the float activations x [·, n_cols] of T
// tokens.
template <int S, int T, typename Element>
inline void float_gemm_8SxT__simd128(Streams<FloatColumn<Element>, S> streams, size_t n_cols,
                                     const float* x, PanelSum (&sums)[S][T]) {
  clear(sums);
  for (size_t k = 0; k < n_cols; ++k) {
    PIPIT_UNROLL for (int s = 0; s < S; ++s) {
      const v128_t low = to_f32(streams[s][k].w);
      const v128_t high = to_f32(streams[s][k].w + 4);
      PIPIT_UNROLL for (int t = 0; t < T; ++t) {
        const v128_t value = wasm_v128_load32_splat(x + static_cast<size_t>(t) * n_cols + k);
        sums[s][t].half[0] = multiply_add(low, value, sums[s][t].half[0]);
        sums[s][t].half[1] = multiply_add(high, value, sums[s][t].half[1]);
      }
    }
  }
}

template <typename Element>
void float_matmul(const Part& part) {
  const size_t n_cols = part.w.n_cols;
  panels::for_panels<FloatColumn<Element>>(
      part, n_cols,
      [&]<int S, int T>(Streams<FloatColumn<Element>, S> streams, size_t token,
                        PanelSum(&sums)[S][T]) {
        float_gemm_8SxT__simd128(streams, n_cols, part.x.x + token * n_cols, sums);
      });
}

}  // namespace

void multiply(const Part& part, const uint8_t* quantised) {
  const size_t n_groups = part.w.n_cols / kGroupSize;
  const Int16Activations a(quantised, part.x.n_tokens, part.x.n_cols);
  if (part.w.is_halved) {
    return panels::for_panels<HighPanel>(
        part, n_groups,
        [&]<int S, int T>(Streams<HighPanel, S> highs, size_t token, PanelSum(&sums)[S][T]) {
          const LowPanel* low =
              panels::low_panels(part.w) + (highs.first - panels::high_panels(part.w));
          halves_q16_gemm_8SxT__simd128(highs, Streams<LowPanel, S>{low, highs.distance}, n_groups,
                                        a, token, sums);
        });
  }
  switch (part.w.kind()) {
    case WeightKind::kInt8:
      return panels::for_panels<Q8Panel>(
          part, n_groups,
          [&]<int S, int T>(Streams<Q8Panel, S> streams, size_t token, PanelSum(&sums)[S][T]) {
            q8_q16_gemm_8SxT__simd128(streams, n_groups, a, token, sums);
          });
    case WeightKind::kF16:
      return float_matmul<Half>(part);
    case WeightKind::kBF16:
      return float_matmul<Bfloat>(part);
    case WeightKind::kF32:
      return float_matmul<float>(part);
    default:
      return panels::with_nibble_panel(part.w.kind(), [&]<typename Panel>() {
        panels::for_panels<Panel>(
            part, n_groups,
            [&]<int S, int T>(Streams<Panel, S> streams, size_t token, PanelSum(&sums)[S][T]) {
              nibbles_q16_gemm_8SxT__simd128(streams, n_groups, a, token, sums);
            });
      });
  }
}

void upper_bounds(const Part& part, const uint8_t* quantised, const float* energy, float* largest) {
  const Int16Activations a(quantised, 1, part.x.n_cols);
  const UnitConstants<HighPanel> constants;
  const v128_t mask = load(panels::kByteMask16);
  panels::for_bounds(
      part, energy, largest, [&](size_t g) { return panels::BoundGroup{a.scale[g], a.sum[g]}; },
      [&](const HighPanel& panel, size_t g, v128_t(&dots)[2]) {
        const Units<HighPanel> units(panel);
        PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
          dots[half] = wasm_i32x4_const_splat(0);
          PIPIT_UNROLL for (int v = 0; v < 4; ++v) {
            v128_t pairs[4];
            load_pairs(units, v, half, constants, mask, pairs);
            PIPIT_UNROLL for (int j = 0; j < 4; ++j) {
              const v128_t x = wasm_v128_load32_splat(a.q + g * kGroupSize + v * 8 + j * 2);
              dots[half] = wasm_i32x4_add(dots[half], wasm_i32x4_dot_i16x8(pairs[j], x));
            }
          }
        }
      },
      multiply_add);
}

}  // namespace pipit::simd128
