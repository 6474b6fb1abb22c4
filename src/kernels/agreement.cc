// Comparison with the reference.
#include "kernels/agreement.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "kernels/quantised_activations.h"
#include "kernels/reference/reference.h"

namespace pipit {

Result<PackedMatrix> pack_matrix(const KernelSet& set, const Format& format, const uint8_t* blocks,
                                 size_t n_rows, size_t n_cols, bool is_halved) {
  PackedMatrix w;
  w.is_halved = is_halved;
  w.format = &format;
  w.n_rows = static_cast<uint32_t>(n_rows);
  w.n_cols = static_cast<uint32_t>(n_cols);
  PIPIT_RETURN_IF_ERROR(w.bytes.resize(set.packed_bytes(format, n_rows, n_cols)));
  for (size_t row = 0; row < n_rows; row += kPanelRows) {
    set.pack_rows(blocks + row * static_cast<size_t>(row_bytes(format, n_cols)), row,
                  std::min(kPanelRows, n_rows - row), w);
  }
  return w;
}

Result<Activations> prepare_activations(const KernelSet& set, const float* x, size_t n_tokens,
                                        size_t n_cols) {
  Activations activations;
  PIPIT_RETURN_IF_ERROR(activations.quantised.resize(set.quantised_bytes(n_tokens, n_cols)));
  activations.x = x;
  activations.n_tokens = n_tokens;
  activations.n_cols = n_cols;
  for (size_t tile = 0; tile < activations.n_tiles(); ++tile) {
    prepare_tile(set, activations, tile);
  }
  return activations;
}

Result<Activations> reference_activations(const KernelSet& set, const Activations& own,
                                          WeightKind kind) {
  const size_t n_groups = own.n_cols / kGroupSize;
  Activations activations;
  PIPIT_RETURN_IF_ERROR(
      activations.quantised.resize(kReference.quantised_bytes(own.n_tokens, own.n_cols)));
  activations.x = own.x;
  activations.n_tokens = own.n_tokens;
  activations.n_cols = own.n_cols;
  if (own.n_cols % kGroupSize != 0) return activations;
  const QuantisedActivations<int16_t> out(activations.quantised.data(), own.n_tokens, own.n_cols);
  for (size_t t = 0; t < own.n_tokens; ++t) {
    IntegerActivations token = {out.q + t * own.n_cols, out.scale + t * n_groups};
    set.read_activations(own, kind, t, token);
    for (size_t g = 0; g < n_groups; ++g) {
      const int16_t* q = token.q + g * kGroupSize;
      out.set_sums(t * n_groups + g, std::accumulate(q, q + kHalfGroup, 0),
                   std::accumulate(q + kHalfGroup, q + kGroupSize, 0));
    }
  }
  return activations;
}

float rounding_bound(const PackedMatrix& reference_w, size_t row, const Activations& activations,
                     size_t token) {
  const size_t n_groups = reference_w.n_cols / kGroupSize;
  const auto stride = static_cast<size_t>(row_bytes(*reference_w.format, reference_w.n_cols));
  const QuantisedActivations<const int16_t> a(activations.quantised.data(), activations.n_tokens,
                                              activations.n_cols);
  const size_t n_parts = n_scales(reference_w.kind());
  const size_t part_size = kGroupSize / n_parts;
  double magnitude = 0;
  for (size_t g = 0; g < n_groups; ++g) {
    IntegerGroup group;
    reference_w.format->decode_group(reference_w.bytes.data() + row * stride, g, group);
    const size_t i = token * n_groups + g;
    for (size_t part = 0; part < n_parts; ++part) {
      double dot = 0;
      for (size_t k = part * part_size; k < (part + 1) * part_size; ++k) {
        dot += group.q[k] * a.q[i * kGroupSize + k];
      }
      const float sum = n_parts == 1 ? a.sum[i] : a.half_sum[2 * i + part];
      magnitude += std::fabs(dot * double{a.scale[i]} * double{group.scale[part]}) +
                   std::fabs(double{sum} * double{group.min[part]});
    }
  }
  constexpr double kSmallest = 1e-37;  // below, floats have fewer bits
  return static_cast<float>(magnitude * static_cast<double>(4 * n_groups * n_parts) * 0x1p-24 +
                            kSmallest);
}

bool agrees(const KernelSet& set, float actual, float expected, float bound) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::bit_cast<uint32_t>(actual) == std::bit_cast<uint32_t>(expected)) return true;
  return !set.is_deterministic && std::fabs(actual - expected) <= bound;
}

}  // namespace pipit
