// F32: weights in IEEE 754 single precision, little-endian, one after the other (ggml.h).
//
//   byte   0          4          8
//          | w[0]:f32 | w[1]:f32 | …
#include "quant/block_format.h"

namespace pipit {
namespace {

void decode(const uint8_t* blocks, size_t n, float* out) {
  if (n > 0) std::memcpy(out, blocks, n * sizeof(float));
}

void encode(const float* values, size_t n, uint8_t* blocks) {
  if (n > 0) std::memcpy(blocks, values, n * sizeof(float));
}

}  // namespace

const Format kF32Format = {TensorType::kF32, WeightKind::kF32, decode, encode, nullptr, {}};

}  // namespace pipit
