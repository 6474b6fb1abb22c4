// Nomic Embed's BERT (Nussbaum et al. 2024): RoPE in place of learnt positions, SwiGLU.
#include "model/families/families.h"

namespace pipit {

const Architecture kNomicBert = {
    .name = "nomic-bert",
    .traits = {.norm = NormKind::kLayer,
               .norm_places = NormPlaces::kAfterSum,
               .rope_pairs = RopePairs::kHalves,
               .fuses_qkv = true,
               .is_encoder = true},
};

}  // namespace pipit
