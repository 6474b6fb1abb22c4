// Activations of the relaxed set's products with weights of 4 to 6 bits: int8, except that a group
// of 32 columns may have one or two units of four neighbouring columns with 15 bits.
//
// A group's largest value sets the scale of all its values, and in a transformer a few columns are
// far larger than the rest; with a byte of their own they no longer cost the others their
// precision. (LLM.int8(), Dettmers et al. 2022, keeps outliers apart for the same reason.)
//
// Measured on SmolLM2-135M against llama.cpp in F32, 4,096 tokens: mean KL divergence 2.65e-3 and
// the same top token in 96.75 % with int8 alone, 2.5e-4 and 99.2 % with outlier units.
#pragma once

#include <cstdint>

#include "kernels/panels/panels.h"

namespace pipit::relaxed {

using panels::kUnitColumns;
using panels::kUnits;

inline constexpr size_t kMaxOutliers = 2;

// One group of T tokens: value = scale · (q + 128 · outlier), where `outlier` holds the columns of
// the outlier units and is 0 elsewhere.
template <int T>
struct GroupTile {
  int8_t q[T][kGroupSize];                        // -127 … 127; in outlier units -64 … 63
  int8_t outlier[kMaxOutliers][T][kUnitColumns];  // -127 … 127
  float scale[T];
  float sum[T];          // scale · Σ (q + 128 · outlier): what a weight's minimum is multiplied by
  float half_sum[2][T];  // the same of the columns 0 … 15 and 16 … 31
  uint32_t n_outliers;
  uint32_t unit[kMaxOutliers];  // 0 … 7: columns 4 · unit …
};

// Tiles [n_tiles, n_groups], or one of a single token; tokens that a tile lacks are zero.
inline uint64_t tile_bytes(size_t n_tokens, size_t n_cols) {
  const uint64_t n_groups = n_cols / kGroupSize;
  return n_tokens == 1 ? n_groups * sizeof(GroupTile<1>)
                       : (n_tokens + kTileTokens - 1) / kTileTokens * n_groups *
                             sizeof(GroupTile<kTileTokens>);
}

// Fills one tile of `out` from a.x.
void quantise_tile(const Activations& a, size_t tile, uint8_t* out);

}  // namespace pipit::relaxed
