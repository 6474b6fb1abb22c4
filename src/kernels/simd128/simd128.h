// The plain Wasm SIMD128 kernel set: deterministic, the same bits in every browser, and exact
// against `reference` in its matrix products. Weights stand in panels of 8 rows × 32 columns: a
// vector lane is a row, so no sum runs across lanes.
#pragma once

#include "kernels/kernel_set.h"

namespace pipit {

extern const KernelSet kSimd128;

namespace simd128 {

// Both products multiply 16-bit lanes, so activations keep 16 bits at no cost. Measured on
// SmolLM2-135M against exact arithmetic: int8 activations differ by a mean KL divergence of 2.8e-3,
// 16-bit ones by 5e-8.
inline constexpr int32_t kActivationMax = 32767;

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

// Columns [first_col, first_col + n_cols) of a panel as floats; for the integer kinds both are
// multiples of kGroupSize.
void unpack_panel(const PackedMatrix& w, size_t panel, size_t first_col, size_t n_cols,
                  FloatColumn<float>* out);

uint64_t quantised_bytes(size_t n_tokens, size_t n_cols);
void quantise(Activations& a, size_t tile);
void matmul(const PackedMatrix& w, const Activations& x, size_t first_panel, size_t n_panels,
            float* y);

void rms_norm(const float* x, const float* weight, size_t n, float eps, float* out);
void rope(float* x, size_t n_heads, size_t head_dim, size_t n_rot, const float* cos,
          const float* sin);
void swiglu(float* gate, const float* up, size_t n);
void add(float* x, const float* y, size_t n);
void attention(const AttentionArgs& args);

}  // namespace simd128
}  // namespace pipit
