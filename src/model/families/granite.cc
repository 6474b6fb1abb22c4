// Granite 3 (IBM 2024): llama with factors for embeddings, attention, residuals and logits.
#include "model/families/families.h"

namespace pipit {
namespace {

Status configure(const HyperParameters& parameters, Config& config) {
  PIPIT_ASSIGN_OR_RETURN(config.embedding_scale, parameters.positive("embedding_scale", 1.0f));
  PIPIT_ASSIGN_OR_RETURN(config.residual_scale, parameters.positive("residual_scale", 1.0f));
  PIPIT_ASSIGN_OR_RETURN(config.attention_scale,
                         parameters.positive("attention.scale", config.attention_scale));
  PIPIT_ASSIGN_OR_RETURN(const float divisor, parameters.positive("logit_scale"));
  config.logit_scale = 1 / divisor;
  PIPIT_ASSIGN_OR_RETURN(const bool has_rope, parameters.gguf().get_bool(
                                                  parameters.key("rope.scaling.finetuned"), true));
  if (has_rope) return ok_status();
  for (LayerConfig& layer : config.layers) layer.rope = LayerConfig::kNoRope;
  return ok_status();
}

}  // namespace

const Architecture kGranite = {.name = "granite", .configure = configure};

}  // namespace pipit
