// The weight layout of the vector sets: panels of 8 rows × 32 columns. A vector lane is a row, so
// no sum runs across lanes.
#pragma once

#include "kernels/kernel_set.h"

namespace pipit::panels {

// Kernels with 16-bit lanes take the columns of each 8 in the order 0 2 4 6 1 3 5 7, in pairs:
// that is how the nibbles of a Q4Panel's 16-bit lanes lie. pair_column(i) is the column in place i
// of a group, pair_position(k) the place of column k.
constexpr size_t pair_column(size_t i) { return i / 8 * 8 + i % 4 * 2 + i % 8 / 4; }
constexpr size_t pair_position(size_t k) { return k / 8 * 8 + k % 2 * 4 + k % 8 / 2; }

// 4-bit weights. Byte 4·(row % 4) + j of q[v][row / 4] holds the columns 8v + j (low nibble) and
// 8v + 4 + j (high nibble): four neighbouring columns of a row in each 32-bit lane, what a dot
// product of bytes multiplies and adds.
struct Q4Panel {
  uint8_t q[4][2][16];
  float scale[kPanelRows];
  float min[kPanelRows];
};

// 8-bit weights: q[i][row] holds the columns pair_column(2i) and pair_column(2i + 1), so that
// load8x8_s gives 4 rows × 2 columns.
struct Q8Panel {
  int8_t q[kGroupSize / 2][kPanelRows][2];
  float scale[kPanelRows];
};

// Float weights: one column of a panel.
template <typename Element>
struct FloatColumn {
  Element w[kPanelRows];
};

// As in KernelSet.
uint64_t packed_bytes(const Format& format, uint64_t n_rows, uint64_t n_cols);
void pack_rows(const uint8_t* blocks, size_t first_row, size_t n_rows, PackedMatrix& out);
void unpack_row(const PackedMatrix& w, size_t row, float* out);

}  // namespace pipit::panels
