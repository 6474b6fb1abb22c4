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

// The weight farthest from zero gets q = 0, so the scale's sign is the opposite of its own.
void encode(const float* values, size_t n, uint8_t* blocks) {
  for (; n > 0; n -= kGroupSize, values += kGroupSize, blocks += kBlockBytes) {
    const float d = farthest_from_zero(values, kGroupSize) / -16.0f;
    const float inverse = inverse_scale(d);
    int8_t q[kGroupSize];
    for (size_t i = 0; i < kGroupSize; ++i) {
      // In double the product is exact: the same result with and without fused multiply-add.
      const double rounded = double{values[i]} * double{inverse} + 16.5;
      q[i] = static_cast<int8_t>(clamp_to_int(static_cast<float>(rounded), 0, 31));
    }
    store_f16(blocks, d);
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

const Format kQ5_0Format = {TensorType::kQ5_0, WeightKind::kInt5Centred, decode, encode,
                            decode_group};

}  // namespace pipit
