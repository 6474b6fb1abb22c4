// The llama family: RMSNorm, RoPE, grouped-query attention, SwiGLU (Touvron et al. 2023, and all
// that share the shape).
#pragma once

#include "model/transformer.h"

namespace pipit {

extern const Architecture kLlama;

}  // namespace pipit
