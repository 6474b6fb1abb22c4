// The relaxed SIMD kernel sets: products of weights of 4 to 6 bits with relaxed dot products of
// bytes, the rest shared with simd128. Two sets that differ in the form of the dot product; which
// is faster depends on the machine: the one that adds in 32 bits wants VNNI or SDOT.
#pragma once

#include "kernels/kernel_set.h"

namespace pipit {

extern const KernelSet kRelaxedI16;
extern const KernelSet kRelaxedI32;

}  // namespace pipit
