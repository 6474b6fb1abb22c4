// Phi 3 and 4 (Abdin et al. 2024): fused tensors, rope with factors for short and for long contexts
// (LongRoPE, Ding et al. 2024). A sliding window that a file names is left aside, as llama.cpp
// does: what conversions have written there is often wrong.
#include "model/families/families.h"

namespace pipit {

const Architecture kPhi3 = {
    .name = "phi3",
    .traits = {.rope_pairs = RopePairs::kHalves, .fuses_qkv = true, .fuses_gate = true},
};

}  // namespace pipit
