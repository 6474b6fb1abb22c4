// OLMo 2 (OLMo Team 2024): norms behind each block in place of before, queries and keys normed over
// all heads. OLMo 3 has, in three of four layers, a sliding window and a rope that is not
// stretched.
#include "model/families/families.h"

namespace pipit {
namespace {

Status configure(const HyperParameters& parameters, Config& config) {
  if (!parameters.has("attention.sliding_window")) return ok_status();
  return read_windows(parameters, 0, 4, Rope{.freq_base = config.ropes[0].freq_base}, config);
}

}  // namespace

const Architecture kOlmo2 = {
    .name = "olmo2",
    .traits = {.norm_places = NormPlaces::kAfter,
               .qk_norm = QkNorm::kAll,
               .rope_pairs = RopePairs::kHalves},
    .configure = configure,
};

}  // namespace pipit
