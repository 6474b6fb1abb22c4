// Attention of a tile of queries over one KV head, block by block with an online softmax (Milakov &
// Gimelshein 2018, Dao et al. 2022): one pass over the cache, and no row of all scores. What
// multiplies keys and values is a parameter, one for each way of storing them.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "kernels/kernel_set.h"
#include "kernels/simd128/simd128.h"
#include "kernels/simd128/vec.h"

namespace pipit::simd128 {

// Query rows that share the loads of K and V.
inline constexpr size_t kMaxQueryRows = 16;

// Queries of one KV head, ordered by token.
struct QueryRows {
  size_t n = 0;
  const float* q[kMaxQueryRows];  // [head_dim] each
  float* out[kMaxQueryRows];      // [head_dim_v] each
  // first_position … n_positions - 1 are seen; neither falls from row to row.
  size_t first_position[kMaxQueryRows];
  size_t n_positions[kMaxQueryRows];
};

// Positions of a block, begin … end - 1.
struct BlockRange {
  size_t begin;
  size_t end;
};

// A block of positions for the rows first_row … end_row - 1.
struct KvBlock {
  const uint8_t* kv;    // its keys and values
  const uint8_t* next;  // those of the next block, or of this one when it is the last
  size_t first_row;
  size_t end_row;
  size_t n_positions;  // that the last row sees
  // [kMaxQueryRows, kBlockPositions] scores, then weights: e^(score - largest of the row's in this
  // block), zero for positions that the row does not see.
  float* weights;
  // out = alpha · out + beta · Σ weight · v
  float alpha[kMaxQueryRows];
  float beta[kMaxQueryRows];

  float* row(size_t r) const { return weights + r * kBlockPositions; }
};

// Loads a byte of every cache line of [first, end), so that it will be there: Wasm has no prefetch.
inline void touch(const uint8_t* first, const uint8_t* end) {
  for (; first < end; first += 64) *static_cast<const volatile uint8_t*>(first);
}

// Calls f(integral_constant<n>, row) for runs of n ≤ 4 rows: as many as share registers well.
template <typename F>
void for_row_runs(size_t first, size_t end, const F& f) {
  while (first < end) {
    const size_t n = end - first;
    if (n % 4 == 0 || (n > 4 && n % 3 != 0)) {
      f(std::integral_constant<size_t, 4>(), first);
      first += 4;
    } else if (n >= 3) {
      f(std::integral_constant<size_t, 3>(), first);
      first += 3;
    } else if (n == 2) {
      f(std::integral_constant<size_t, 2>(), first);
      first += 2;
    } else {
      f(std::integral_constant<size_t, 1>(), first);
      first += 1;
    }
  }
}

// out[0 … 3] = alpha · out + beta · sums; only the first n of them.
inline void merge_values(float* out, size_t n, v128_t sums, float alpha, float beta) {
  const v128_t scaled = wasm_f32x4_mul(sums, wasm_f32x4_splat(beta));
  const v128_t alpha4 = wasm_f32x4_splat(alpha);
  if (n >= 4) {
    store(out, multiply_add(load(out), alpha4, scaled));
    return;
  }
  float values[4] = {};
  std::copy_n(out, n, values);
  store(values, multiply_add(load(values), alpha4, scaled));
  std::copy_n(values, n, out);
}

// Sets the elements of a block's row that are not of seen positions.
inline void fill_unseen(float* row, size_t n, BlockRange seen, float value) {
  std::fill(row, row + seen.begin, value);
  std::fill(row + seen.end, row + n, value);
}

// score = cap · tanh(score / cap), of all rows of a block.
inline void cap_scores(const KvBlock& block, float cap) {
  const size_t n_padded = (block.n_positions + 3) / 4 * 4;  // whole vectors
  for (size_t r = block.first_row; r < block.end_row; ++r) softcap(block.row(r), n_padded, cap);
}

// A row's running softmax.
struct RunningSoftmax {
  float max = -INFINITY;
  float sum = 0;  // of e^(score - max)

  // Takes in a block with that largest score and that sum; `factor` is e^-|block_max - max|.
  void join(float block_max, float block_sum, float factor, float& alpha, float& beta) {
    alpha = block_max > max ? factor : 1.0f;
    beta = block_max > max ? 1.0f : factor;
    max = std::max(max, block_max);
    sum = alpha * sum + beta * block_sum;
  }

