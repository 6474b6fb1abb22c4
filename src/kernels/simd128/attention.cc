// Attention of the simd128 set: float products for F32 and F16, integer products for int8.
#include <bit>

#include "kernels/simd128/attention_tile.h"
#include "kernels/simd128/int8_rows.h"
#include "kernels/simd128/simd128.h"
#include "kernels/simd128/vec.h"

namespace pipit::simd128 {
namespace {

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

// Keys and values of type T: lanes are positions for the scores, elements for the values.
template <typename T, typename Load>
class FloatProducts {
 public:
  FloatProducts(const AttentionArgs& a, const QueryRows& rows)
      : layout_(a.kv.layout), rows_(rows), scale_(a.scale) {}

  void scores(PageBlock& block) const {
    const T* k = reinterpret_cast<const T*>(block.head + layout_.k_offset());
    for_row_runs(block.first_row, rows_.n, [&](auto n, size_t first) {
      for (size_t p = 0; p < block.n_positions; p += 8) {
        octet_scores<n>(k + p * layout_.head_dim_padded(), first, block.row(first) + p);
      }
    });
  }

  void add_values(PageBlock& block) const {
    const T* v = reinterpret_cast<const T*>(block.head + layout_.v_offset());
    for_row_runs(block.first_row, rows_.n, [&](auto n, size_t first) {
      for (size_t i = 0; i < layout_.head_dim_v; i += 8) octet_values<n>(v + i, i, first, block);
    });
  }

 private:
  // Scores of 8 positions for n rows.
  template <size_t n>
  void octet_scores(const T* k, size_t first_row, float* scores) const {
    const Load load_4;
    v128_t sums[n][2] = {};
    for (size_t i = 0; i < layout_.head_dim; ++i) {
      const v128_t k0 = load_4(k + i * 8);
      const v128_t k1 = load_4(k + i * 8 + 4);
      for (size_t r = 0; r < n; ++r) {
        const v128_t q = wasm_v128_load32_splat(rows_.q[first_row + r] + i);
        sums[r][0] = multiply_add(q, k0, sums[r][0]);
        sums[r][1] = multiply_add(q, k1, sums[r][1]);
      }
    }
    const v128_t scale = wasm_f32x4_splat(scale_);
    for (size_t r = 0; r < n; ++r) {
      store(scores + r * kPagePositions, wasm_f32x4_mul(sums[r][0], scale));
      store(scores + r * kPagePositions + 4, wasm_f32x4_mul(sums[r][1], scale));
    }
  }

