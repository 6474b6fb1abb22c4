// The plain Wasm SIMD128 kernel set: deterministic, the same bits in every browser, and exact
// against `reference` in its matrix products. Weights stand in panels of 8 rows × 32 columns: a
// vector lane is a row, so no sum runs across lanes.
#pragma once

#include "kernels/kernel_set.h"

namespace pipit {

extern const KernelSet kSimd128;

namespace simd128 {

// 4-bit weights. A 16-bit lane holds 4 nibbles of one row: lane 2·(row % 4) + l of q[v][row / 4]
// has, from the lowest nibble up, the columns 8v + l, 8v + l + 2, 8v + l + 4, 8v + l + 6. A nibble
// extracted from all lanes is then 4 rows × 2 neighbouring columns, just what i32x4.dot_i16x8
// multiplies and adds.
struct Q4Panel {
  uint16_t q[4][2][8];
  float scale[kPanelRows];
  float min[kPanelRows];
};

// 8-bit weights: q[pair][row][l] is column 2·pair + l, so that load8x8_s gives 4 rows × 2 columns.
struct Q8Panel {
  int8_t q[kGroupSize / 2][kPanelRows][2];
  float scale[kPanelRows];
};

// Float weights: one column of a panel.
template <typename Element>
struct FloatColumn {
  Element w[kPanelRows];
};

uint64_t packed_bytes(const Format& format, uint64_t n_rows, uint64_t n_cols);
void pack_rows(const uint8_t* blocks, size_t first_row, size_t n_rows, PackedMatrix& out);
void unpack_row(const PackedMatrix& w, size_t row, float* out);
void matmul(const PackedMatrix& w, const Activations& x, size_t first_panel, size_t n_panels,
            float* y);
void attention(const AttentionArgs& args);

}  // namespace simd128
}  // namespace pipit
