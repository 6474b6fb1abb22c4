// Qwen 3 (Yang et al. 2025): the queries and keys of each head are normed.
#include "model/families/families.h"

namespace pipit {

const Architecture kQwen3 = {
    .name = "qwen3",
    .traits = {.qk_norm = QkNorm::kHeads, .rope_pairs = RopePairs::kHalves},
};

}  // namespace pipit
