// BF16: the upper halves of IEEE 754 single-precision weights, little-endian (ggml.h).
//
//   byte   0           2           4
//          | w[0]:bf16 | w[1]:bf16 | …
#include "quant/block_format.h"

namespace pipit {
namespace {

void decode(const uint8_t* blocks, size_t n, float* out) {
  for (size_t i = 0; i < n; ++i) out[i] = bf16_to_f32(load_u16(blocks + 2 * i));
}

void encode(const float* values, size_t n, uint8_t* blocks) {
  for (size_t i = 0; i < n; ++i) store_u16(blocks + 2 * i, f32_to_bf16(values[i]));
}

}  // namespace

const Format kBF16Format = {TensorType::kBF16, WeightKind::kBF16, decode, encode, nullptr, {}};

}  // namespace pipit
