// Attention's products over a cache of F32 or F16.
#pragma once

#include <bit>

#include "kernels/simd128/attention_tile.h"
#include "kernels/simd128/vec.h"

namespace pipit::simd128 {

// Loads four numbers as floats.
struct LoadFloats {
  v128_t operator()(const float* p) const { return load(p); }
};

// Shifted into place, a half is a float whose exponent is 112 too small.
struct LoadHalves {
  v128_t operator()(const uint16_t* p) const {
    const v128_t bits = wasm_i32x4_shl(wasm_i32x4_load16x4(p), 13);  // with copies of the sign
    return wasm_f32x4_mul(wasm_v128_and(bits, mask_), factor_);
  }

  v128_t mask_ = opaque_splat(std::bit_cast<float>(0x8fffe000u));
  v128_t factor_ = opaque_splat(0x1p112f);
};

// a · b + c, rounded twice.
struct MultiplyAdd {
  v128_t operator()(v128_t a, v128_t b, v128_t c) const { return multiply_add(a, b, c); }
};

// Keys and values of type T: lanes are positions for the scores, elements for the values.
template <typename T, typename Load, typename Madd>
class FloatProducts {
 public:
  static constexpr float kScoreUnit = 1;

  FloatProducts(const AttentionArgs& a, const QueryRows& rows)
      : layout_(a.kv.layout), rows_(rows), scale_(a.scale) {}

  void scores(KvBlock& block) const {
    const T* k = reinterpret_cast<const T*>(block.kv + layout_.k_offset());
    for_row_runs(block.first_row, block.end_row, [&](auto n, size_t first) {
      for (size_t p = 0; p < block.n_positions; p += 8) {
        octet_scores<n>(k + p * layout_.head_dim_padded(), first, block.row(first) + p);
      }
    });
  }

  void weigh(KvBlock& block, size_t row, BlockRange seen, RunningSoftmax& softmax) const {
    softmax.take(exp_, block, row, seen);
  }

  void add_values(KvBlock& block) const {
    const T* v = reinterpret_cast<const T*>(block.kv + layout_.v_offset());
    for_row_runs(block.first_row, block.end_row, [&](auto n, size_t first) {
      for (size_t i = 0; i < layout_.head_dim_v; i += 8) octet_values<n>(v + i, i, first, block);
    });
  }

 private:
  // Scores of 8 positions for n rows.
  template <size_t n>
  void octet_scores(const T* k, size_t first_row, float* scores) const {
    const Load load_4;
    const Madd madd;
    v128_t sums[n][2] = {};
    for (size_t i = 0; i < layout_.head_dim; ++i) {
      const v128_t k0 = load_4(k + i * 8);
      const v128_t k1 = load_4(k + i * 8 + 4);
      for (size_t r = 0; r < n; ++r) {
        const v128_t q = wasm_v128_load32_splat(rows_.q[first_row + r] + i);
        sums[r][0] = madd(q, k0, sums[r][0]);
        sums[r][1] = madd(q, k1, sums[r][1]);
      }
    }
    const v128_t scale = wasm_f32x4_splat(scale_);
    for (size_t r = 0; r < n; ++r) {
      store(scores + r * kBlockPositions, wasm_f32x4_mul(sums[r][0], scale));
      store(scores + r * kBlockPositions + 4, wasm_f32x4_mul(sums[r][1], scale));
    }
  }

  // Elements first … first + 7 of the weighted values of n rows.
  template <size_t n>
  void octet_values(const T* v, size_t first, size_t first_row, const KvBlock& block) const {
    const Load load_4;
    const Madd madd;
    v128_t sums[n][2] = {};
    const size_t stride = layout_.head_dim_v_padded();
    const float* weights = block.row(first_row);
    for (size_t p = 0; p < block.n_positions; ++p) {
      const v128_t v0 = load_4(v + p * stride);
      const v128_t v1 = load_4(v + p * stride + 4);
      for (size_t r = 0; r < n; ++r) {
        const v128_t weight = wasm_v128_load32_splat(weights + r * kBlockPositions + p);
        sums[r][0] = madd(weight, v0, sums[r][0]);
        sums[r][1] = madd(weight, v1, sums[r][1]);
      }
    }
    const size_t n_left = layout_.head_dim_v - first;
    for (size_t r = 0; r < n; ++r) {
      const size_t row = first_row + r;
      float* out = rows_.out[row] + first;
      merge_values(out, n_left, sums[r][0], block.alpha[row], block.beta[row]);
      if (n_left > 4) {
        merge_values(out + 4, n_left - 4, sums[r][1], block.alpha[row], block.beta[row]);
      }
    }
  }

  const KvLayout& layout_;
  const QueryRows& rows_;
  float scale_;
  Exp exp_;
};

}  // namespace pipit::simd128
