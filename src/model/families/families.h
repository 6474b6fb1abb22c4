// The families, one file each, and what several of them read from the metadata.
#pragma once

#include "model/architecture.h"

namespace pipit {

extern const Architecture kLlama;
extern const Architecture kQwen2;
extern const Architecture kQwen3;
extern const Architecture kGemma2;
extern const Architecture kGemma3;
extern const Architecture kPhi3;
extern const Architecture kGranite;
extern const Architecture kOlmo2;
extern const Architecture kSmolLm3;
extern const Architecture kStableLm;
extern const Architecture kBert;
extern const Architecture kNomicBert;

// Gives a sliding window of `attention.sliding_window` positions (0: the key must be there) and
// `local_rope` to all layers but each `period`th, or to those that `sliding_window_pattern` names,
// as another period or layer by layer. `rope.freq_base_swa` overrides the rope's base.
Status read_windows(const HyperParameters& parameters, uint32_t default_window, uint32_t period,
                    Rope local_rope, Config& config);

// Gemma's scales: of embeddings sqrt(n_embd); of attention, in the model of 27B, which has
// `n_layer_27b` layers (no key tells), 1 / sqrt(n_embd / n_head).
void scale_as_gemma(uint32_t n_layer_27b, Config& config);

}  // namespace pipit
