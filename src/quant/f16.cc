// F16: weights in IEEE 754 half precision, little-endian, one after the other (ggml.h).
//
//   byte   0          2          4
//          | w[0]:f16 | w[1]:f16 | …
#include "quant/block_format.h"

namespace pipit {
namespace {

void decode(const uint8_t* blocks, size_t n, float* out) {
  for (size_t i = 0; i < n; ++i) out[i] = f16_to_f32(load_u16(blocks + 2 * i));
}

void encode(const float* values, size_t n, uint8_t* blocks) {
  for (size_t i = 0; i < n; ++i) store_u16(blocks + 2 * i, f32_to_f16(values[i]));
}

}  // namespace

const Format kF16Format = {TensorType::kF16, WeightKind::kF16, decode, encode, nullptr, {}};

}  // namespace pipit
