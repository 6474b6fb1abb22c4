// Q3_K: 256 weights of 3 bits around zero, with a scale of 6 bits for each 16 (block_q3_K in
// ggml-common.h).
//
//   byte   0                           32                             96              108     110
//          | 32 · bits 2 of q[0 … 7][j] | 2 · 32 bytes of 4 elements | scales of 6 bits | d:f16 |
//   weight[i] = d * (scale[i / 16] - 32) * (q[i] - 4)
//
// Scale h has its low 4 bits in byte h % 8 of the scales, its high 2 bits in byte 8 + h % 4.
#include "quant/scale_search.h"

namespace pipit {
namespace {

constexpr size_t kBlockBytes = 110;
constexpr size_t kLow = 32;
constexpr size_t kScales = 96;
constexpr size_t kD = 108;
constexpr int kZero = 4;

int load_code(const uint8_t* scales, size_t h) {
  return ((scales[h % 8] >> (h / 8 * 4) & 15) | (scales[8 + h % 4] >> (h / 4 * 2) & 3) << 4) - 32;
}

// Into bytes that are zero but for the codes of other scales.
void store_code(int code, size_t h, uint8_t* scales) {
  const int bits = code + 32;
  uint8_t& low = scales[h % 8];
  uint8_t& high = scales[8 + h % 4];
  low = static_cast<uint8_t>(low | (bits & 15) << (h / 8 * 4));
  high = static_cast<uint8_t>(high | bits >> 4 << (h / 4 * 2));
}

float scale_of(const uint8_t* block, size_t h) {
  return load_f16(block + kD) * static_cast<float>(load_code(block + kScales, h));
}

void decode(const uint8_t* blocks, size_t n, float* out) {
  decode_groups(kQ3_KFormat, kZero, blocks, n, out);
}

// The largest of the scales becomes -32.
void encode_block(const float* values, uint8_t* block) {
  float scales[kSuperHalves];
  search_half_scales(values, -4, scales);
  const float d = farthest_from_zero(scales, kSuperHalves) / -32.0f;
  store_f16(block + kD, d);
  for (size_t h = 0; h < kSuperHalves; ++h) {
    store_code(round_to_int(scales[h] * inverse_scale(d), -32, 31), h, block + kScales);
  }
  for (size_t i = 0; i < kSuperBlock; ++i) {
    const float inverse = inverse_scale(scale_of(block, i / kHalfGroup));
    const int q = round_to_int(values[i] * inverse, -4, 3) + kZero;
    const size_t g = i / kGroupSize;
    put_planar_bits<1>(q >> 2, g, i % kGroupSize, block);
    put_planar_bits<2>(q & 3, g, i % kGroupSize, block + kLow);
  }
}

void encode(const float* values, size_t n, uint8_t* blocks) {
  encode_super_blocks<kBlockBytes>(values, n, blocks, encode_block);
}

void decode_group(const uint8_t* blocks, size_t i, IntegerGroup& out) {
  const uint8_t* block = blocks + i / kSuperGroups * kBlockBytes;
  const size_t g = i % kSuperGroups;
  for (size_t h = 0; h < 2; ++h) {
    out.scale[h] = scale_of(block, 2 * g + h);
    out.min[h] = -4.0f * out.scale[h];
  }
  for (size_t j = 0; j < kGroupSize; ++j) {
    out.q[j] =
        static_cast<int8_t>(planar_bits<2>(block + kLow, g, j) | planar_bits<1>(block, g, j) << 2);
  }
}

}  // namespace

const Format kQ3_KFormat = {
    TensorType::kQ3_K, WeightKind::kInt4Halves, decode, encode, decode_group, {kD, kD}};

}  // namespace pipit
