// Kernel sets whose matrix products are XNNPACK's microkernels, the innermost loops of its
// fully-connected operators; everything else is the simd128 set's. The operators themselves are not
// used: creating one packs a whole matrix at once, a second copy of it, and they bring threads of
// their own. A microkernel takes a panel of rows and so fits pack_rows() and our thread pool.
#pragma once

#include "kernels/kernel_set.h"

namespace pipit {

// "xnnpack": floats (f32-gemm). Weights stay in the vector sets' panels; each product unpacks a
// panel to floats once for all its tokens, which a single token hardly pays for. Exact up to the
// order of sums and fused rounding: a mean KL divergence of 2.6e-11 from llama.cpp in F32
// (SmolLM2-135M Q4_1, 1,024 tokens, benchmarks/peers/kl.mjs).
extern const KernelSet kXnnpack;

// "xnnpack-qd8": integers (qd8-f32-qc8w-gemm) for 4- and 8-bit weights: weights rounded to 8 bits
// with one scale a row, activations to 8 bits with one scale and zero point a token. This loses
// more than the 1e-3 that the other sets are held to: the same run gives 1.7e-2 and 92.5 % the same
// top token, and the weights' rounding alone 3.7e-3 (512 tokens). It is there to be compared with,
// not to be chosen automatically. Floats are computed as in "xnnpack".
//
// XNNPACK's 4-bit forms cannot hold a file's blocks: qc4w has one scale a row, qb4w has no minimum,
// scales in bfloat16, and nothing but scalar code in Wasm.
extern const KernelSet kXnnpackQd8;

namespace xnnpack {

// The products of "xnnpack".
void matmul(const PackedMatrix& w, const Activations& x, size_t first_panel, size_t n_panels,
            float* y);

}  // namespace xnnpack
}  // namespace pipit
