// Q8_0: 32 weights of 8 bits around zero with one scale (block_q8_0 in ggml-common.h).
//
//   byte   0       2                     34
//          | d:f16 | q[0]:i8 … q[31]:i8 |        weight[i] = d * q[i]
#include "quant/block_format.h"

namespace pipit {
namespace {

constexpr size_t kBlockBytes = 34;

void decode(const uint8_t* blocks, size_t n, float* out) {
  for (; n > 0; n -= kGroupSize, blocks += kBlockBytes, out += kGroupSize) {
    const float d = load_f16(blocks);
    for (size_t i = 0; i < kGroupSize; ++i) {
      out[i] = d * static_cast<float>(static_cast<int8_t>(blocks[2 + i]));
    }
  }
}

void encode(const float* values, size_t n, uint8_t* blocks) {
  for (; n > 0; n -= kGroupSize, values += kGroupSize, blocks += kBlockBytes) {
    float largest = 0.0f;
    for (size_t i = 0; i < kGroupSize; ++i) largest = std::fmax(largest, std::fabs(values[i]));
    const float d = largest / 127.0f;
    const float inverse = inverse_scale(d);
    for (size_t i = 0; i < kGroupSize; ++i) {
      const int q = clamp_to_int(std::round(values[i] * inverse), -128, 127);
      blocks[2 + i] = static_cast<uint8_t>(q);
    }
    store_f16(blocks, d);
  }
}

void decode_group(const uint8_t* blocks, size_t i, IntegerGroup& out) {
  const uint8_t* block = blocks + i * kBlockBytes;
  set_scale(out, load_f16(block), 0.0f);
  std::memcpy(out.q, block + 2, kGroupSize);
}

}  // namespace

const Format kQ8_0Format = {
    TensorType::kQ8_0, WeightKind::kInt8, decode, encode, decode_group, {0, 0}};

}  // namespace pipit
