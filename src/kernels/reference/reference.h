// The reference kernel set: scalar, never optimised, the oracle of all others. Weights stay as the
// file's blocks.
#pragma once

#include "kernels/kernel_set.h"

namespace pipit {

extern const KernelSet kReference;

namespace reference {

// quantise() with any activation_max (≤ 32767), so that every set's products can be checked to the
// bit: the result is what this set's matmul() reads.
void quantise(Activations& activations, size_t tile, int32_t activation_max);

}  // namespace reference

}  // namespace pipit
