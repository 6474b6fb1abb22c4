// Matrix products of the simd128 set: a panel of 8 rows at a time, for 1, 2 or 4 tokens at once.
// Sums run in the order of the reference kernels, so the results are the same bits.
#include <cstring>

#include "kernels/quantised_activations.h"
#include "kernels/simd128/simd128.h"
#include "kernels/simd128/vec.h"

#define PIPIT_UNROLL _Pragma("clang loop unroll(full)")

namespace pipit::simd128 {
namespace {

using Int16Activations = QuantisedActivations<const int16_t>;

// Two vectors, one lane a row of the panel.
struct PanelSum {
  v128_t half[2];
};

// V8 would rebuild a v128.const inside the loop; a value from memory, which the compiler must not see through, stays in
// its register.
alignas(16) volatile uint16_t nibble_mask[8] = {15, 15, 15, 15, 15, 15, 15, 15};

// Σ over the groups of one panel of 4-bit rows with int16 activations of T tokens.
template <int T>
inline void q4_q16_gemm_8xT__simd128(const Q4Panel* panels, size_t n_groups,
                                     const Int16Activations& a, size_t token, PanelSum (&sums)[T]) {
  const v128_t mask = load(const_cast<const uint16_t*>(nibble_mask));
  PIPIT_UNROLL for (int t = 0; t < T; ++t) {
    sums[t].half[0] = sums[t].half[1] = wasm_f32x4_const_splat(0);
  }
  const size_t n_cols = n_groups * kGroupSize;
  for (size_t g = 0; g < n_groups; ++g) {
    const Q4Panel& panel = panels[g];
    const int16_t* q = a.q + token * n_cols + g * kGroupSize;
    v128_t dots[T][2];
    PIPIT_UNROLL for (int t = 0; t < T; ++t) dots[t][0] = dots[t][1] = wasm_i32x4_const_splat(0);
    PIPIT_UNROLL for (int v = 0; v < 4; ++v) {
      PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
        const v128_t lanes = load(panel.q[v][half]);
        const v128_t nibbles[4] = {
            wasm_v128_and(lanes, mask), wasm_v128_and(wasm_u16x8_shr(lanes, 4), mask),
            wasm_v128_and(wasm_u16x8_shr(lanes, 8), mask), wasm_u16x8_shr(lanes, 12)};
        PIPIT_UNROLL for (int t = 0; t < T; ++t) {
          PIPIT_UNROLL for (int j = 0; j < 4; ++j) {
            const v128_t pair =
                wasm_v128_load32_splat(q + static_cast<size_t>(t) * n_cols + v * 8 + j * 2);
            dots[t][half] = wasm_i32x4_add(dots[t][half], wasm_i32x4_dot_i16x8(nibbles[j], pair));
          }
        }
      }
    }
    PIPIT_UNROLL for (int t = 0; t < T; ++t) {
      const size_t i = (token + static_cast<size_t>(t)) * n_groups + g;
      const v128_t scale = wasm_v128_load32_splat(a.scale + i);
      const v128_t sum = wasm_v128_load32_splat(a.sum + i);
      PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
        const v128_t dot = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(dots[t][half]), scale);
        const v128_t scaled = multiply_add(dot, load(panel.scale + 4 * half), sums[t].half[half]);
        sums[t].half[half] = multiply_add(sum, load(panel.min + 4 * half), scaled);
      }
    }
  }
}

// The same for 8-bit rows.
template <int T>
inline void q8_q16_gemm_8xT__simd128(const Q8Panel* panels, size_t n_groups,
                                     const Int16Activations& a, size_t token, PanelSum (&sums)[T]) {
  PIPIT_UNROLL for (int t = 0; t < T; ++t) {
    sums[t].half[0] = sums[t].half[1] = wasm_f32x4_const_splat(0);
  }
  const size_t n_cols = n_groups * kGroupSize;
  for (size_t g = 0; g < n_groups; ++g) {
    const Q8Panel& panel = panels[g];
    const int16_t* q = a.q + token * n_cols + g * kGroupSize;
    v128_t dots[T][2];
    PIPIT_UNROLL for (int t = 0; t < T; ++t) dots[t][0] = dots[t][1] = wasm_i32x4_const_splat(0);
    PIPIT_UNROLL for (size_t pair = 0; pair < kGroupSize / 2; ++pair) {
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
        const v128_t dot = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(dots[t][half]), scale);
        sums[t].half[half] = multiply_add(dot, load(panel.scale + 4 * half), sums[t].half[half]);
      }
    }
  }
}

