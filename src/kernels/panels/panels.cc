// From file blocks to panels as rows arrive, and one row back for embeddings.
#include "kernels/panels/panels.h"

#include <cstring>

#include "base/float16.h"

namespace pipit::panels {
namespace {

// A panel's share of one group of one row, for each integer panel type.
void put(Q4Panel& panel, size_t row, const IntegerGroup& group) {
  for (size_t v = 0; v < 4; ++v) {
    const int8_t* q = group.q + 8 * v;
    uint8_t* bytes = panel.q[v][row / 4] + 4 * (row % 4);
    for (size_t j = 0; j < 4; ++j) bytes[j] = static_cast<uint8_t>(q[j] | q[j + 4] << 4);
  }
  panel.scale[row] = group.scale;
  panel.min[row] = group.min;
}

void put(Q8Panel& panel, size_t row, const IntegerGroup& group) {
  for (size_t i = 0; i < kGroupSize; ++i) panel.q[i / 2][row][i % 2] = group.q[pair_column(i)];
  panel.scale[row] = group.scale;
}

float get(const Q4Panel& panel, size_t row, size_t k) {
  const int byte = panel.q[k / 8][row / 4][4 * (row % 4) + k % 4];
  return panel.scale[row] * static_cast<float>(byte >> (k % 8 / 4 * 4) & 15) + panel.min[row];
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
    case WeightKind::kInt4:
      return panels * (n_cols / kGroupSize) * sizeof(Q4Panel);
    case WeightKind::kInt8:
      return panels * (n_cols / kGroupSize) * sizeof(Q8Panel);
    case WeightKind::kF16:
    case WeightKind::kBF16:
      return panels * n_cols * sizeof(FloatColumn<uint16_t>);
    case WeightKind::kF32:
      return panels * n_cols * sizeof(FloatColumn<float>);
  }
  return 0;
}

void pack_rows(const uint8_t* blocks, size_t first_row, size_t n_rows, PackedMatrix& out) {
  switch (out.kind()) {
    case WeightKind::kInt4:
      return pack_groups<Q4Panel>(blocks, first_row, n_rows, out);
    case WeightKind::kInt8:
      return pack_groups<Q8Panel>(blocks, first_row, n_rows, out);
    case WeightKind::kF16:
    case WeightKind::kBF16:
      return pack_floats<uint16_t>(blocks, first_row, n_rows, out);
    case WeightKind::kF32:
      return pack_floats<float>(blocks, first_row, n_rows, out);
  }
}

void unpack_row(const PackedMatrix& w, size_t row, float* out) {
  switch (w.kind()) {
    case WeightKind::kInt4:
      return unpack_groups<Q4Panel>(w, row, out);
    case WeightKind::kInt8:
      return unpack_groups<Q8Panel>(w, row, out);
    case WeightKind::kF16:
      return unpack_floats<uint16_t>(w, row, out, f16_to_f32);
    case WeightKind::kBF16:
      return unpack_floats<uint16_t>(w, row, out, bf16_to_f32);
    case WeightKind::kF32:
      return unpack_floats<float>(w, row, out, [](float value) { return value; });
  }
}

}  // namespace pipit::panels
