// Q5_0: 32 weights of 5 bits around zero with one scale (block_q5_0 in ggml-common.h).
//
//   byte   0       2                    6                                 22
//          | d:f16 | bit 4 of q[j]: bit j | q[0]|q[16]<<4 … q[15]|q[31]<<4 |
//   weight[i] = d * (q[i] - 16)
#include "quant/block_format.h"

namespace pipit {
namespace {

constexpr size_t kBlockBytes = 22;
constexpr int kZero = 16;

void decode(const uint8_t* blocks, size_t n, float* out) {
  decode_groups(kQ5_0Format, kZero, blocks, n, out);
}

void encode(const float* values, size_t n, uint8_t* blocks) {
  for (; n > 0; n -= kGroupSize, values += kGroupSize, blocks += kBlockBytes) {
    int8_t q[kGroupSize];
    store_f16(blocks, quantise_around(kZero, values, q));
    pack_fifth_bits(q, blocks + 2);
    pack_nibbles(q, blocks + 6);
  }
}

void decode_group(const uint8_t* blocks, size_t i, IntegerGroup& out) {
  const uint8_t* block = blocks + i * kBlockBytes;
  const float d = load_f16(block);
  set_scale(out, d, -16.0f * d);
  unpack_nibbles(block + 6, out.q);
  add_fifth_bits(block + 2, out.q);
}

}  // namespace

const Format kQ5_0Format = {
    TensorType::kQ5_0, WeightKind::kInt5Centred, decode, encode, decode_group, {0, 0}};

}  // namespace pipit