v128_t to_f32(const float* w) { return load(w); }

// Four halves as floats: shifted into place, a half's exponent is 112 too small; infinities and
// NaNs get the largest.
struct Half {
  uint16_t bits;
};
v128_t to_f32(const Half* w) {
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
v128_t to_f32(const Bfloat* w) { return wasm_i32x4_shl(wasm_u32x4_load16x4(w), 16); }

// Σ over the columns of one panel of float rows with float activations x [·, n_cols] of T tokens.
template <int T, typename Element>
inline void float_gemm_8xT__simd128(const FloatColumn<Element>* columns, size_t n_cols,
                                    const float* x, PanelSum (&sums)[T]) {
  PIPIT_UNROLL for (int t = 0; t < T; ++t) {
    sums[t].half[0] = sums[t].half[1] = wasm_f32x4_const_splat(0);
  }
  for (size_t k = 0; k < n_cols; ++k) {
    const v128_t low = to_f32(columns[k].w);
    const v128_t high = to_f32(columns[k].w + 4);
    PIPIT_UNROLL for (int t = 0; t < T; ++t) {
      const v128_t value = wasm_v128_load32_splat(x + static_cast<size_t>(t) * n_cols + k);
      sums[t].half[0] = multiply_add(low, value, sums[t].half[0]);
      sums[t].half[1] = multiply_add(high, value, sums[t].half[1]);
    }
  }
}

// Writes the sums of T tokens to y [n_tokens, n_rows]; the last panel may be a part of one.
template <int T>
void store_sums(const PanelSum (&sums)[T], size_t token, size_t row, size_t n_rows, float* y) {
  const size_t n = n_rows - row < kPanelRows ? n_rows - row : kPanelRows;
  for (size_t t = 0; t < T; ++t) {
    std::memcpy(y + (token + t) * n_rows + row, sums[t].half, n * sizeof(float));
  }
}

// Runs `panel(integral_constant T, first row, first token, sums)` over all panels and tokens, 4, 2,
// 1 tokens at a time. The panel stays in the first-level cache for all its tokens.
template <typename PanelKernel>
void for_panels(size_t n_rows, size_t n_tokens, float* y, PanelKernel panel) {
  for (size_t row = 0; row < n_rows; row += kPanelRows) {
    size_t token = 0;
    const auto run = [&]<int T>() {
      for (; token + T <= n_tokens; token += T) {
        PanelSum sums[T];
        panel.template operator()<T>(row / kPanelRows, token, sums);
        store_sums(sums, token, row, n_rows, y);
      }
    };
    run.template operator()<4>();
    run.template operator()<2>();
    run.template operator()<1>();
  }
}

template <typename Element>
void float_matmul(const PackedMatrix& w, const Activations& x, float* y) {
  const auto* columns = reinterpret_cast<const FloatColumn<Element>*>(w.bytes.data());
  for_panels(w.n_rows, x.n_tokens, y, [&]<int T>(size_t p, size_t token, PanelSum(&sums)[T]) {
    float_gemm_8xT__simd128(columns + p * w.n_cols, w.n_cols, x.x + token * w.n_cols, sums);
  });
}

}  // namespace

void matmul(const PackedMatrix& w, const Activations& x, float* y) {
  const size_t n_groups = w.n_cols / kGroupSize;
  const Int16Activations a(x.quantised.data(), x.n_tokens, x.n_cols);
  switch (w.kind()) {
    case WeightKind::kInt4: {
      const auto* panels = reinterpret_cast<const Q4Panel*>(w.bytes.data());
      return for_panels(w.n_rows, x.n_tokens, y,
                        [&]<int T>(size_t p, size_t token, PanelSum(&sums)[T]) {
                          q4_q16_gemm_8xT__simd128(panels + p * n_groups, n_groups, a, token, sums);
                        });
    }
    case WeightKind::kInt8: {
      const auto* panels = reinterpret_cast<const Q8Panel*>(w.bytes.data());
      return for_panels(w.n_rows, x.n_tokens, y,
                        [&]<int T>(size_t p, size_t token, PanelSum(&sums)[T]) {
                          q8_q16_gemm_8xT__simd128(panels + p * n_groups, n_groups, a, token, sums);
                        });
    }
    case WeightKind::kF16:
      return float_matmul<Half>(w, x, y);
    case WeightKind::kBF16:
      return float_matmul<Bfloat>(w, x, y);
    case WeightKind::kF32:
      return float_matmul<float>(w, x, y);
  }
}

}  // namespace pipit::simd128
