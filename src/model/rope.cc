// RoPE's frequencies and angles.
#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace pipit {
namespace {

// The pair index whose wave makes `turns` turns within the original context (YaRN, equation 17 with
// the paper's α, β).
double yarn_dimension(const Rope& rope, size_t n_rot, double turns) {
  const double turns_at_one = rope.n_ctx_orig / (turns * 2 * std::numbers::pi);
  return static_cast<double>(n_rot) * std::log(turns_at_one) /
         (2 * std::log(double{rope.freq_base}));
}

// How much of frequency `i` stays as it is: 1 for fast waves, 0 for slow ones, a ramp between.
double yarn_kept_share(const Rope& rope, size_t n_rot, size_t i) {
  const double last = static_cast<double>(n_rot) - 1;
  const double low = std::clamp(std::floor(yarn_dimension(rope, n_rot, 32)), 0.0, last);
  const double high = std::clamp(std::ceil(yarn_dimension(rope, n_rot, 1)), 0.0, last);
  return 1 - std::clamp((static_cast<double>(i) - low) / std::max(0.001, high - low), 0.0, 1.0);
}

}  // namespace

void fill_rope_frequencies(const Rope& rope, size_t n_rot, std::span<const float> divisors,
                           std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    double frequency = std::pow(double{rope.freq_base},
                                -2.0 * static_cast<double>(i) / static_cast<double>(n_rot));
    if (!divisors.empty()) frequency /= double{divisors[i]};
    const double stretched = frequency / double{rope.factor};
    if (rope.scaling == RopeScaling::kLinear) frequency = stretched;
    if (rope.scaling == RopeScaling::kYarn) {
      const double kept = yarn_kept_share(rope, n_rot, i);
      frequency = kept * frequency + (1 - kept) * stretched;
    }
    out[i] = static_cast<float>(frequency);
  }
}

void compute_rope_angles(std::span<const float> frequencies, float magnitude, size_t n_past,
                         size_t n_tokens, float* cos, float* sin) {
  for (size_t t = 0; t < n_tokens; ++t) {
    for (size_t i = 0; i < frequencies.size(); ++i) {
      const float angle = static_cast<float>(n_past + t) * frequencies[i];
      cos[t * frequencies.size() + i] = std::cos(angle) * magnitude;
      sin[t * frequencies.size() + i] = std::sin(angle) * magnitude;
    }
  }
}

// The magnitude is in the key already.
void compute_rope_shift(std::span<const float> frequencies, size_t distance, float* cos,
                        float* sin) {
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const float angle = static_cast<float>(distance) * frequencies[i];
    cos[i] = std::cos(angle);
    sin[i] = -std::sin(angle);
  }
}

}  // namespace pipit
