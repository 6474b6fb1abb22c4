// Gemma 2 (Gemma Team 2024): norms before and after each block, GEGLU, attention scores and logits
// capped, a sliding window in every second layer.
#include "model/families/families.h"

namespace pipit {
namespace {

constexpr uint32_t kLayersOf27B = 46;

Status configure(const HyperParameters& parameters, Config& config) {
  scale_as_gemma(kLayersOf27B, config);
  PIPIT_ASSIGN_OR_RETURN(config.attention_softcap,
                         parameters.positive("attn_logit_softcapping", 50.0f));
  PIPIT_ASSIGN_OR_RETURN(config.logit_softcap,
                         parameters.positive("final_logit_softcapping", 30.0f));
  return read_windows(parameters, 4096, 2, config.ropes[0], config);
}

}  // namespace

const Architecture kGemma2 = {
    .name = "gemma2",
    .traits = {.norm_places = NormPlaces::kBoth,
               .gate = Gate::kGelu,
               .rope_pairs = RopePairs::kHalves},
    .configure = configure,
};

}  // namespace pipit
