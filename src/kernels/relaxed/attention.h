// Attention of the relaxed sets.
#pragma once

#include "kernels/kernel_set.h"

namespace pipit::relaxed {

// As in KernelSet, with one form of the dot product: DotI16 or DotI32 (dot.h).
template <typename Dot>
void attention(const AttentionArgs& a);

}  // namespace pipit::relaxed
