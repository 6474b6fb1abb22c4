// Columns of a packed panel as floats, for kernel sets that multiply floats.
#include "kernels/panels/float_elements.h"
#include "kernels/panels/panels.h"
#include "kernels/panels/units.h"
#include "kernels/simd128/vec.h"

namespace pipit::panels {
namespace {

using simd128::multiply_add;
using simd128::store;

template <typename Panel>
const Panel* panel_at(const PackedMatrix& w, size_t panel, size_t panel_size) {
  return reinterpret_cast<const Panel*>(w.bytes.data()) + panel * panel_size;
}

// Groups [n] to columns [n · kGroupSize].
template <typename Panel>
void unpack(const Panel* groups, size_t n, FloatColumn<float>* out) {
  const UnitConstants<Panel> constants;
  for (size_t g = 0; g < n; ++g, out += kGroupSize) {
    const Units<Panel> units(groups[g]);
    for (int half = 0; half < 2; ++half) {
      PIPIT_UNROLL for (int u = 0; u < static_cast<int>(kUnits); ++u) {
        const int i = u * Panel::kScales / static_cast<int>(kUnits);
        const v128_t scale = load_scale(groups[g], i, half);
        const v128_t bytes = units.bytes(u, half, constants);  // a 32-bit lane is a row
        PIPIT_UNROLL for (uint32_t j = 0; j < kUnitColumns; ++j) {
          const v128_t top = wasm_i32x4_shl(bytes, 24 - 8 * j);
          float* column = out[static_cast<uint32_t>(u) * kUnitColumns + j].w + 4 * half;
          if constexpr (Panel::kHasMin) {
            const v128_t q = wasm_f32x4_convert_i32x4(wasm_u32x4_shr(top, 24));
            store(column, multiply_add(q, scale, load_min(groups[g], i, half)));
          } else {
            store(column, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(wasm_i32x4_shr(top, 24)), scale));
          }
        }
      }
    }
  }
}

void unpack(const Q8Panel* groups, size_t n, FloatColumn<float>* out) {
  for (size_t g = 0; g < n; ++g, out += kGroupSize) {
    const v128_t scale[2] = {to_f32(groups[g].scale), to_f32(groups[g].scale + 4)};
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
    case WeightKind::kInt8:
      return unpack(panel_at<Q8Panel>(w, panel, n_groups) + first_group, n_cols / kGroupSize, out);
    case WeightKind::kF16:
      return unpack(panel_at<FloatColumn<Half>>(w, panel, w.n_cols) + first_col, n_cols, out);
    case WeightKind::kBF16:
      return unpack(panel_at<FloatColumn<Bfloat>>(w, panel, w.n_cols) + first_col, n_cols, out);
    case WeightKind::kF32:
      return unpack(panel_at<FloatColumn<float>>(w, panel, w.n_cols) + first_col, n_cols, out);
    default:
      return with_nibble_panel(w.kind(), [&]<typename Panel>() {
        unpack(panel_at<Panel>(w, panel, n_groups) + first_group, n_cols / kGroupSize, out);
      });
  }
}

}  // namespace pipit::panels
