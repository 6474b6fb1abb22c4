// The table of the simd128 set, with its vector-at-a-time kernels.
#include "kernels/simd128/simd128.h"

#include <algorithm>
#include <cmath>

#include "kernels/quantised_activations.h"
#include "kernels/simd128/vec.h"

namespace pipit {
namespace simd128 {
namespace {

// Both products multiply 16-bit lanes, so activations keep 16 bits at no cost. Measured on
// SmolLM2-135M against exact arithmetic: int8 activations differ by a mean KL divergence of 2.8e-3,
// 16-bit ones by 5e-8.
constexpr float kActivationMax = 32767;

}  // namespace

uint64_t quantised_bytes(size_t n_tokens, size_t n_cols) {
  return QuantisedActivations<int16_t>::bytes(n_tokens, n_cols);
}

void quantise_tile(const Activations& activations, size_t tile, uint8_t* out) {
  const QuantisedActivations<int16_t> a(out, activations.n_tokens, activations.n_cols);
  const auto [first, end] = tile_groups(activations, tile);
  for (size_t g = first; g < end; ++g) {
    const float* group = activations.x + g * kGroupSize;
    v128_t maxima = wasm_f32x4_const_splat(0);
    for (size_t i = 0; i < kGroupSize;
         i += 4) {  // pmax(a, b) keeps a when b is NaN, as std::max does
      maxima = wasm_f32x4_pmax(maxima, wasm_f32x4_abs(load(group + i)));
    }
    const float max = max_lane(maxima);
    const v128_t inverse = wasm_f32x4_splat(max > kSmallestGroupMax ? kActivationMax / max : 0.0f);
    v128_t sums[2] = {};
    for (size_t i = 0; i < kGroupSize; i += 8) {
      v128_t q[2];
      for (size_t half = 0; half < 2; ++half) {
        const v128_t scaled = wasm_f32x4_mul(load(group + i + 4 * half), inverse);
        q[half] = wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(scaled));
        v128_t& sum = sums[i / kHalfGroup];
        sum = wasm_i32x4_add(sum, q[half]);
      }
      const v128_t columns = wasm_i16x8_narrow_i32x4(q[0], q[1]);
      store(a.q + g * kGroupSize + i,  // in the order of panels::pair_column
            wasm_i16x8_shuffle(columns, columns, 0, 2, 4, 6, 1, 3, 5, 7));
    }
    a.scale[g] = max / kActivationMax;
    a.set_sums(g, sum_int_lanes(sums[0]), sum_int_lanes(sums[1]));
  }
}

void read_activations(const Activations& activations, const uint8_t* quantised, size_t token,
                      IntegerActivations& out) {
  const QuantisedActivations<const int16_t> a(quantised, activations.n_tokens, activations.n_cols);
  const size_t n_groups = activations.n_cols / kGroupSize;
  for (size_t i = 0; i < activations.n_cols; ++i) {
    out.q[panels::pair_column(i)] = a.q[token * activations.n_cols + i];
  }
  std::copy_n(a.scale + token * n_groups, n_groups, out.scale);
}

void rms_norm(const float* x, const float* weight, size_t n, float eps, float* out) {
  v128_t sums[2] = {};
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const v128_t low = load(x + i);
    const v128_t high = load(x + i + 4);
    sums[0] = multiply_add(low, low, sums[0]);
    sums[1] = multiply_add(high, high, sums[1]);
  }
  float sum = sum_lanes(wasm_f32x4_add(sums[0], sums[1]));
  for (; i < n; ++i) sum += x[i] * x[i];
  const float scale = 1.0f / std::sqrt(sum / static_cast<float>(n) + eps);
  const v128_t scale4 = wasm_f32x4_splat(scale);
  for (i = 0; i + 4 <= n; i += 4) {
    store(out + i, wasm_f32x4_mul(wasm_f32x4_mul(load(x + i), scale4), load(weight + i)));
  }
  for (; i < n; ++i) out[i] = x[i] * scale * weight[i];
}

void layer_norm(const float* x, const float* weight, const float* bias, size_t n, float eps,
                float* out) {
  v128_t sums = wasm_f32x4_const_splat(0);
  size_t i = 0;
  for (; i + 4 <= n; i += 4) sums = wasm_f32x4_add(sums, load(x + i));
  float sum = sum_lanes(sums);
  for (; i < n; ++i) sum += x[i];
  const float mean = sum / static_cast<float>(n);
  const v128_t mean4 = wasm_f32x4_splat(mean);
  v128_t squares = wasm_f32x4_const_splat(0);
  for (i = 0; i + 4 <= n; i += 4) {
    const v128_t centred = wasm_f32x4_sub(load(x + i), mean4);
    squares = multiply_add(centred, centred, squares);
  }
  float square = sum_lanes(squares);
  for (; i < n; ++i) square += (x[i] - mean) * (x[i] - mean);
  const float scale = 1.0f / std::sqrt(square / static_cast<float>(n) + eps);
  const v128_t scale4 = wasm_f32x4_splat(scale);
  for (i = 0; i + 4 <= n; i += 4) {
    const v128_t normed = wasm_f32x4_mul(wasm_f32x4_sub(load(x + i), mean4), scale4);
    const v128_t bias4 = bias != nullptr ? load(bias + i) : wasm_f32x4_const_splat(0);
    store(out + i, multiply_add(normed, load(weight + i), bias4));
  }
  for (; i < n; ++i) {
    out[i] = (x[i] - mean) * scale * weight[i] + (bias != nullptr ? bias[i] : 0.0f);
  }
}

