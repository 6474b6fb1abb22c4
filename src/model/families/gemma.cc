// What the Gemma families have in common.
#include <cmath>

#include "model/families/families.h"

namespace pipit {

void scale_as_gemma(uint32_t n_layer_27b, Config& config) {
  config.embedding_scale = std::sqrt(static_cast<float>(config.n_embd));
  if (config.n_layer != n_layer_27b) return;
  const uint32_t n_embd_head = config.n_embd / config.n_head;
  config.attention_scale = 1 / std::sqrt(static_cast<float>(n_embd_head));
}

}  // namespace pipit
