// Q4_1: 32 weights of 4 bits with a scale and a minimum (block_q4_1 in ggml-common.h).
//
//   byte   0       2       4                                 20
//          | d:f16 | m:f16 | q[0]|q[16]<<4 … q[15]|q[31]<<4 |        weight[i] = d * q[i] + m
#include "quant/block_format.h"

namespace pipit {
namespace {

constexpr size_t kBlockBytes = 20;

void decode(const uint8_t* blocks, size_t n, float* out) {
  for (; n > 0; n -= kGroupSize, blocks += kBlockBytes, out += kGroupSize) {
    const float d = load_f16(blocks);
    const float m = load_f16(blocks + 2);
    int8_t q[kGroupSize];
    unpack_nibbles(blocks + 4, q);
    for (size_t i = 0; i < kGroupSize; ++i) out[i] = d * static_cast<float>(q[i]) + m;
  }
}

void encode(const float* values, size_t n, uint8_t* blocks) {
  for (; n > 0; n -= kGroupSize, values += kGroupSize, blocks += kBlockBytes) {
    int8_t q[kGroupSize];
    const auto [d, m] = quantise_range(values, 15, q);
    store_f16(blocks, d);
    store_f16(blocks + 2, m);
    pack_nibbles(q, blocks + 4);
  }
}

void decode_group(const uint8_t* blocks, size_t i, IntegerGroup& out) {
  const uint8_t* block = blocks + i * kBlockBytes;
  set_scale(out, load_f16(block), load_f16(block + 2));
  unpack_nibbles(block + 4, out.q);
}

}  // namespace

const Format kQ4_1Format = {
    TensorType::kQ4_1, WeightKind::kInt4, decode, encode, decode_group, {0, 2}};

}  // namespace pipit