  // Turns a row's scores, of which those of the seen positions count, into weights.
  void take(const Exp& exp, KvBlock& block, size_t row, BlockRange seen) {
    float* scores = block.row(row);
    const size_t n_padded = (block.n_positions + 7) / 8 * 8;
    fill_unseen(scores, n_padded, seen, -INFINITY);
    v128_t max4 = load(scores);
    for (size_t p = 4; p < n_padded; p += 4) max4 = wasm_f32x4_pmax(max4, load(scores + p));
    const float block_max = max_lane(max4);
    max4 = wasm_f32x4_splat(block_max);
    v128_t sums = wasm_f32x4_const_splat(0);
    for (size_t p = 0; p < n_padded; p += 4) {
      const v128_t e = exp(wasm_f32x4_sub(load(scores + p), max4));
      store(scores + p, e);
      sums = wasm_f32x4_add(sums, e);  // e^-87 of an unseen position is lost beside the 1
    }
    fill_unseen(scores, n_padded, seen, 0.0f);
    const float distance = std::fabs(block_max - max);
    const float factor = wasm_f32x4_extract_lane(exp(wasm_f32x4_splat(-distance)), 0);
    join(block_max, sum_lanes(sums), factor, block.alpha[row], block.beta[row]);
  }
};

template <typename Products>
void attend(const AttentionArgs& a, const QueryRows& rows) {
  Products products(a, rows);
  const size_t n_values = a.kv.layout.head_dim_v;
  alignas(16) float weights[kMaxQueryRows * kBlockPositions];
  RunningSoftmax softmax[kMaxQueryRows];
  for (size_t r = 0; r < rows.n; ++r) std::fill_n(rows.out[r], n_values, 0.0f);

  KvBlock block;
  block.first_row = block.end_row = 0;
  block.weights = weights;
  const size_t n_positions = rows.n_positions[rows.n - 1];
  size_t first = rows.first_position[0] / kBlockPositions * kBlockPositions;
  for (; first < n_positions; first += kBlockPositions) {
    const size_t next = first + kBlockPositions;
    while (rows.n_positions[block.first_row] <= first) ++block.first_row;
    while (block.end_row < rows.n && rows.first_position[block.end_row] < next) ++block.end_row;
    block.kv = a.kv.block(first, a.head_kv);
    block.next = next < n_positions ? a.kv.block(next, a.head_kv) : block.kv;
    block.n_positions = std::min(kBlockPositions, n_positions - first);
    products.scores(block);
    if (a.softcap > 0) cap_scores(block, a.softcap * Products::kScoreUnit);
    for (size_t r = block.first_row; r < block.end_row; ++r) {
      const BlockRange seen = {std::max(rows.first_position[r], first) - first,
                               std::min(block.n_positions, rows.n_positions[r] - first)};
      products.weigh(block, r, seen, softmax[r]);
    }
    products.add_values(block);
  }
  for (size_t r = 0; r < rows.n; ++r) {
    const float inverse = 1.0f / softmax[r].sum;
    for (size_t i = 0; i < n_values; ++i) rows.out[r][i] *= inverse;
  }
}

// All rows of the tile. Products has
//   Products(const AttentionArgs&, const QueryRows&)
//   kScoreUnit                 the factor of the scores
//   void scores(KvBlock&)      kScoreUnit · scale · q·k into block.weights, positions up to a
//                              multiple of 8
//   void weigh(KvBlock&, size_t row, BlockRange seen, RunningSoftmax&)
//                              the row's scores to weights, alpha and beta
//   void add_values(KvBlock&)  may use block.weights as scratch
template <typename Products>
void attend_tile(const AttentionArgs& a) {
  QueryRows rows;
  for (size_t t = 0; t < a.n_tokens; ++t) {
    for (size_t g = 0; g < a.group; ++g) {
      rows.q[rows.n] = a.query(t, g);
      rows.out[rows.n] = a.output(t, g);
      rows.first_position[rows.n] = a.first_position(t);
      rows.n_positions[rows.n] = a.end_position(t);
      if (++rows.n == kMaxQueryRows) {
        attend<Products>(a, rows);
        rows.n = 0;
      }
    }
  }
  if (rows.n > 0) attend<Products>(a, rows);
}

}  // namespace pipit::simd128