namespace {

void rotate(float& a, float& b, float cos, float sin) {
  const float old_a = a;
  a = old_a * cos - b * sin;
  b = old_a * sin + b * cos;
}

void rope_neighbours(float* head, size_t n_pairs, const float* cos, const float* sin) {
  size_t i = 0;
  for (; i + 2 <= n_pairs; i += 2) {  // two pairs: a0 b0 a1 b1
    const v128_t ab = load(head + 2 * i);
    const v128_t ba = wasm_i32x4_shuffle(ab, ab, 1, 0, 3, 2);
    const v128_t c = wasm_f32x4_make(cos[i], cos[i], cos[i + 1], cos[i + 1]);
    const v128_t s = wasm_f32x4_make(-sin[i], sin[i], -sin[i + 1], sin[i + 1]);
    store(head + 2 * i, multiply_add(ab, c, wasm_f32x4_mul(ba, s)));
  }
  for (; i < n_pairs; ++i) rotate(head[2 * i], head[2 * i + 1], cos[i], sin[i]);
}

void rope_halves(float* head, size_t n_pairs, const float* cos, const float* sin) {
  size_t i = 0;
  for (; i + 4 <= n_pairs; i += 4) {
    const v128_t a = load(head + i);
    const v128_t b = load(head + n_pairs + i);
    const v128_t c = load(cos + i);
    const v128_t s = load(sin + i);
    store(head + i, wasm_f32x4_sub(wasm_f32x4_mul(a, c), wasm_f32x4_mul(b, s)));
    store(head + n_pairs + i, multiply_add(a, s, wasm_f32x4_mul(b, c)));
  }
  for (; i < n_pairs; ++i) rotate(head[i], head[n_pairs + i], cos[i], sin[i]);
}

}  // namespace

void rope(float* x, size_t n_heads, size_t head_dim, size_t n_rot, RopePairs pairs,
          const float* cos, const float* sin) {
  const auto rope_head = pairs == RopePairs::kNeighbours ? rope_neighbours : rope_halves;
  for (size_t h = 0; h < n_heads; ++h) rope_head(x + h * head_dim, n_rot / 2, cos, sin);
}

void swiglu(float* gate, const float* up, size_t n) {
  const Exp exp;
  const v128_t one = opaque_splat(1.0f);
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const v128_t g = load(gate + i);
    const v128_t sigmoid_inverse = wasm_f32x4_add(one, exp(wasm_f32x4_neg(g)));
    store(gate + i, wasm_f32x4_mul(wasm_f32x4_div(g, sigmoid_inverse), load(up + i)));
  }
  for (; i < n; ++i) gate[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}

void geglu(float* gate, const float* up, size_t n) {
  const Exp exp;
  const v128_t one = opaque_splat(1.0f);
  const v128_t cubic = opaque_splat(0.044715f);
  const v128_t factor = opaque_splat(-2 * 0.797884561f);  // of -2 u
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const v128_t x = load(gate + i);
    const v128_t x3 = wasm_f32x4_mul(wasm_f32x4_mul(x, x), x);
    const v128_t u = wasm_f32x4_mul(multiply_add(x3, cubic, x), factor);
    const v128_t sigmoid_inverse = wasm_f32x4_add(one, exp(u));
    store(gate + i, wasm_f32x4_mul(wasm_f32x4_div(x, sigmoid_inverse), load(up + i)));
  }
  for (; i < n; ++i) {
    const float x = gate[i];
    const float u = -2 * 0.797884561f * (x + 0.044715f * x * x * x);
    gate[i] = x / (1.0f + std::exp(u)) * up[i];
  }
}

void softcap(float* x, size_t n, float cap) {
  const Tanh tanh;
  const v128_t cap4 = wasm_f32x4_splat(cap);
  const v128_t inverse = wasm_f32x4_splat(1 / cap);
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    store(x + i, wasm_f32x4_mul(tanh(wasm_f32x4_mul(load(x + i), inverse)), cap4));
  }
  for (; i < n; ++i) x[i] = cap * std::tanh(x[i] * (1 / cap));
}

void add(float* x, const float* y, size_t n) {
  size_t i = 0;
  for (; i + 4 <= n; i += 4) store(x + i, wasm_f32x4_add(load(x + i), load(y + i)));
  for (; i < n; ++i) x[i] += y[i];
}

namespace {

void quantise(Activations& a, size_t tile) { quantise_tile(a, tile, a.quantised.data()); }

void read_quantised(const Activations& a, WeightKind /*kind*/, size_t token,
                    IntegerActivations& out) {
  read_activations(a, a.quantised.data(), token, out);
}

void matmul(const PackedMatrix& w, const Activations& x, size_t first_panel, size_t n_panels,
            float* y) {
  multiply({w, x, first_panel, n_panels, y}, x.quantised.data());
}

void bounds(const PackedMatrix& w, const Activations& x, const float* energy, size_t first_panel,
            size_t n_panels, float* y, float* largest) {
  upper_bounds({w, x, first_panel, n_panels, y}, x.quantised.data(), energy, largest);
}

}  // namespace
}  // namespace simd128

constinit const KernelSet kSimd128 = [] {
  KernelSet set = simd128::vector_kernels("simd128");
  set.is_deterministic = true;
  set.quantised_bytes = simd128::quantised_bytes;
  set.quantise = simd128::quantise;
  set.read_activations = simd128::read_quantised;
  set.matmul = simd128::matmul;
  set.upper_bounds = simd128::bounds;
  return set;
}();

}  // namespace pipit
