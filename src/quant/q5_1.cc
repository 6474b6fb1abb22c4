// Q5_1: 32 weights of 5 bits with a scale and a minimum (block_q5_1 in ggml-common.h).
//
//   byte   0       2       4                    8                                 24
//          | d:f16 | m:f16 | bit 4 of q[j]: bit j | q[0]|q[16]<<4 … q[15]|q[31]<<4 |
//   weight[i] = d * q[i] + m
#include "quant/block_format.h"

namespace pipit {
namespace {

constexpr size_t kBlockBytes = 24;

void decode(const uint8_t* blocks, size_t n, float* out) {
  decode_groups(kQ5_1Format, 0, blocks, n, out);
}

void encode(const float* values, size_t n, uint8_t* blocks) {
  for (; n > 0; n -= kGroupSize, values += kGroupSize, blocks += kBlockBytes) {
    int8_t q[kGroupSize];
    const auto [d, m] = quantise_range(values, 31, q);
    store_f16(blocks, d);
    store_f16(blocks + 2, m);
    pack_fifth_bits(q, blocks + 4);
    pack_nibbles(q, blocks + 8);
  }
}

void decode_group(const uint8_t* blocks, size_t i, IntegerGroup& out) {
  const uint8_t* block = blocks + i * kBlockBytes;
  set_scale(out, load_f16(block), load_f16(block + 2));
  unpack_nibbles(block + 8, out.q);
  add_fifth_bits(block + 4, out.q);
}

}  // namespace

const Format kQ5_1Format = {
    TensorType::kQ5_1, WeightKind::kInt5, decode, encode, decode_group, {0, 2}};

}  // namespace pipit
