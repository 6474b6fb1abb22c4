// From file blocks to panels as rows arrive, and one row back for embeddings.
#include "kernels/panels/panels.h"

#include <array>
#include <cstring>

#include "base/float16.h"

namespace pipit::panels {
namespace {

constexpr uint32_t kLowNibbles = 0x0f0f0f0f;

// The codes of kTable4Values by value + 128.
constexpr auto kTable4Codes = [] {
  std::array<uint8_t, 256> codes = {};
  for (uint8_t code = 0; code < 16; ++code) codes[kTable4Values[code] + 128] = code;
  return codes;
}();

// In place, values of the table to their codes.
void to_codes(uint32_t (&units)[kUnits]) {
  int8_t q[kGroupSize];
  std::memcpy(q, units, sizeof(q));
  uint8_t codes[kGroupSize];
  for (size_t i = 0; i < kGroupSize; ++i) codes[i] = kTable4Codes[q[i] + 128];
  std::memcpy(units, codes, sizeof(codes));
}

// The low nibbles of a row's units.
template <typename Panel>
void put_nibbles(Panel& panel, size_t row, const uint32_t (&units)[kUnits]) {
  for (size_t v = 0; v < kUnits / 2; ++v) {
    panel.planes[v][row / 4][row % 4] =
        (units[2 * v] & kLowNibbles) | (units[2 * v + 1] & kLowNibbles) << 4;
  }
}

template <typename Panel>
uint32_t get_nibble(const Panel& panel, size_t row, size_t k) {
  const size_t u = k / kUnitColumns;
  return panel.planes[u / 2][row / 4][row % 4] >> (k % kUnitColumns * 8 + u % 2 * 4) & 15;
}

// A panel's share of one group of one row, for each integer panel type.
template <typename Panel>
void put(Panel& panel, size_t row, const IntegerGroup& group) {
  const auto word = [&](size_t plane) -> uint32_t& {
    return panel.planes[plane][row / 4][row % 4];
  };
  uint32_t units[kUnits];
  std::memcpy(units, group.q, sizeof(units));
  if constexpr (Panel::kIsSigned) to_codes(units);
  put_nibbles(panel, row, units);
  if constexpr (Panel::kHighBits > 0) {
    constexpr size_t kBits = Panel::kHighBits;
    constexpr uint32_t kMask = 0x01010101u * ((1u << kBits) - 1);
    for (size_t plane = 0; plane < kBits; ++plane) word(4 + plane) = 0;
    for (size_t u = 0; u < kUnits; ++u) {
      word(4 + u * kBits / 8) |= (units[u] >> 4 & kMask) << (u * kBits % 8);
    }
  }
  for (size_t i = 0; i < std::size(panel.factors); ++i) {
    panel.factors[i][row] = i < Panel::kScales ? group.scale[i] : group.min[i - Panel::kScales];
  }
}

void put(Q8Panel& panel, size_t row, const IntegerGroup& group) {
  for (size_t i = 0; i < kGroupSize; ++i) panel.q[i / 2][row][i % 2] = group.q[pair_column(i)];
  panel.scale[row] = group.scale[0];
}

template <typename Panel>
float get(const Panel& panel, size_t row, size_t k) {
  const auto word = [&](size_t plane) { return panel.planes[plane][row / 4][row % 4]; };
  const size_t u = k / kUnitColumns;
  const size_t byte = k % kUnitColumns * 8;
  const int half = Panel::kScales == 1 ? 0 : static_cast<int>(k / kHalfGroup);
  const float scale = panel.scale(half)[row];
  const uint32_t low = get_nibble(panel, row, k);
  if constexpr (Panel::kIsSigned) {
    return scale * static_cast<float>(kTable4Values[low]);
  } else {
    constexpr size_t kBits = Panel::kHighBits;
    uint32_t q = low;
    if constexpr (kBits > 0) {
      q |= (word(4 + u * kBits / 8) >> (byte + u * kBits % 8) & ((1u << kBits) - 1)) << 4;
    }
    if constexpr (Panel::kCentre > 0)
      return scale * (static_cast<float>(q) - Panel::kCentre);
    else
      return scale * static_cast<float>(q) + panel.min(half)[row];
  }
}

float get(const Q8Panel& panel, size_t row, size_t k) {
  const size_t i = pair_position(k);
  return panel.scale[row] * static_cast<float>(panel.q[i / 2][row][i % 2]);
}

// Panels [n_panels, n_groups], row-major.
template <typename Panel>
void pack_groups(const uint8_t* blocks, size_t first_row, size_t n_rows, PackedMatrix& out) {
  const auto stride = static_cast<size_t>(row_bytes(*out.format, out.n_cols));
  const size_t n_groups = out.n_cols / kGroupSize;
  Panel* panels = reinterpret_cast<Panel*>(out.bytes.data()) + first_row / kPanelRows * n_groups;
  for (size_t row = 0; row < n_rows; ++row) {
    for (size_t g = 0; g < n_groups; ++g) {
      IntegerGroup group;
      out.format->decode_group(blocks + row * stride, g, group);
      put(panels[g], row, group);
    }
  }
}

template <typename Panel>
void unpack_groups(const PackedMatrix& w, size_t row, float* out) {
  const size_t n_groups = w.n_cols / kGroupSize;
  const Panel* panels =
      reinterpret_cast<const Panel*>(w.bytes.data()) + row / kPanelRows * n_groups;
  for (size_t k = 0; k < w.n_cols; ++k) {
    out[k] = get(panels[k / kGroupSize], row % kPanelRows, k % kGroupSize);
  }
}

void pack_halves(const uint8_t* blocks, size_t first_row, size_t n_rows, PackedMatrix& out) {
  constexpr uint32_t k128 = 0x80808080;
  const auto stride = static_cast<size_t>(row_bytes(*out.format, out.n_cols));
  const size_t n_groups = out.n_cols / kGroupSize;
  const size_t first = first_row / kPanelRows * n_groups;
  auto* high = const_cast<HighPanel*>(high_panels(out)) + first;
  auto* low = const_cast<LowPanel*>(low_panels(out)) + first;
  for (size_t row = 0; row < n_rows; ++row) {
    for (size_t g = 0; g < n_groups; ++g) {
      IntegerGroup group;
      out.format->decode_group(blocks + row * stride, g, group);
      uint32_t units[kUnits];
      std::memcpy(units, group.q, sizeof(units));
      put_nibbles(low[g], row, units);
      for (uint32_t& unit : units) unit = (unit ^ k128) >> 4;
      put_nibbles(high[g], row, units);
      high[g].scale[row] = group.scale[0];
    }
  }
}

void unpack_halves(const PackedMatrix& w, size_t row, float* out) {
  const size_t first = row / kPanelRows * (w.n_cols / kGroupSize);
  const size_t r = row % kPanelRows;
  for (size_t k = 0; k < w.n_cols; ++k) {
    const HighPanel& high = high_panels(w)[first + k / kGroupSize];
    const LowPanel& low = low_panels(w)[first + k / kGroupSize];
    const uint32_t q =
        get_nibble(high, r, k % kGroupSize) << 4 | get_nibble(low, r, k % kGroupSize);
    out[k] = high.scale[r] * (static_cast<float>(q) - 128);
  }
}

// Columns [n_panels, n_cols], row-major; elements keep the file's bits.
template <typename Element>
void pack_floats(const uint8_t* blocks, size_t first_row, size_t n_rows, PackedMatrix& out) {
  auto* columns = reinterpret_cast<FloatColumn<Element>*>(out.bytes.data()) +
                  first_row / kPanelRows * out.n_cols;
  for (size_t row = 0; row < n_rows; ++row) {
    for (size_t k = 0; k < out.n_cols; ++k) {
      std::memcpy(&columns[k].w[row], blocks + (row * out.n_cols + k) * sizeof(Element),
                  sizeof(Element));
    }
  }
}

template <typename Element, typename ToFloat>
void unpack_floats(const PackedMatrix& w, size_t row, float* out, ToFloat to_float) {
  const auto* columns =
      reinterpret_cast<const FloatColumn<Element>*>(w.bytes.data()) + row / kPanelRows * w.n_cols;
  for (size_t k = 0; k < w.n_cols; ++k) out[k] = to_float(columns[k].w[row % kPanelRows]);
}

}  // namespace

uint64_t packed_bytes(const Format& format, uint64_t n_rows, uint64_t n_cols) {
  const uint64_t panels = (n_rows + kPanelRows - 1) / kPanelRows;
  switch (format.kind) {
    case WeightKind::kInt8:
      return panels * (n_cols / kGroupSize) * sizeof(Q8Panel);
    case WeightKind::kF16:
    case WeightKind::kBF16:
      return panels * n_cols * sizeof(FloatColumn<uint16_t>);
    case WeightKind::kF32:
      return panels * n_cols * sizeof(FloatColumn<float>);
    default:
      return with_nibble_panel(format.kind, [&]<typename Panel>() {
        return panels * (n_cols / kGroupSize) * sizeof(Panel);
      });
  }
}

void pack_rows(const uint8_t* blocks, size_t first_row, size_t n_rows, PackedMatrix& out) {
  if (out.is_halved) return pack_halves(blocks, first_row, n_rows, out);
  switch (out.kind()) {
    case WeightKind::kInt8:
      return pack_groups<Q8Panel>(blocks, first_row, n_rows, out);
    case WeightKind::kF16:
    case WeightKind::kBF16:
      return pack_floats<uint16_t>(blocks, first_row, n_rows, out);
    case WeightKind::kF32:
      return pack_floats<float>(blocks, first_row, n_rows, out);
    default:
      return with_nibble_panel(out.kind(), [&]<typename Panel>() {
        pack_groups<Panel>(blocks, first_row, n_rows, out);
      });
  }
}

void unpack_row(const PackedMatrix& w, size_t row, float* out) {
  if (w.is_halved) return unpack_halves(w, row, out);
  switch (w.kind()) {
    case WeightKind::kInt8:
      return unpack_groups<Q8Panel>(w, row, out);
    case WeightKind::kF16:
      return unpack_floats<uint16_t>(w, row, out, f16_to_f32);
    case WeightKind::kBF16:
      return unpack_floats<uint16_t>(w, row, out, bf16_to_f32);
    case WeightKind::kF32:
      return unpack_floats<float>(w, row, out, [](float value) { return value; });
    default:
      return with_nibble_panel(w.kind(),
                               [&]<typename Panel>() { unpack_groups<Panel>(w, row, out); });
  }
}

}  // namespace pipit::panels
