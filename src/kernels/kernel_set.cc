// The registry of kernel sets.
#include "kernels/kernel_set.h"

#include "base/quote.h"
#include "kernels/reference/reference.h"
#ifdef __wasm_simd128__
#include "kernels/simd128/simd128.h"
#endif
#ifdef PIPIT_RELAXED
#include "kernels/relaxed/relaxed.h"
#endif

namespace pipit {
namespace {

constexpr const KernelSet* kAll[] = {
#ifdef PIPIT_RELAXED
    &kRelaxedI16,
    &kRelaxedI32,
#endif
#ifdef __wasm_simd128__
    &kSimd128,
#endif
    &kReference,
};

}  // namespace

std::span<const KernelSet* const> all_kernel_sets() { return kAll; }

Result<const KernelSet*> find_kernel_set(std::string_view name) {
  if (name == "auto") return kAll[0];
  std::string names = "auto";
  for (const KernelSet* set : kAll) {
    if (name == set->name) return set;
    names += str_cat(", ", set->name);
  }
  return Status(StatusCode::kNotFound,
                str_cat("There is no kernel set ", quote(name), ". Choose one of: ", names, "."));
}

}  // namespace pipit
