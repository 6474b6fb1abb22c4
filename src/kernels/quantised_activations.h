// How the sets lay out integer activations: quantised values, then per group the scale and the
// scaled sums.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/kernel_set.h"
#include "quant/format.h"

namespace pipit {

// A view of the buffer that quantise() writes and matmul() reads.
template <typename Q>
struct QuantisedActivations {
  Q* q;             // [n_tokens, n_cols]   int16_t or const int16_t
  float* scale;     // [n_tokens, n_cols / kGroupSize]
  float* sum;       // [n_tokens, n_cols / kGroupSize]   scale · Σ q: what a weight's minimum is
                    // multiplied by
  float* half_sum;  // [n_tokens, n_cols / kHalfGroup]   the same for minima of half a group

  // `Byte` is uint8_t or const uint8_t.
  template <typename Byte>
  QuantisedActivations(Byte* buffer, size_t n_tokens, size_t n_cols)
      : q((Q*)buffer),  // NOLINT: also casts const away for readers
        scale((float*)(buffer + n_tokens * n_cols * sizeof(Q))),
        sum(scale + n_tokens * (n_cols / kGroupSize)),
        half_sum(sum + n_tokens * (n_cols / kGroupSize)) {}

  // Sets the sums of group g, whose halves add up to these integers.
  void set_sums(size_t g, int32_t first, int32_t second) const {
    sum[g] = scale[g] * static_cast<float>(first + second);
    half_sum[2 * g] = scale[g] * static_cast<float>(first);
    half_sum[2 * g + 1] = scale[g] * static_cast<float>(second);
  }

  static uint64_t bytes(size_t n_tokens, size_t n_cols) {
    return uint64_t{n_tokens} * (n_cols * sizeof(Q) + n_cols / kGroupSize * 4 * sizeof(float));
  }
};

// The groups [first, end) of a tile, in the order of a.x.
struct GroupRange {
  size_t first, end;
};
inline GroupRange tile_groups(const Activations& a, size_t tile) {
  const size_t n_groups = a.n_cols / kGroupSize;
  return {tile * kTileTokens * n_groups, std::min((tile + 1) * kTileTokens, a.n_tokens) * n_groups};
}

// A group whose largest magnitude is below this is zero: activation_max / max would overflow.
inline constexpr float kSmallestGroupMax = 1e-30f;

}  // namespace pipit