  // Elements first … first + 7 of the weighted values of n rows.
  template <size_t n>
  void octet_values(const T* v, size_t first, size_t first_row, const PageBlock& block) const {
    const Load load_4;
    v128_t sums[n][2] = {};
    const size_t stride = layout_.head_dim_v_padded();
    const float* weights = block.row(first_row);
    for (size_t p = 0; p < block.n_positions; ++p) {
      const v128_t v0 = load_4(v + p * stride);
      const v128_t v1 = load_4(v + p * stride + 4);
      for (size_t r = 0; r < n; ++r) {
        const v128_t weight = wasm_v128_load32_splat(weights + r * kPagePositions + p);
        sums[r][0] = multiply_add(weight, v0, sums[r][0]);
        sums[r][1] = multiply_add(weight, v1, sums[r][1]);
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
};

// i32 sums of four pairs [a a' b b'], [c c' d d'] to [a + a', b + b', c + c', d + d'].
v128_t add_pairs(v128_t ab, v128_t cd) {
  return wasm_i32x4_add(wasm_i32x4_shuffle(ab, cd, 0, 2, 4, 6),
                        wasm_i32x4_shuffle(ab, cd, 1, 3, 5, 7));
}

// n rows of 16-bit integers, `stride` apart, times an even number of blocks of 4 × 4 bytes: lane j
// of sums[r] is Σ_i Σ_k rows[r][4 i + k] · blocks[i][4 j + k]. The stride is a constant so that one
// pointer serves all rows.
template <size_t n, size_t stride>
void multiply_blocks(const int8_t* blocks, size_t n_blocks, const int16_t* rows, v128_t* sums) {
  v128_t pairs[n][2] = {};
  const auto* end = blocks + n_blocks * 16;
  for (; blocks != end; blocks += 32, rows += 8) {
#pragma clang loop unroll(full)
    for (size_t i = 0; i < 2; ++i) {
      const v128_t low = wasm_i16x8_load8x8(blocks + i * 16);
      const v128_t high = wasm_i16x8_load8x8(blocks + i * 16 + 8);
#pragma clang loop unroll(full)
      for (size_t r = 0; r < n; ++r) {
        const v128_t row = wasm_v128_load64_splat(rows + r * stride + i * 4);
        pairs[r][0] = wasm_i32x4_add(pairs[r][0], wasm_i32x4_dot_i16x8(low, row));
        pairs[r][1] = wasm_i32x4_add(pairs[r][1], wasm_i32x4_dot_i16x8(high, row));
      }
    }
  }
  for (size_t r = 0; r < n; ++r) sums[r] = add_pairs(pairs[r][0], pairs[r][1]);
}

// Products of bytes with queries and weights as 16-bit integers, exact until the scales.
class Int8Products {
 public:
  // A sum over a head of the largest products is below 2^31, and so is one over a page.
  static constexpr float kMax = 32767;
  static_assert(uint64_t{kMaxHeadDim} * 32767 * 127 < uint64_t{1} << 31);

  Int8Products(const AttentionArgs& a, const QueryRows& rows)
      : layout_(a.kv.layout), rows_(rows), n_padded_(a.kv.layout.head_dim_padded()) {
    for (size_t r = 0; r < rows.n; ++r) {
      alignas(16) float q[kMaxHeadDim];
      turn_query(rows.q[r], layout_, q);
      q_scale_[r] = a.scale * quantise_row(q, n_padded_, kMax, q_ + r * kMaxHeadDim);
    }
  }

  void scores(PageBlock& block) const {
    const auto* k = reinterpret_cast<const int8_t*>(block.head + layout_.k_offset());
    const auto* k_scale = reinterpret_cast<const float*>(block.head);
    const size_t n_touched = layout_.head_bytes() / kPagePositions;  // bytes a position
    for_row_runs(block.first_row, rows_.n, [&](auto n, size_t first) {
      v128_t scales[n];
      for (size_t r = 0; r < n; ++r) scales[r] = wasm_f32x4_splat(q_scale_[first + r]);
      for (size_t p = 0; p < block.n_positions; p += 4) {
        touch(block.next_head + p * n_touched, block.next_head + (p + 4) * n_touched);
        v128_t sums[n];
        multiply_blocks<n, kMaxHeadDim>(k + p * n_padded_, n_padded_ / 4, q_ + first * kMaxHeadDim,
                                        sums);
        const v128_t k_scales = load(k_scale + p);
        for (size_t r = 0; r < n; ++r) {
          const v128_t scaled = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sums[r]), k_scales);
          store(block.row(first + r) + p, wasm_f32x4_mul(scaled, scales[r]));
        }
      }
    });
  }

  void add_values(PageBlock& block) const {
    const auto* v = reinterpret_cast<const int8_t*>(block.head + layout_.v_offset());
    const auto* v_scale = reinterpret_cast<const float*>(block.head) + kPagePositions;
    const size_t n_padded = (block.n_positions + 7) / 8 * 8;
    alignas(16) int16_t weights[kMaxQueryRows * kPagePositions];
    for (size_t r = block.first_row; r < rows_.n; ++r) {
      float* row = block.row(r);
      for (size_t p = 0; p < n_padded; p += 4) {
        store(row + p, wasm_f32x4_mul(load(row + p), load(v_scale + p)));
      }
      block.beta[r] *= quantise_row(row, n_padded, kMax, weights + r * kPagePositions);
    }
    for_row_runs(block.first_row, rows_.n, [&](auto n, size_t first) {
      for (size_t i = 0; i < layout_.head_dim_v; i += 4) {
        v128_t sums[n];
        multiply_blocks<n, kPagePositions>(v + i * kPagePositions, n_padded / 4,
                                           weights + first * kPagePositions, sums);
        for (size_t r = first; r < first + n; ++r) {
          merge_values(rows_.out[r] + i, layout_.head_dim_v - i,
                       wasm_f32x4_convert_i32x4(sums[r - first]), block.alpha[r], block.beta[r]);
        }
      }
    });
  }

 private:
  const KvLayout& layout_;
  const QueryRows& rows_;
  size_t n_padded_;                                     // head_dim
  alignas(16) int16_t q_[kMaxQueryRows * kMaxHeadDim];  // [n_rows, kMaxHeadDim]
  float q_scale_[kMaxQueryRows];
};

}  // namespace

void attention(const AttentionArgs& a) {
  switch (a.kv.layout.type) {
    case KvType::kF32:
      return attend_tile<FloatProducts<float, LoadFloats>>(a);
    case KvType::kF16:
      return attend_tile<FloatProducts<uint16_t, LoadHalves>>(a);
    case KvType::kInt8:
      return attend_tile<Int8Products>(a);
  }
}

}  // namespace pipit::simd128
