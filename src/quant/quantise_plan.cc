// The rules: matrices are quantised, everything else stays as floats.
#include "quant/quantise_plan.h"

#include <algorithm>
#include <charconv>

#include "base/quote.h"
#include "base/str_cat.h"

namespace pipit {
namespace {

constexpr QuantiseTarget kTargets[] = {
    {"Q4_0", TensorType::kQ4_0, 2},  {"Q4_1", TensorType::kQ4_1, 3},
    {"Q8_0", TensorType::kQ8_0, 7},  {"Q4_K", TensorType::kQ4_K, 15},
    {"Q6_K", TensorType::kQ6_K, 18}, {"F16", TensorType::kF16, 1},
    {"BF16", TensorType::kBF16, 32}, {"F32", TensorType::kF32, 0},
};

// Matrices that are no products' weights, or so small that they cost little and matter much.
constexpr std::string_view kKept[] = {"_norm.weight", "ffn_gate_inp.weight", "position_embd.weight",
                                      "token_types.weight"};

bool is_float(TensorType type) {
  return type == TensorType::kF32 || type == TensorType::kF16 || type == TensorType::kBF16;
}

bool is_quantised(const TensorInfo& tensor) {
  if (tensor.n_dims < 2 || !tensor.name.ends_with(".weight")) return false;
  return std::none_of(std::begin(kKept), std::end(kKept),
                      [&](std::string_view kept) { return tensor.name.ends_with(kept); });
}

// N of "blk.N.…"; -1 outside the layers.
int layer_of(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  int layer = -1;
  if (name.starts_with(kPrefix)) {
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), layer);
  }
  return layer;
}

// The first and the last eighth of the layers and every third between them, where errors matter
// most.
bool has_more_bits(int layer, int n_layer) {
  const int eighth = n_layer / 8;
  return layer < eighth || layer >= 7 * n_layer / 8 || (layer - eighth) % 3 == 2;
}

// Where the output head is the embeddings, these are the head.
TensorType wanted_type(const TensorInfo& tensor, TensorType target, bool has_head, int n_layer) {
  if (!is_quantised(tensor)) return TensorType::kF32;
  if (is_float(target)) return target;
  if (tensor.name == (has_head ? "output.weight" : "token_embd.weight")) {
    return target == TensorType::kQ8_0 ? target : TensorType::kQ6_K;
  }
  if (target != TensorType::kQ4_K) return target;
  // What llama.cpp calls Q4_K_M.
  if (tensor.name.ends_with("attn_qkv.weight")) return TensorType::kQ5_K;
  const bool is_sensitive =
      tensor.name.ends_with("attn_v.weight") || tensor.name.ends_with("ffn_down.weight");
  return is_sensitive && has_more_bits(layer_of(tensor.name), n_layer) ? TensorType::kQ6_K : target;
}

// The nearest type in whose blocks rows of `n` elements divide.
TensorType fitting_type(TensorType wanted, uint64_t n) {
  const auto fits = [n](TensorType type) { return n % tensor_type_info(type)->block_size == 0; };
  if (fits(wanted)) return wanted;
  TensorType smaller = TensorType::kF16;
  if (wanted == TensorType::kQ4_K) smaller = TensorType::kQ5_0;
  if (wanted == TensorType::kQ5_K) smaller = TensorType::kQ5_1;
  if (wanted == TensorType::kQ6_K) smaller = TensorType::kQ8_0;
  return fits(smaller) ? smaller : TensorType::kF16;
}

Status check_input(const Gguf& in) {
  PIPIT_ASSIGN_OR_RETURN(const uint32_t n_files, in.get_u32("split.count", 1));
  if (n_files > 1) {
    return {StatusCode::kUnsupported,
            str_cat("This is one of the ", n_files,
                    " files of a split model. Join them first, with llama.cpp's llama-gguf-split "
                    "--merge.")};
  }
  for (const TensorInfo& tensor : in.tensors()) {
    if (is_float(tensor.type)) continue;
    return {StatusCode::kUnsupported,
            str_cat("The tensor ", quote(tensor.name), " is ", tensor_type_info(tensor.type)->name,
                    " already. Quantise from the original model, whose tensors are F32, F16 or "
                    "BF16: what is rounded twice loses more.")};
  }
  return ok_status();
}

}  // namespace

Result<const QuantiseTarget*> find_quantise_target(std::string_view name) {
  std::string names;
  for (const QuantiseTarget& target : kTargets) {
    if (name == target.name) return &target;
    names += str_cat(names.empty() ? "" : ", ", target.name);
  }
  return Status(StatusCode::kInvalidArgument,
                str_cat("pipit does not quantise to ", quote(name), ". There are: ", names, "."));
}

Result<Array<uint32_t>> data_order(std::span<const TensorInfo> tensors) {
  PIPIT_ASSIGN_OR_RETURN(Array<uint32_t> order, Array<uint32_t>::make(tensors.size()));
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return tensors[a].offset < tensors[b].offset; });
  return order;
}

Result<Array<TensorPlan>> plan_quantising(const Gguf& in, TensorType target) {
  PIPIT_RETURN_IF_ERROR(check_input(in));
  const std::span<const TensorInfo> tensors = in.tensors();
  const bool has_head = in.find_tensor("output.weight") != nullptr;
  int n_layer = 0;
  for (const TensorInfo& tensor : tensors) n_layer = std::max(n_layer, layer_of(tensor.name) + 1);

  PIPIT_ASSIGN_OR_RETURN(Array<TensorPlan> plan, Array<TensorPlan>::make(tensors.size()));
  for (size_t i = 0; i < plan.size(); ++i) {
    const TensorInfo& tensor = tensors[i];
    const TensorType wanted = wanted_type(tensor, target, has_head, n_layer);
    const TensorType type = fitting_type(wanted, tensor.dims[0]);
    const TensorTypeInfo& info = *tensor_type_info(type);
    plan[i] = {.in = &tensor,
               .wanted = wanted,
               .type = type,
               .offset = 0,
               .n_bytes = tensor.n_elements() / info.block_size * info.block_bytes};
  }
  PIPIT_ASSIGN_OR_RETURN(const Array<uint32_t> order, data_order(tensors));
  uint64_t offset = 0;
  for (const uint32_t i : order) {
    plan[i].offset = offset;
    offset = *checked_round_up(offset + plan[i].n_bytes, in.alignment());
  }
  return plan;
}

}  // namespace pipit
