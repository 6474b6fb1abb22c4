// The reference kernel set: scalar, never optimised, the oracle of all others. Weights stay as the
// file's blocks.
#pragma once

#include "kernels/kernel_set.h"

namespace pipit {

extern const KernelSet kReference;

namespace reference {

// quantise() with any activation_max (≤ 32767), so that every set's products can be checked to the
// bit: the result is what this set's matmul() reads.
void quantise(const float* x, size_t n_tokens, size_t n_cols, int32_t activation_max, uint8_t* out);

}  // namespace reference

}  // namespace pipit
