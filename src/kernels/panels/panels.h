// The weight layout of the vector sets: panels of 8 rows × 32 columns. A vector lane is a row, so
// no sum runs across lanes.
#pragma once

#include <bit>

#include "base/float16.h"
#include "kernels/kernel_set.h"

namespace pipit::panels {

// Kernels with 16-bit lanes take the columns of each 8 in the order 0 2 4 6 1 3 5 7, in pairs:
// that is how the nibbles of a Q4Panel's 16-bit lanes lie. pair_column(i) is the column in place i
// of a group, pair_position(k) the place of column k.
constexpr size_t pair_column(size_t i) { return i / 8 * 8 + i % 4 * 2 + i % 8 / 4; }
constexpr size_t pair_position(size_t k) { return k / 8 * 8 + k % 2 * 4 + k % 8 / 2; }

// Four neighbouring columns of a group: what a dot product of bytes multiplies and adds in a 32-bit
// lane, which is a row. Unit u of a row is a word whose byte j belongs to column 4u + j.
inline constexpr size_t kUnitColumns = 4;
inline constexpr size_t kUnits = kGroupSize / kUnitColumns;

// A scale or minimum as the file has it, in half precision. At the memory's speed bytes count:
// as floats they made a Q4_1 matrix a fifth larger, and decoding SmolLM2-135M took 1.10 times as
// long on a machine that reads 10 GB/s.
struct FiniteHalf {
  uint16_t bits;

  // Of a value that a half can hold: nothing is rounded, no case is to be told from another.
  FiniteHalf& operator=(float value) {
    const auto shifted = std::bit_cast<uint32_t>(value * 0x1p-112f);
    bits = static_cast<uint16_t>((shifted >> 16 & 0x8000) | (shifted >> 13 & 0x7fff));
    return *this;
  }
  operator float() const { return f16_to_f32(bits); }
};

// Weights of 4, 5 or 6 bits. The low four bits of units 2v and 2v + 1 are the low and high nibbles
// of planes[v]; the others stand above them in planes of their own, 8 / kHigh units in a byte.
// Behind the scales [kScales] of a group (or of its halves) are its minima, unless the weights have
// their zero in the middle of the range.
template <int kHigh, int kScalesOfGroup, bool kIsCentred, typename Factor>
struct BitPanel {
  static constexpr int kHighBits = kHigh;
  static constexpr int kScales = kScalesOfGroup;
  static constexpr bool kHasMin = true;
  static constexpr bool kIsSigned = false;
  static constexpr int kMax = (16 << kHigh) - 1;                 // of a weight
  static constexpr float kCentre = kIsCentred ? 8 << kHigh : 0;  // 0: no weight is known to be zero

  uint32_t planes[4 + kHigh][2][kPanelRows / 2];
  Factor factors[kIsCentred ? kScales : 2 * kScales][kPanelRows];

  const Factor* scale(int i) const { return factors[i]; }
  const Factor* min(int i) const { return factors[kScales + i]; }  // unless it is centred
};

using Q4Panel = BitPanel<0, 1, false, FiniteHalf>;
using Q4CentredPanel = BitPanel<0, 1, true, FiniteHalf>;
using Q4WidePanel = BitPanel<0, 1, false, float>;
using Q4HalvesPanel = BitPanel<0, 2, false, float>;
using Q5Panel = BitPanel<1, 1, false, FiniteHalf>;
using Q5CentredPanel = BitPanel<1, 1, true, FiniteHalf>;
using Q5WidePanel = BitPanel<1, 1, false, float>;
using Q6HalvesPanel = BitPanel<2, 2, true, float>;

// Weights of kTable4Values, whose codes stand where a Q4Panel has its weights.
template <typename Factor>
struct Table4Panel {
  static constexpr int kHighBits = 0;
  static constexpr int kScales = 1;
  static constexpr bool kHasMin = false;
  static constexpr bool kIsSigned = true;

  uint32_t planes[4][2][kPanelRows / 2];
  Factor factors[1][kPanelRows];

  const Factor* scale(int /*i*/) const { return factors[0]; }
};

// Calls use.operator()<Panel>() with the panel type of a kind whose weights stand in nibbles.
template <typename Use>
auto with_nibble_panel(WeightKind kind, const Use& use) {
  switch (kind) {
    case WeightKind::kInt4Centred:
      return use.template operator()<Q4CentredPanel>();
    case WeightKind::kInt4Wide:
      return use.template operator()<Q4WidePanel>();
    case WeightKind::kInt4Halves:
      return use.template operator()<Q4HalvesPanel>();
    case WeightKind::kInt5:
      return use.template operator()<Q5Panel>();
    case WeightKind::kInt5Centred:
      return use.template operator()<Q5CentredPanel>();
    case WeightKind::kInt5Wide:
      return use.template operator()<Q5WidePanel>();
    case WeightKind::kInt6Halves:
      return use.template operator()<Q6HalvesPanel>();
    case WeightKind::kTable4:
      return use.template operator()<Table4Panel<FiniteHalf>>();
    case WeightKind::kTable4Wide:
      return use.template operator()<Table4Panel<float>>();
    default:
      return use.template operator()<Q4Panel>();
  }
}

// 8-bit weights: q[i][row] holds the columns pair_column(2i) and pair_column(2i + 1), so that
// load8x8_s gives 4 rows × 2 columns.
struct Q8Panel {
  int8_t q[kGroupSize / 2][kPanelRows][2];
  FiniteHalf scale[kPanelRows];
};

// Halved 8-bit weights: a weight is 16 · high + low - 128, and both stand where a Q4Panel has its
// weights. The HighPanels [n_panels, n_groups] of a matrix come before its LowPanels [n_panels,
// n_groups].
struct LowPanel {
  static constexpr int kHighBits = 0;
  static constexpr bool kIsSigned = false;

  uint32_t planes[4][2][kPanelRows / 2];
};
struct HighPanel : LowPanel {
  static constexpr int kScales = 1;

  FiniteHalf scale[kPanelRows];
};
static_assert(sizeof(HighPanel) + sizeof(LowPanel) == sizeof(Q8Panel));

// Of `w`, which is halved.
inline const HighPanel* high_panels(const PackedMatrix& w) {
  return reinterpret_cast<const HighPanel*>(w.bytes.data());
}
inline const LowPanel* low_panels(const PackedMatrix& w) {
  return reinterpret_cast<const LowPanel*>(high_panels(w) + w.n_panels() * (w.n_cols / kGroupSize));
}

// What the high half leaves of a weight, 0 … 15: on average, and its variance.
inline constexpr float kLowMean = 7.5f;
inline constexpr float kLowVariance = (16 * 16 - 1) / 12.0f;

// Float weights: one column of a panel.
template <typename Element>
struct FloatColumn {
  Element w[kPanelRows];
};

// As in KernelSet.
uint64_t packed_bytes(const Format& format, uint64_t n_rows, uint64_t n_cols);
void pack_rows(const uint8_t* blocks, size_t first_row, size_t n_rows, PackedMatrix& out);
void unpack_row(const PackedMatrix& w, size_t row, float* out);

// Columns [first_col, first_col + n_cols) of a panel as floats; for the integer kinds both are
// multiples of kGroupSize.
void unpack_panel(const PackedMatrix& w, size_t panel, size_t first_col, size_t n_cols,
                  FloatColumn<float>* out);

}  // namespace pipit::panels
