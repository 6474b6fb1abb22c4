// Which kernel set a model is computed with: every candidate is checked against the reference on
// this machine, then the faster one is taken.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/kernel_set.h"
#include "pipit/status.h"

namespace pipit {

// How a candidate did.
struct KernelTrial {
  const KernelSet* set;
  bool is_correct;
  double gmacs;  // 4-bit multiply-adds a nanosecond, decode and prefill mixed; 0: not timed
};

struct KernelChoice {
  const KernelSet* set;
  std::vector<KernelTrial> trials;
};

// `name` is "auto", "relaxed" (the faster form of that set) or a set's name, which is then forced.
// `sets` are the candidates, the preferred first. Takes a few milliseconds where there are several.
// Errors: kNotFound, which lists the names; kUnsupported (the set computes wrongly on this
// machine); kOutOfMemory.
Result<KernelChoice> choose_kernel_set(std::string_view name,
                                       std::span<const KernelSet* const> sets = all_kernel_sets());

// Whether the set agrees with the reference: the products of every kind of weights, integers
// exactly and floats within the rounding of their sums, and attention over every type of KV cache.
// Errors: kOutOfMemory.
Result<bool> self_check(const KernelSet& set);

}  // namespace pipit
