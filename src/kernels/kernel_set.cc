// The registry of kernel sets.
#include "kernels/kernel_set.h"

#include "kernels/reference/reference.h"
#ifdef __wasm_simd128__
#include "kernels/simd128/simd128.h"
#endif
#ifdef PIPIT_RELAXED
#include "kernels/relaxed/relaxed.h"
#endif
#ifdef PIPIT_XNNPACK
#include "kernels/xnnpack/xnnpack.h"
#endif

namespace pipit {
namespace {

constexpr const KernelSet* kAll[] = {
#ifdef PIPIT_RELAXED
    &kRelaxedI16, &kRelaxedI32,
#endif
#ifdef __wasm_simd128__
    &kSimd128,
#endif
#ifdef PIPIT_XNNPACK
    &kXnnpack,    &kXnnpackQd8,
#endif
    &kReference,
};

}  // namespace

std::span<const KernelSet* const> all_kernel_sets() { return kAll; }

}  // namespace pipit
