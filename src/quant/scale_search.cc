// Scales with an offset: a weighted line through the points (q, x).
#include "quant/scale_search.h"

#include <algorithm>

namespace pipit {
namespace {

// The best line x ≈ scale · q - offset with an offset that is not negative.
OffsetScale fit(const float* x, const float* weight, const int* q, size_t n) {
  double sum_w = 0, sum_x = 0, sum_q = 0, sum_qq = 0, sum_xq = 0;
  for (size_t i = 0; i < n; ++i) {
    const double w = double{weight[i]};
    sum_w += w;
    sum_x += w * double{x[i]};
    sum_q += w * q[i];
    sum_qq += w * q[i] * q[i];
    sum_xq += w * q[i] * double{x[i]};
  }
  const double determinant = sum_w * sum_qq - sum_q * sum_q;
  if (!(determinant > 0)) return {};
  const double scale = (sum_w * sum_xq - sum_x * sum_q) / determinant;
  const double offset = (sum_q * sum_xq - sum_qq * sum_x) / determinant;
  if (offset < 0) return {static_cast<float>(sum_xq / sum_qq), 0};
  return {static_cast<float>(scale), static_cast<float>(offset)};
}

float error_of(OffsetScale line, const float* x, const float* weight, const int* q, size_t n) {
  float error = 0;
  for (size_t i = 0; i < n; ++i) {
    const float difference = line.scale * static_cast<float>(q[i]) - line.offset - x[i];
    error += weight[i] * difference * difference;
  }
  return error;
}

}  // namespace

OffsetScale search_offset_scale(const float* x, const float* weight, size_t n, int q_max,
                                ScaleCandidates candidates) {
  Range range = range_of(x, n);
  range.lowest = std::min(range.lowest, 0.0f);
  if (!(range.highest > range.lowest)) return {0, -range.lowest};
  const float span = range.highest - range.lowest;
  int q[kMaxSharing];
  const auto quantise = [&](float inverse) {
    for (size_t i = 0; i < n; ++i) {
      q[i] = round_to_int((x[i] - range.lowest) * inverse, 0, q_max);
    }
  };
  const auto levels = static_cast<float>(q_max);
  OffsetScale best = {span / levels, -range.lowest};
  quantise(levels / span);
  float least = error_of(best, x, weight, q, n);
  for (int i = 0; i < candidates.n; ++i) {
    quantise((levels + candidates.first + candidates.step * static_cast<float>(i)) / span);
    const OffsetScale line = fit(x, weight, q, n);
    const float error = error_of(line, x, weight, q, n);
    if (!(error < least) || !(line.scale > 0)) continue;
    least = error;
    best = line;
  }
  return best;
}

}  // namespace pipit
