// Q4_0: 32 weights of 4 bits around zero with one scale (block_q4_0 in ggml-common.h).
//
//   byte   0      2                                 18
//          | d:f16 | q[0]|q[16]<<4 … q[15]|q[31]<<4 |        weight[i] = d * (q[i] - 8)
#include "quant/block_format.h"

namespace pipit {
namespace {

constexpr size_t kBlockBytes = 18;

void decode(const uint8_t* blocks, size_t n, float* out) {
  for (; n > 0; n -= kGroupSize, blocks += kBlockBytes, out += kGroupSize) {
    const float d = load_f16(blocks);
    int8_t q[kGroupSize];
    unpack_nibbles(blocks + 2, q);
    for (size_t i = 0; i < kGroupSize; ++i) out[i] = d * static_cast<float>(q[i] - 8);
  }
}

void encode(const float* values, size_t n, uint8_t* blocks) {
  for (; n > 0; n -= kGroupSize, values += kGroupSize, blocks += kBlockBytes) {
    int8_t q[kGroupSize];
    store_f16(blocks, quantise_around(8, values, q));
    pack_nibbles(q, blocks + 2);
  }
}

// d * q - 8 * d equals d * (q - 8): d has 11 significant bits, so no step rounds.
void decode_group(const uint8_t* blocks, size_t i, IntegerGroup& out) {
  const uint8_t* block = blocks + i * kBlockBytes;
  const float d = load_f16(block);
  set_scale(out, d, -8.0f * d);
  unpack_nibbles(block + 2, out.q);
}

}  // namespace

const Format kQ4_0Format = {
    TensorType::kQ4_0, WeightKind::kInt4Centred, decode, encode, decode_group, {0, 0}};

}  // namespace pipit
