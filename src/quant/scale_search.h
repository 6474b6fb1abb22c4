// The search for the scales that K formats are encoded with: among a few candidates near the
// obvious one, each improved by least squares, that with the smallest weighted error.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "quant/block_format.h"

namespace pipit {

// Most elements that share a scale.
inline constexpr size_t kMaxSharing = kGroupSize;

// weight ≈ scale · q - offset with q = 0 … q_max; neither is negative.
struct OffsetScale {
  float scale = 0;
  float offset = 0;
};

// The candidates that are tried: the whole range on q_max + first, q_max + first + step, …
// integers.
struct ScaleCandidates {
  float first;
  float step;
  int n;
};

// For x [n] whose errors count as much as `weight` [n] says.
OffsetScale search_offset_scale(const float* x, const float* weight, size_t n, int q_max,
                                ScaleCandidates candidates);

// The scale of weight ≈ scale · q, errors weighted by x², where nearest(x) is the q that stands for
// x. The value farthest from zero goes to `lowest` + i · step for i = -n_steps … n_steps.
template <typename Nearest>
float search_scale(const float* x, size_t n, float lowest, float step, int n_steps,
                   const Nearest& nearest) {
  const float farthest = farthest_from_zero(x, n);
  if (farthest == 0) return 0;
  float best_scale = 0;
  float best_gain = 0;  // by how much the scale makes Σ w x² smaller
  for (int i = -n_steps; i <= n_steps; ++i) {
    const float inverse = (lowest + step * static_cast<float>(i)) / farthest;
    float sum_xq = 0;
    float sum_qq = 0;
    for (size_t k = 0; k < n; ++k) {
      const auto q = static_cast<float>(nearest(x[k] * inverse));
      const float weight = x[k] * x[k];
      sum_xq += weight * x[k] * q;
      sum_qq += weight * q * q;
    }
    const float gain = sum_qq > 0 ? sum_xq * sum_xq / sum_qq : 0;
    if (!(gain > best_gain)) continue;
    best_gain = gain;
    best_scale = sum_xq / sum_qq;
  }
  return best_scale;
}

// Rounded to the nearest integer from `lowest` to `highest`.
inline int round_to_int(float value, int lowest, int highest) {
  return clamp_to_int(std::nearbyint(value), lowest, highest);
}

// The scales of the halves of 256 values, for q = lowest … -lowest - 1.
inline void search_half_scales(const float* values, int lowest, float (&scales)[kSuperHalves]) {
  for (size_t h = 0; h < kSuperHalves; ++h) {
    scales[h] = search_scale(values + h * kHalfGroup, kHalfGroup, static_cast<float>(lowest), 0.1f,
                             9, [=](float x) { return round_to_int(x, lowest, -lowest - 1); });
  }
}

}  // namespace pipit
