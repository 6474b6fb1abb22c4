// SmolLM 3 (Bakouch et al. 2025): llama without rope in every fourth layer.
#include "model/families/families.h"

namespace pipit {
namespace {

Status configure(const HyperParameters& /*parameters*/, Config& config) {
  for (uint32_t i = 3; i < config.n_layer; i += 4) config.layers[i].rope = LayerConfig::kNoRope;
  return ok_status();
}

}  // namespace

const Architecture kSmolLm3 = {.name = "smollm3", .configure = configure};

}  // namespace pipit
