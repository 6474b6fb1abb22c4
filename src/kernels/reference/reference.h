// The reference kernel set: scalar, never optimised, the oracle of all others. Weights stay as the
// file's blocks.
#pragma once

#include "kernels/kernel_set.h"

namespace pipit {

extern const KernelSet kReference;

}  // namespace pipit
