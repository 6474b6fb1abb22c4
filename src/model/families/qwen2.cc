// Qwen 2 and 2.5 (Yang et al. 2024): queries, keys and values have biases.
#include "model/families/families.h"

namespace pipit {

const Architecture kQwen2 = {
    .name = "qwen2",
    .traits = {.rope_pairs = RopePairs::kHalves, .needs_qkv_bias = true},
};

}  // namespace pipit
