// Kernel sets whose matrix products are XNNPACK's microkernels, the innermost loops of its
// fully-connected operators; everything else is the simd128 set's. The operators themselves are not
// used: creating one packs a whole matrix at once, a second copy of it, and they bring threads of
// their own. A microkernel takes a panel of rows and so fits pack_rows() and our thread pool.
#pragma once

#include "kernels/kernel_set.h"

namespace pipit {

// "xnnpack": floats (f32-gemm). Weights stay in the simd128 set's panels; for a batch of tokens a
// panel is unpacked to floats once, so products are exact up to the order of their sums and fused
// rounding. Few tokens do not pay for unpacking: theirs are the simd128 set's products.
extern const KernelSet kXnnpack;

// "xnnpack-qd8": integers (qd8-f32-qc8w-gemm) for 4- and 8-bit weights: weights rounded to 8 bits
// with one scale a row, activations to 8 bits with one scale and zero point a token. Floats are
// computed as in "xnnpack".
extern const KernelSet kXnnpackQd8;

namespace xnnpack {

// The products of "xnnpack".
void matmul(const PackedMatrix& w, const Activations& x, size_t first_panel, size_t n_panels,
            float* y);

}  // namespace xnnpack
}  // namespace pipit
