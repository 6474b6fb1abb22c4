// Attention's products over an int8 cache, with queries and softmax weights as 16-bit integers.
#pragma once

#include "kernels/simd128/attention_tile.h"
#include "kernels/simd128/int8_rows.h"
#include "kernels/simd128/vec.h"

namespace pipit::simd128 {

// i32 sums of four pairs [a a' b b'], [c c' d d'] to [a + a', b + b', c + c', d + d'].
inline v128_t add_pairs(v128_t ab, v128_t cd) {
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

// The sums are exact until the scales.
class Int8Products {
 public:
  // A sum over a head of the largest products is below 2^31, and so is one over a block.
  static constexpr float kMax = 32767;
  static_assert(uint64_t{kMaxHeadDim} * 32767 * 127 < uint64_t{1} << 31);

  static constexpr float kScoreUnit = 1;

  // Scores are scale · q·k.
  Int8Products(const AttentionArgs& a, const QueryRows& rows, float scale)
      : layout_(a.kv.layout), rows_(rows) {
    for (size_t r = 0; r < rows.n; ++r) {
      alignas(16) float q[kMaxHeadDim];
      turn_query(rows.q[r], layout_, q);
      q_scale_[r] = scale * quantise_row(q, layout_.head_dim_padded(), kMax, q_ + r * kMaxHeadDim);
    }
  }

  Int8Products(const AttentionArgs& a, const QueryRows& rows) : Int8Products(a, rows, a.scale) {}

  void scores(KvBlock& block) const {
    const auto* k = reinterpret_cast<const int8_t*>(block.kv + layout_.k_offset());
    const auto* k_scale = reinterpret_cast<const float*>(block.kv);
    const size_t n_padded = layout_.head_dim_padded();
    for_row_runs(block.first_row, block.end_row, [&](auto n, size_t first) {
      v128_t scales[n];
      for (size_t r = 0; r < n; ++r) scales[r] = wasm_f32x4_splat(q_scale_[first + r]);
      for (size_t p = 0; p < block.n_positions; p += 4) {
        if (first == block.first_row) touch_keys(block, p, 4);
        v128_t sums[n];
        multiply_blocks<n, kMaxHeadDim>(k + p * n_padded, n_padded / 4, q_ + first * kMaxHeadDim,
                                        sums);
        const v128_t k_scales = load(k_scale + p);
        for (size_t r = 0; r < n; ++r) {
          const v128_t scaled = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sums[r]), k_scales);
          store(block.row(first + r) + p, wasm_f32x4_mul(scaled, scales[r]));
        }
      }
    });
  }

  void weigh(KvBlock& block, size_t row, BlockRange seen, RunningSoftmax& softmax) const {
    softmax.take(exp_, block, row, seen);
  }

  void add_values(KvBlock& block) const {
    const float* v_scale = v_scales(block);
    WeightRows<int16_t> rows;
    for (size_t r = block.first_row; r < block.end_row; ++r) {
      float* row = block.row(r);
      for (size_t p = 0; p < padded(block); p += 4) {
        store(row + p, wasm_f32x4_mul(load(row + p), load(v_scale + p)));
      }
      quantise(block, r, rows);
    }
    add_values(block, rows);
  }

 protected:
  // Rows whose products of weights and values' scales have become integers.
  template <typename T>
  struct WeightRows {
    size_t n = 0;
    size_t row[kMaxQueryRows];
    alignas(16) T weights[kMaxQueryRows * kBlockPositions];
  };

  static const float* v_scales(const KvBlock& block) {
    return reinterpret_cast<const float*>(block.kv) + kBlockPositions;
  }

  static void quantise(KvBlock& block, size_t r, WeightRows<int16_t>& rows) {
    block.beta[r] *=
        quantise_row(block.row(r), padded(block), kMax, rows.weights + rows.n * kBlockPositions);
    rows.row[rows.n++] = r;
  }

  void add_values(const KvBlock& block, const WeightRows<int16_t>& rows) const {
    for_row_runs(0, rows.n, [&](auto n, size_t first) {
      for (size_t i = 0; i < layout_.head_dim_v; i += 4) {
        if (first == 0) touch_values(block, i, 4);
        v128_t sums[n];
        multiply_blocks<n, kBlockPositions>(values(block, i), padded(block) / 4,
                                            rows.weights + first * kBlockPositions, sums);
        for (size_t j = 0; j < n; ++j) merge(block, rows.row[first + j], i, sums[j]);
      }
    });
  }

  // Elements i … i + 3 of a block's values.
  const int8_t* values(const KvBlock& block, size_t i) const {
    return reinterpret_cast<const int8_t*>(block.kv + layout_.v_offset()) + i * kBlockPositions;
  }

  // Elements i … i + 3 of a row's output.
  void merge(const KvBlock& block, size_t r, size_t i, v128_t sums) const {
    merge_values(rows_.out[r] + i, layout_.head_dim_v - i, wasm_f32x4_convert_i32x4(sums),
                 block.alpha[r], block.beta[r]);
  }

  // While a block's keys and values are multiplied, those of the next one are loaded bit by bit:
  // memory works all the time, as does the processor.
  void touch_keys(const KvBlock& block, size_t p, size_t n) const {
    const size_t position_bytes = layout_.v_offset() / kBlockPositions;  // with the scales
    touch(block.next + p * position_bytes, block.next + (p + n) * position_bytes);
  }

  void touch_values(const KvBlock& block, size_t i, size_t n) const {
    const uint8_t* values = block.next + layout_.v_offset() + i * kBlockPositions;
    touch(values, values + n * kBlockPositions);
  }

  static size_t padded(const KvBlock& block) { return (block.n_positions + 7) / 8 * 8; }

  const KvLayout& layout_;
  const QueryRows& rows_;

 private:
  alignas(16) int16_t q_[kMaxQueryRows * kMaxHeadDim];  // [n_rows, kMaxHeadDim]
  float q_scale_[kMaxQueryRows];
  Exp exp_;
};

}  // namespace pipit::simd128
