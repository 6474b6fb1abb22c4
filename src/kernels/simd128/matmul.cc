// Matrix products of the simd128 set: a panel of 8 rows at a time, for 1, 2 or 4 tokens at once.
// Sums run in the order of the reference kernels, so the results are the same bits.
#include <algorithm>
#include <cstring>

#include "kernels/quantised_activations.h"
#include "kernels/simd128/float_elements.h"
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

template <int S, int T>
inline void clear(PanelSum (&sums)[S][T]) {
  PIPIT_UNROLL for (int s = 0; s < S; ++s) {
    PIPIT_UNROLL for (int t = 0; t < T; ++t) {
      sums[s][t].half[0] = sums[s][t].half[1] = wasm_f32x4_const_splat(0);
    }
  }
}

// V8 would rebuild a v128.const inside the loop; a value from memory, which the compiler must not
// see through, stays in its register.
alignas(16) volatile uint16_t nibble_mask[8] = {15, 15, 15, 15, 15, 15, 15, 15};

// Decode reads every weight once, and a single stream stalls at the end of each page, beyond which
// no hardware prefetcher looks. So one token takes kStreams panels at a time that lie far apart in
// memory. All layers and the head of SmolLM2-135M Q4_1, in ms, by streams: 12.4 + 3.9 (1),
// 10.0 + 2.9 (2), 8.6 + 2.5 (4), 7.9 + 2.5 (6), 7.6 + 2.6 (8).
constexpr int kStreams = 8;

// Where the panels of S streams begin.
template <typename Panel, int S>
struct Streams {
  const Panel* first;
  size_t distance;  // panels from one stream's to the next one's

  const Panel* operator[](int s) const { return first + static_cast<size_t>(s) * distance; }
};

// Σ over the groups of S panels of 4-bit rows with the int16 activations of T tokens.
template <int S, int T>
inline void q4_q16_gemm_8SxT__simd128(Streams<Q4Panel, S> streams, size_t n_groups,
                                      const Int16Activations& a, size_t token,
                                      PanelSum (&sums)[S][T]) {
  const v128_t mask = load(const_cast<const uint16_t*>(nibble_mask));
  clear(sums);
  const size_t n_cols = n_groups * kGroupSize;
  for (size_t g = 0; g < n_groups; ++g) {
    const int16_t* q = a.q + token * n_cols + g * kGroupSize;
    PIPIT_UNROLL for (int s = 0; s < S; ++s) {
      const Q4Panel& panel = streams[s][g];
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
          v128_t& total = sums[s][t].half[half];
          const v128_t dot = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(dots[t][half]), scale);
          const v128_t scaled = multiply_add(dot, load(panel.scale + 4 * half), total);
          total = multiply_add(sum, load(panel.min + 4 * half), scaled);
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
          v128_t& total = sums[s][t].half[half];
          const v128_t dot = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(dots[t][half]), scale);
          total = multiply_add(dot, load(panel.scale + 4 * half), total);
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

// Calls kernel(streams, first token, sums) for panels [first_panel, end_panel) of [·, panel_size]
// and all tokens, and writes the sums to y [n_tokens, n_rows]; the last panel may be a part of one.
template <typename Panel, typename Kernel>
class PanelLoop {
 public:
  PanelLoop(const Panel* panels, size_t panel_size, size_t n_rows, size_t n_tokens, float* y,
            Kernel kernel)
      : panels_(panels),
        panel_size_(panel_size),
        n_rows_(n_rows),
        n_tokens_(n_tokens),
        y_(y),
        kernel_(kernel) {}

  void run(size_t first_panel, size_t end_panel) const {
    size_t panel = first_panel;
    if (n_tokens_ == 1) {
      const size_t distance = (end_panel - first_panel) / kStreams;
      for (; panel < first_panel + distance; ++panel) compute<kStreams, 1>(panel, distance, 0);
      panel = first_panel + distance * kStreams;
    }
    for (; panel < end_panel; ++panel) {  // it stays in the first-level cache for all its tokens
      size_t token = 0;
      for (; token + 4 <= n_tokens_; token += 4) compute<1, 4>(panel, 0, token);
      for (; token + 2 <= n_tokens_; token += 2) compute<1, 2>(panel, 0, token);
      if (token < n_tokens_) compute<1, 1>(panel, 0, token);
    }
  }

 private:
  // Panels `panel`, `panel` + distance, … with the tokens from `token` on.
  template <int S, int T>
  void compute(size_t panel, size_t distance, size_t token) const {
    PanelSum sums[S][T];
    kernel_(Streams<Panel, S>{panels_ + panel * panel_size_, distance * panel_size_}, token, sums);
    for (size_t s = 0; s < S; ++s) {
      const size_t row = (panel + s * distance) * kPanelRows;
      const size_t n = std::min(kPanelRows, n_rows_ - row);
      for (size_t t = 0; t < T; ++t) {
        std::memcpy(y_ + (token + t) * n_rows_ + row, sums[s][t].half, n * sizeof(float));
      }
    }
  }

  const Panel* panels_;
  size_t panel_size_;  // groups or columns
  size_t n_rows_;
  size_t n_tokens_;
  float* y_;
  Kernel kernel_;
};

// The part of a product that one call of matmul() computes.
struct Part {
  const PackedMatrix& w;
  const Activations& x;
  size_t first_panel;
  size_t n_panels;
  float* y;
};

template <typename Panel, typename Kernel>
void for_panels(const Part& part, size_t panel_size, Kernel kernel) {
  PanelLoop(reinterpret_cast<const Panel*>(part.w.bytes.data()), panel_size, part.w.n_rows,
            part.x.n_tokens, part.y, kernel)
      .run(part.first_panel, part.first_panel + part.n_panels);
}

template <typename Element>
void float_matmul(const Part& part) {
  const size_t n_cols = part.w.n_cols;
  for_panels<FloatColumn<Element>>(part, n_cols,
                                   [&]<int S, int T>(Streams<FloatColumn<Element>, S> streams,
                                                     size_t token, PanelSum(&sums)[S][T]) {
                                     float_gemm_8SxT__simd128(streams, n_cols,
                                                              part.x.x + token * n_cols, sums);
                                   });
}

}  // namespace

void matmul(const PackedMatrix& w, const Activations& x, size_t first_panel, size_t n_panels,
            float* y) {
  const Part part = {w, x, first_panel, n_panels, y};
  const size_t n_groups = w.n_cols / kGroupSize;
  const Int16Activations a(x.quantised.data(), x.n_tokens, x.n_cols);
  switch (w.kind()) {
    case WeightKind::kInt4:
      return for_panels<Q4Panel>(
          part, n_groups,
          [&]<int S, int T>(Streams<Q4Panel, S> streams, size_t token, PanelSum(&sums)[S][T]) {
            q4_q16_gemm_8SxT__simd128(streams, n_groups, a, token, sums);
          });
    case WeightKind::kInt8:
      return for_panels<Q8Panel>(
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
  }
}

}  // namespace pipit::simd128
