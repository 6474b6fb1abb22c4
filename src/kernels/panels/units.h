// The weights of panels as vectors of bytes: a unit of four rows.
#pragma once

#include <wasm_simd128.h>

#include "kernels/panels/float_elements.h"
#include "kernels/panels/panel_loop.h"
#include "kernels/panels/panels.h"

namespace pipit::panels {

// Out of the compiler's sight, as the nibble masks of panel_loop.h and for the same reason.
extern const uint8_t kFifthBit8[16];
extern const uint8_t kHighBits8[16];

// The constants that Units need; to be made outside of a loop.
template <typename Panel>
struct UnitConstants {
  v128_t nibble = wasm_v128_load(kNibbleMask8);
  v128_t high = wasm_v128_load(Panel::kHighBits == 1 ? kFifthBit8 : kHighBits8);
  v128_t table = wasm_v128_load(kTable4Values);
};

// One unit, any of them: what outliers are multiplied with.
template <typename Panel>
inline v128_t load_unit(const Panel& panel, uint32_t unit, int half,
                        const UnitConstants<Panel>& constants) {
  const v128_t nibbles = wasm_u16x8_shr(wasm_v128_load(panel.planes[unit / 2][half]), unit % 2 * 4);
  const v128_t low = wasm_v128_and(nibbles, constants.nibble);
  if constexpr (Panel::kHighBits == 0) {
    return low;
  } else {
    const uint32_t bit = unit * Panel::kHighBits;
    const v128_t plane = wasm_v128_load(panel.planes[4 + bit / 8][half]);
    const v128_t high = wasm_i16x8_shl(wasm_u16x8_shr(plane, bit % 8), 4);
    return wasm_v128_or(low, wasm_v128_and(high, constants.high));
  }
}

// All planes of a panel, loaded.
template <typename Panel>
class Units {
 public:
  explicit Units(const Panel& panel) {
    PIPIT_UNROLL for (int i = 0; i < kPlanes; ++i) {
      PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
        planes_[i][half] = wasm_v128_load(panel.planes[i][half]);
      }
    }
  }

  // Unit u of the rows 4 · half …, of a u that the compiler knows.
  v128_t bytes(int u, int half, const UnitConstants<Panel>& constants) const {
    const v128_t nibbles =
        u % 2 == 0 ? planes_[u / 2][half] : wasm_u16x8_shr(planes_[u / 2][half], 4);
    const v128_t low = wasm_v128_and(nibbles, constants.nibble);
    if constexpr (Panel::kIsSigned) {
      return wasm_i8x16_swizzle(constants.table, low);
    } else if constexpr (Panel::kHighBits > 0) {
      const int bit = u * Panel::kHighBits % 8;
      const v128_t plane = planes_[4 + u * Panel::kHighBits / 8][half];
      const v128_t high = bit <= 4 ? wasm_i16x8_shl(plane, static_cast<uint32_t>(4 - bit))
                                   : wasm_u16x8_shr(plane, static_cast<uint32_t>(bit - 4));
      return wasm_v128_or(low, wasm_v128_and(high, constants.high));
    } else {
      return low;
    }
  }

 private:
  static constexpr int kPlanes = 4 + Panel::kHighBits;
  v128_t planes_[kPlanes][2];
};

// The scales of four rows.
template <typename Panel>
inline v128_t load_scale(const Panel& panel, int scale, int half) {
  return to_f32(panel.scale(scale) + 4 * half);
}

// Their minima.
template <typename Panel>
inline v128_t load_min(const Panel& panel, int scale, int half) {
  if constexpr (Panel::kCentre > 0) {
    return wasm_f32x4_mul(load_scale(panel, scale, half), wasm_f32x4_const_splat(-Panel::kCentre));
  } else {
    return to_f32(panel.min(scale) + 4 * half);
  }
}

}  // namespace pipit::panels
