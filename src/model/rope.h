// RoPE's angles: frequencies with their scalings, and the cosines and sines of a run of positions.
#pragma once

#include <cstddef>
#include <span>

#include "model/config.h"

namespace pipit {

// out [n_rot / 2]: radians a position, θ_i = base^(-2i / n_rot), stretched as rope.scaling says
// (linear: Chen et al. 2023; YaRN: Peng et al. 2023) and divided by `divisors` [n_rot / 2] where
// there are any (Llama 3, LongRoPE).
void fill_rope_frequencies(const Rope& rope, size_t n_rot, std::span<const float> divisors,
                           std::span<float> out);

// cos, sin [n_tokens, n_rot / 2] of the positions n_past … n_past + n_tokens - 1, times
// `magnitude`.
void compute_rope_angles(std::span<const float> frequencies, float magnitude, size_t n_past,
                         size_t n_tokens, float* cos, float* sin);

// cos, sin [n_rot / 2] that turn a key back by `distance` positions.
void compute_rope_shift(std::span<const float> frequencies, size_t distance, float* cos,
                        float* sin);

}  // namespace pipit
