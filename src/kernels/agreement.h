// Comparison of a kernel set's products with the reference's, for the self-check and for tests.
#pragma once

#include "kernels/kernel_set.h"
#include "pipit/status.h"

namespace pipit {

// A matrix as the set packs the file's `blocks` [n_rows, n_cols]; `is_halved` as in PackedMatrix.
Result<PackedMatrix> pack_matrix(const KernelSet& set, const Format& format, const uint8_t* blocks,
                                 size_t n_rows, size_t n_cols, bool is_halved = false);

// x [n_tokens, n_cols], which must outlive the result, quantised by the set.
Result<Activations> prepare_activations(const KernelSet& set, const float* x, size_t n_tokens,
                                        size_t n_cols);

// What `set` has quantised for weights of `kind`, as the reference set reads it.
Result<Activations> reference_activations(const KernelSet& set, const Activations& own,
                                          WeightKind kind);

// How far a result may be from the reference's when products and sums may be rounded or fused
// differently: each of the terms at most by a few roundings of the sum of magnitudes. An error of 1
// in an integer sum is far beyond it.
float rounding_bound(const PackedMatrix& reference_w, size_t row,
                     const Activations& reference_activations, size_t token);

// Whether `actual` is what the set may give for `expected`: the same bits (any NaN for NaN), or,
// where the set is not deterministic, within `bound`.
bool agrees(const KernelSet& set, float actual, float expected, float bound);

}  // namespace pipit
