// Which type each tensor gets when a model is quantised: llama.cpp's rules
// (llama-quant.cpp, without importance matrix and per-architecture exceptions).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/array.h"
#include "gguf/gguf.h"
#include "quant/format.h"

namespace pipit {

// What a model can be quantised to.
struct QuantiseTarget {
  const char* name;
  TensorType type;
  uint32_t file_type;  // the number for general.file_type (llama.h, LLAMA_FTYPE_*)
};

// Errors: kInvalidArgument for another name, with those that there are.
Result<const QuantiseTarget*> find_quantise_target(std::string_view name);

struct TensorPlan {
  const TensorInfo* in;
  TensorType wanted;  // what tensors of its kind get; `type` differs where the rows do not divide
  TensorType type;    // into blocks of it
  uint64_t offset;    // in the output, from the start of its data
  uint64_t n_bytes;   // there
};

// In the order of the input's directory; in the output, tensors lie in the order of their data in
// the input, each at a multiple of `in`'s alignment. Errors: kUnsupported for a tensor whose
// elements are not F32, F16 or BF16, and for a split model.
Result<Array<TensorPlan>> plan_quantising(const Gguf& in, TensorType target);

// Indices of the tensors in the order of their data in the input.
Result<Array<uint32_t>> data_order(std::span<const TensorInfo> tensors);

}  // namespace pipit
