// The llama family (Touvron et al. 2023, and all that share the shape): RMSNorm before each block,
// RoPE of neighbours, grouped-query attention, SwiGLU. Mistral is of it, with a sliding window in
// all layers where the file names one (Jiang et al. 2023).
#include "model/families/families.h"

namespace pipit {
namespace {

Status configure(const HyperParameters& parameters, Config& config) {
  if (!parameters.has("attention.sliding_window")) return ok_status();
  PIPIT_ASSIGN_OR_RETURN(const uint32_t n_window,
                         parameters.count("attention.sliding_window", kMaxContext));
  for (LayerConfig& layer : config.layers) layer.n_window = n_window;
  return ok_status();
}

}  // namespace

const Architecture kLlama = {
    .name = "llama", .traits = {.kv_type = KvType::kInt8}, .configure = configure};

}  // namespace pipit
