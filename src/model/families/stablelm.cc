// StableLM 2 (Bellagente et al. 2024): LayerNorm, and RoPE for a part of each head.
#include "model/families/families.h"

namespace pipit {

const Architecture kStableLm = {
    .name = "stablelm",
    .traits = {.norm = NormKind::kLayer, .rope_pairs = RopePairs::kHalves},
};

}  // namespace pipit
