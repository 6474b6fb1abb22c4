// Columns of a packed panel as floats, for kernel sets that multiply floats.
#include "kernels/panels/float_elements.h"
#include "kernels/panels/panels.h"
#include "kernels/simd128/vec.h"

namespace pipit::panels {
namespace {

using simd128::load;
using simd128::multiply_add;
using simd128::store;

template <typename Panel>
const Panel* panel_at(const PackedMatrix& w, size_t panel, size_t panel_size) {
  return reinterpret_cast<const Panel*>(w.bytes.data()) + panel * panel_size;
}

// Groups [n] to columns [n · kGroupSize].
void unpack(const Q4Panel* groups, size_t n, FloatColumn<float>* out) {
  const v128_t mask = wasm_i32x4_const_splat(15);
  for (size_t g = 0; g < n; ++g, out += kGroupSize) {
    for (size_t half = 0; half < 2; ++half) {
      const v128_t scale = load(groups[g].scale + 4 * half);
      const v128_t min = load(groups[g].min + 4 * half);
      for (size_t v = 0; v < 4; ++v) {
        const v128_t bytes = load(groups[g].q[v][half]);  // a 32-bit lane is a row
        for (uint32_t i = 0; i < 8; ++i) {
          const uint32_t shift = 8 * (i % 4) + 4 * (i / 4);
          const v128_t q = wasm_v128_and(wasm_u32x4_shr(bytes, shift), mask);
          store(out[8 * v + i].w + 4 * half, multiply_add(wasm_f32x4_convert_i32x4(q), scale, min));
        }
      }
    }
  }
}

void unpack(const Q8Panel* groups, size_t n, FloatColumn<float>* out) {
  for (size_t g = 0; g < n; ++g, out += kGroupSize) {
    const v128_t scale[2] = {load(groups[g].scale), load(groups[g].scale + 4)};
    for (size_t pair = 0; pair < kGroupSize / 2; ++pair) {
      for (size_t half = 0; half < 2; ++half) {
        const v128_t q = wasm_i16x8_load8x8(groups[g].q[pair][4 * half]);  // a 32-bit lane is a row
        const v128_t low = wasm_i32x4_shr(wasm_i32x4_shl(q, 16), 16);
        const v128_t high = wasm_i32x4_shr(q, 16);
        store(out[pair_column(2 * pair)].w + 4 * half,
              wasm_f32x4_mul(wasm_f32x4_convert_i32x4(low), scale[half]));
        store(out[pair_column(2 * pair + 1)].w + 4 * half,
              wasm_f32x4_mul(wasm_f32x4_convert_i32x4(high), scale[half]));
      }
    }
  }
}

template <typename Element>
void unpack(const FloatColumn<Element>* columns, size_t n, FloatColumn<float>* out) {
  for (size_t k = 0; k < n; ++k) {
    store(out[k].w, to_f32(columns[k].w));
    store(out[k].w + 4, to_f32(columns[k].w + 4));
  }
}

}  // namespace

void unpack_panel(const PackedMatrix& w, size_t panel, size_t first_col, size_t n_cols,
                  FloatColumn<float>* out) {
  const size_t first_group = first_col / kGroupSize;
  const size_t n_groups = w.n_cols / kGroupSize;
  switch (w.kind()) {
    case WeightKind::kInt4:
      return unpack(panel_at<Q4Panel>(w, panel, n_groups) + first_group, n_cols / kGroupSize, out);
    case WeightKind::kInt8:
      return unpack(panel_at<Q8Panel>(w, panel, n_groups) + first_group, n_cols / kGroupSize, out);
    case WeightKind::kF16:
      return unpack(panel_at<FloatColumn<Half>>(w, panel, w.n_cols) + first_col, n_cols, out);
    case WeightKind::kBF16:
      return unpack(panel_at<FloatColumn<Bfloat>>(w, panel, w.n_cols) + first_col, n_cols, out);
    case WeightKind::kF32:
      return unpack(panel_at<FloatColumn<float>>(w, panel, w.n_cols) + first_col, n_cols, out);
  }
}

}  // namespace pipit::panels
