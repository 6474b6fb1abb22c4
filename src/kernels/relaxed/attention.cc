// Attention of the relaxed sets: fused multiply-adds over a cache of floats; over one of int8 an
// exponential of them, and bytes as softmax weights wherever 7 bits are enough.
#include "kernels/relaxed/attention.h"

#include <cmath>
#include <numbers>

#include "kernels/relaxed/dot.h"
#include "kernels/simd128/float_products.h"
#include "kernels/simd128/int8_products.h"

namespace pipit::relaxed {
namespace {

using namespace simd128;  // NOLINT(google-build-using-namespace): this is a variant of its
                          // attention

struct FusedMultiplyAdd {
  v128_t operator()(v128_t a, v128_t b, v128_t c) const { return wasm_f32x4_relaxed_madd(a, b, c); }
};

// 2^x for x ≤ 0 with a relative error below 3e-6, which is little beside the 15 bits of a weight;
// 2^-126 for anything less. A polynomial of degree 4, minimax for the relative error over ±1/2.
class Exp2 {
 public:
  v128_t operator()(v128_t x) const {
    x = wasm_f32x4_relaxed_max(x, least_);
    const v128_t shifted = wasm_f32x4_add(x, shift_);  // n + 127
    const v128_t r = wasm_f32x4_sub(x, wasm_f32x4_sub(shifted, shift_));
    v128_t p = wasm_f32x4_relaxed_madd(p4_, r, p3_);
    p = wasm_f32x4_relaxed_madd(p, r, p2_);
    p = wasm_f32x4_relaxed_madd(p, r, p1_);
    p = wasm_f32x4_relaxed_madd(p, r, p0_);
    return wasm_f32x4_mul(p, wasm_i32x4_shl(shifted, 23));
  }

 private:
  v128_t least_ = opaque_splat(-126.0f);
  v128_t shift_ = opaque_splat(kRoundingShift + 127.0f);
  v128_t p4_ = opaque_splat(9.57010128e-3f);
  v128_t p3_ = opaque_splat(5.59178591e-2f);
  v128_t p2_ = opaque_splat(2.40247443e-1f);
  v128_t p1_ = opaque_splat(6.93121791e-1f);
  v128_t p0_ = opaque_splat(9.99999285e-1f);
};

// Weights that become bytes together: 4 × 4 positions, whose lanes are added before the products
// are widened.
constexpr size_t kRunPositions = 16;

// A block's weights are bytes if the step of their integers is at most this share of all weights
// that the row has seen so far, and 16-bit integers otherwise.
constexpr float kByteStep = 1.0f / 512;

// n rows of bytes, kBlockPositions apart, times two columns of blocks of 4 × 4 bytes: lane j of
// sums[c][r] is Σ_i Σ_k rows[r][4 i + k] · blocks[c][i][4 j + k].
template <typename Dot, size_t n>
void multiply_bytes(const int8_t* blocks, size_t n_positions, const uint8_t* rows,
                    v128_t (&sums)[2][n]) {
  constexpr size_t kColumnBytes = 4 * kBlockPositions;
  for (size_t r = 0; r < n; ++r) sums[0][r] = sums[1][r] = wasm_i32x4_const_splat(0);
  for (size_t p = 0; p < n_positions; p += kRunPositions, blocks += 4 * kRunPositions) {
    v128_t runs[2][n] = {};
#pragma clang loop unroll(full)
    for (size_t i = 0; i < kRunPositions; i += 4) {
      const v128_t block0 = load(blocks + i * 4);
      const v128_t block1 = load(blocks + kColumnBytes + i * 4);
#pragma clang loop unroll(full)
      for (size_t r = 0; r < n; ++r) {
        const v128_t row = wasm_v128_load32_splat(rows + r * kBlockPositions + p + i);
        runs[0][r] = Dot::add(block0, row, runs[0][r]);
        runs[1][r] = Dot::add(block1, row, runs[1][r]);
      }
    }
    for (size_t r = 0; r < n; ++r) {
      sums[0][r] = wasm_i32x4_add(sums[0][r], Dot::total(runs[0][r]));
      sums[1][r] = wasm_i32x4_add(sums[1][r], Dot::total(runs[1][r]));
    }
  }
}

template <typename Dot>
class ByteProducts : public Int8Products {
 public:
  static constexpr float kScoreUnit = std::numbers::log2e_v<float>;

  ByteProducts(const AttentionArgs& a, const QueryRows& rows)
      : Int8Products(a, rows, a.scale * kScoreUnit) {}

