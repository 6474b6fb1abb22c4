// Gemma 3 (Gemma Team 2025): norms before and after each block and of each head's queries and keys,
// GEGLU, five layers with a sliding window and a rope of their own to each one that sees all.
#include "model/families/families.h"

namespace pipit {
namespace {

constexpr uint32_t kLayersOf27B = 62;

Status configure(const HyperParameters& parameters, Config& config) {
  scale_as_gemma(kLayersOf27B, config);
  return read_windows(parameters, 0, 6, Rope{.freq_base = 10000}, config);
}

}  // namespace

const Architecture kGemma3 = {
    .name = "gemma3",
    .traits = {.norm_places = NormPlaces::kBoth,
               .qk_norm = QkNorm::kHeads,
               .gate = Gate::kGelu,
               .rope_pairs = RopePairs::kHalves},
    .configure = configure,
};

}  // namespace pipit
