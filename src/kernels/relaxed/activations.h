// Activations of the relaxed set's 4-bit products: int8, except that in every group of 32 columns
// four neighbours, among them the largest, have 15 bits.
//
// A group's largest value sets the scale of all its values, and in a transformer a few columns are
// far larger than the rest; with their own byte they no longer cost the others their precision.
// Measured on SmolLM2-135M against exact arithmetic, over 4,096 tokens: mean KL divergence 2.65e-3
// with int8 alone. (LLM.int8(), Dettmers et al. 2022, keeps outliers apart for the same reason.)
#pragma once

#include <cstdint>

#include "kernels/kernel_set.h"

namespace pipit::relaxed {

// Columns of an outlier unit: what one lane of a Q4Panel's bytes holds of a row.
inline constexpr size_t kUnitColumns = 4;
inline constexpr size_t kUnits = kGroupSize / kUnitColumns;

// One group of T tokens: value = scale · (q + 128 · outlier), where `outlier` has the columns of
// the unit and is 0 elsewhere.
template <int T>
struct GroupTile {
  int8_t q[T][kGroupSize];          // -127 … 127; in the unit -64 … 63
  int8_t outlier[T][kUnitColumns];  // -127 … 127
  float scale[T];
  float sum[T];   // scale · Σ (q + 128 · outlier): what a weight's minimum is multiplied by
  uint32_t unit;  // 0 … 7: columns 4 · unit …
};

// Tiles [n_tiles, n_groups], or one of a single token; tokens that a tile lacks are zero.
inline uint64_t tile_bytes(size_t n_tokens, size_t n_cols) {
  const uint64_t n_groups = n_cols / kGroupSize;
  return n_tokens == 1 ? n_groups * sizeof(GroupTile<1>)
                       : (n_tokens + 3) / 4 * n_groups * sizeof(GroupTile<4>);
}

// Fills one tile of `out` from a.x.
void quantise_tile(const Activations& a, size_t tile, uint8_t* out);

}  // namespace pipit::relaxed