  // The row's weights times the values' scales, whose largest sum of four (of a lane of a run) is
  // the measure of their integers: with at most 127 a lane, rounding adds 2 at most, and so a pair
  // of lanes times 127 is at most 258 · 127 < 2^15.
  void weigh(KvBlock& block, size_t row, BlockRange seen, RunningSoftmax& softmax) {
    float* weights = block.row(row);
    const float* v_scale = v_scales(block);
    const size_t n = whole_runs(block);
    fill_unseen(weights, n, seen, -INFINITY);
    v128_t max4 = load(weights);
    for (size_t p = 4; p < n; p += 4) max4 = wasm_f32x4_relaxed_max(max4, load(weights + p));
    const float max = max_lane(max4);
    max4 = wasm_f32x4_splat(max);
    v128_t sums = wasm_f32x4_const_splat(0);
    v128_t masses = sums;
    v128_t peaks = sums;
    for (size_t first = 0; first < n; first += kRunPositions) {
      v128_t run = wasm_f32x4_const_splat(0);
#pragma clang loop unroll(full)
      for (size_t i = 0; i < kRunPositions; i += 4) {
        const size_t p = first + i;
        const v128_t weight = exp2_(wasm_f32x4_sub(load(weights + p), max4));
        sums = wasm_f32x4_add(sums, weight);
        const v128_t scaled = wasm_f32x4_mul(weight, load(v_scale + p));
        store(weights + p, scaled);
        run = wasm_f32x4_add(run, scaled);
      }
      masses = wasm_f32x4_add(masses, run);
      peaks = wasm_f32x4_relaxed_max(peaks, run);
    }
    fill_unseen(weights, n, seen, 0.0f);
    const float distance = std::fabs(max - softmax.max);
    const float factor = wasm_f32x4_extract_lane(exp2_(wasm_f32x4_splat(-distance)), 0);
    softmax.join(max, sum_lanes(sums), factor, block.alpha[row], block.beta[row]);
    block_mass_[row] = sum_lanes(masses);
    mass_[row] = block.alpha[row] * mass_[row] + block.beta[row] * block_mass_[row];
    step_[row] = max_lane(peaks) / 127;
  }

  void add_values(KvBlock& block) {
    WeightRows<int16_t> wide;
    WeightRows<uint8_t> bytes;
    for (size_t r = block.first_row; r < block.end_row; ++r) {
      if (step_[r] * block.beta[r] <= kByteStep * mass_[r]) {
        quantise_bytes(block, r, bytes);
      } else {
        quantise(block, r, wide);
      }
    }
    Int8Products::add_values(block, wide);
    for_row_runs(0, bytes.n, [&](auto n, size_t first) {
      for (size_t i = 0; i < layout_.head_dim_v; i += 8) {
        if (first == 0) touch_values(block, i, 8);
        v128_t sums[2][n];
        multiply_bytes<Dot, n>(values(block, i), whole_runs(block),
                               bytes.weights + first * kBlockPositions, sums);
        for (size_t j = 0; j < n; ++j) {
          merge(block, bytes.row[first + j], i, sums[0][j]);
          if (i + 4 < layout_.head_dim_v) merge(block, bytes.row[first + j], i + 4, sums[1][j]);
        }
      }
    });
  }

 private:
  void quantise_bytes(KvBlock& block, size_t r, WeightRows<uint8_t>& rows) const {
    const float* x = block.row(r);
    uint8_t* out = rows.weights + rows.n * kBlockPositions;
    const v128_t inverse = wasm_f32x4_splat(step_[r] > 0 ? 1 / step_[r] : 0.0f);
    const v128_t half = opaque_splat(0.5f);
    v128_t sums = wasm_i32x4_const_splat(0);
    const auto integers = [&](size_t p) {
      const v128_t q =
          wasm_i32x4_relaxed_trunc_f32x4(wasm_f32x4_relaxed_madd(load(x + p), inverse, half));
      sums = wasm_i32x4_add(sums, q);
      return q;
    };
    for (size_t p = 0; p < whole_runs(block); p += kRunPositions) {
      const v128_t low = wasm_i16x8_narrow_i32x4(integers(p), integers(p + 4));
      const v128_t high = wasm_i16x8_narrow_i32x4(integers(p + 8), integers(p + 12));
      store(out + p, wasm_u8x16_narrow_i16x8(low, high));
    }
    // What rounding added or took away in all is given back.
    const float sum = sum_lanes(wasm_f32x4_convert_i32x4(sums));
    block.beta[r] *= sum > 0 ? block_mass_[r] / sum : 0.0f;
    rows.row[rows.n++] = r;
  }

  static size_t whole_runs(const KvBlock& block) {
    return (block.n_positions + kRunPositions - 1) / kRunPositions * kRunPositions;
  }

  Exp2 exp2_;
  float mass_[kMaxQueryRows] = {};   // Σ weight · scale of value, of all blocks so far
  float block_mass_[kMaxQueryRows];  // the same, of this block
  float step_[kMaxQueryRows];        // of this block's weights as bytes
};

}  // namespace

template <typename Dot>
void attention(const AttentionArgs& a) {
  switch (a.kv.layout.type) {
    case KvType::kF32:
      return attend_tile<FloatProducts<float, LoadFloats, FusedMultiplyAdd>>(a);
    case KvType::kF16:
      return attend_tile<FloatProducts<uint16_t, LoadHalves, FusedMultiplyAdd>>(a);
    case KvType::kInt8:
      return attend_tile<ByteProducts<Dot>>(a);
  }
}

template void attention<DotI16>(const AttentionArgs& a);
template void attention<DotI32>(const AttentionArgs& a);

}  // namespace pipit::relaxed
