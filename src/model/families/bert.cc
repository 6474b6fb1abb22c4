// BERT (Devlin et al. 2019) as embedding models have it: learnt embeddings of positions, LayerNorm
// behind each sum, GELU without a gate.
#include "model/families/families.h"

namespace pipit {

const Architecture kBert = {
    .name = "bert",
    .traits = {.norm = NormKind::kLayer,
               .norm_places = NormPlaces::kAfterSum,
               .gate = Gate::kGelu,
               .has_gate = false,
               .has_positions = true,
               .is_encoder = true},
};

}  // namespace pipit
